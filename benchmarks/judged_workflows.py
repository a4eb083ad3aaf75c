"""Workflows of which one half of the runs is known to models, and the other half judges plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drawn_workflows import DESIGNS, Drawn, draw_run, draw_workflow, measure
from benchmarks.prediction import PROFILES
from benchmarks.workloads import WORKFLOWS
from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

_DRAWS = 30  # imagined runs behind a mean of the truth
Parents = Mapping[str, Sequence[str]]
Condition = tuple[StageConfig, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A workflow of which one half is known, and the other judges.

    Attributes
    ----------
    name : as tables show it
    known : profiles to learn from
    parents : stage → the stages it waits for
    truth : tells time (s) and billed seconds of a stage in a condition
    deviations : stage → array (runs,), held-out run over the truth of its condition
    """

    name: str
    known: Mapping[str, Profile]
    parents: Parents
    truth: "Truth"
    deviations: Mapping[str, FloatArray]


class Truth:
    """Means of what a stage takes, by condition: a law's, or those of held-out runs."""

    def __init__(
        self,
        drawn: Drawn | None = None,
        held_out: Mapping[str, Profile] | None = None,
        model: WorkflowModel | None = None,
    ) -> None:
        self._drawn, self._model = drawn, model
        self._known: dict[tuple[str, Condition], tuple[float, float]] = {}
        for stage, profile in (held_out or {}).items():
            for condition, runs in by_condition(profile).items():
                self._known[stage, condition] = _means(runs)

    def __call__(
        self, stage: str, config: StageConfig, fan_in: Mapping[str, int]
    ) -> tuple[float, float]:
        """Return seconds of the stage, and seconds billed."""
        key = stage, (config, tuple(sorted(fan_in.items())))
        if key not in self._known:
            self._known[key] = self._find(stage, config, fan_in)
        return self._known[key]

    def _find(
        self, stage: str, config: StageConfig, fan_in: Mapping[str, int]
    ) -> tuple[float, float]:
        if self._drawn is not None:
            rng = np.random.default_rng(1)
            law, design = self._drawn.laws[stage], self._drawn.design
            meta = {"fan_in": dict(fan_in)}
            imagined = (
                draw_run(rng, design, law, config, meta, float(rng.normal()))
                for _ in range(_DRAWS)
            )
            return _means(list(imagined))
        assert self._model is not None
        table = self._model.predict_table(stage, [config], fan_in)
        return float(table.time_s[0]), float(table.worker_seconds[0])


def _means(runs: Sequence[StageRun]) -> tuple[float, float]:
    """Return the mean time and the mean of billed seconds, without what is absurd."""
    times = np.array([run.time_s for run in runs], dtype=float)
    sane = times <= 5 * np.median(times)
    billed = np.array([run.worker_seconds for run in runs], dtype=float)
    return float(np.mean(times[sane])), float(np.mean(billed[sane]))


def by_condition(profile: Profile) -> dict[Condition, list[StageRun]]:
    found: dict[Condition, list[StageRun]] = {}
    for run in profile.runs:
        found.setdefault((run.config, tuple(sorted(run.fan_in.items()))), []).append(run)
    return found


def drawn_world(number: int, seed: int) -> World:
    """Return a workflow with known laws, and a second sweep of it as judge."""
    design = replace(DESIGNS[number], reps=max(DESIGNS[number].reps // 2, 2))
    drawn = draw_workflow(design, seed)
    rng = np.random.default_rng(seed + 1)
    judge = measure(rng, design, drawn.laws, drawn.parents, drawn.space)
    truth = Truth(drawn)
    deviations = {
        stage: np.array([_deviation(run, truth, stage) for run in profile.runs])
        for stage, profile in judge.items()
    }
    return World(design.name, drawn.profiles, drawn.parents, truth, deviations)


def _deviation(run: StageRun, truth: Truth, stage: str) -> float:
    return (run.time_s or np.nan) / truth(stage, run.config, run.fan_in)[0]


def reference_world(name: str, seed: int) -> World:
    """Return a reference workflow with half of the repetitions of each condition held out."""
    parents = WORKFLOWS[name]
    profiles = {p.stem: load_profile(p) for p in sorted((PROFILES / name).glob("*.json"))}
    known_ids = _half(profiles, seed)
    known = {s: _picked(profile, known_ids, keep=True) for s, profile in profiles.items()}
    held_out = {s: _picked(profile, known_ids, keep=False) for s, profile in profiles.items()}
    model, _ = train_profiles(profiles, parents, dag=name)
    deviations = {s: _deviations(profiles[s], own) for s, own in held_out.items()}
    return World(name, known, parents, Truth(None, held_out, model), deviations)


def run_name(run: StageRun, number: int) -> str:
    return run.run_id or str(number)


def _half(profiles: Mapping[str, Profile], seed: int) -> set[str]:
    """Return the runs to learn from: half of those in which all stages were alike."""
    alike: dict[str, list[str]] = {}
    for profile in profiles.values():
        for number, run in enumerate(profile.runs):
            alike.setdefault(run_name(run, number), []).append(str(run.config.key))
    groups: dict[str, list[str]] = {}
    for name, configs in alike.items():
        groups.setdefault(" ".join(configs), []).append(name)
    rng = np.random.default_rng(seed)
    known: set[str] = set()
    for group in groups.values():
        count = (len(group) + int(rng.integers(2))) // 2
        known.update(rng.permutation(group)[:count].tolist())
    return known


def _picked(profile: Profile, names: set[str], *, keep: bool) -> Profile:
    runs = [r for i, r in enumerate(profile.runs) if (run_name(r, i) in names) == keep]
    return replace(profile, runs=tuple(runs))


def _deviations(profile: Profile, held_out: Profile) -> FloatArray:
    """Return each held-out run over the mean of all runs of its condition.

    A run is part of that mean, which takes the n-th part of its deviation away.
    """
    conditions = by_condition(profile)
    found = []
    for run in held_out.runs:
        alike = conditions[run.config, tuple(sorted(run.fan_in.items()))]
        n = len(alike)
        off = np.log((run.time_s or np.nan) / _means(alike)[0])
        found.append(np.exp(off * np.sqrt(n / (n - 1))) if n > 1 else np.nan)
    return np.array(found)
