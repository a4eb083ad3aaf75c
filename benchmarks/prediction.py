"""How well stage times are predicted: on the reference profiles, and on drawn workflows.

    python -m benchmarks.prediction [--quick] [--draws 20] [--seeds 4]

First, for each stage of the reference profiles, the error on configurations left out of training
(mean absolute percentage error): each family alone, and their blend, weighed without the
configuration that it then predicts; and the error on the other repetitions when models learn from
every second one. Then a table over data sets, reference profiles and drawn workflows: median and
worst stage of the error on left-out configurations, with only eight random configurations, and at
the largest corner when nothing near it was profiled; how often intervals hold held-out runs; and
what noise alone is worth, below which no error can be.
"""

import argparse
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.drawn_workflows import DESIGNS, draw_workflow
from flexecutor_energy.prediction import TrainReport, WorkflowModel, train_profiles
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

PROFILES = Path(__file__).parent.parent / "profiles" / "reference"
PARENTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "jolteon_ml": {
        "stage1": ["stage0"],
        "stage2": ["stage0", "stage1"],
        "stage3": ["stage0", "stage2"],
    },
    "aws_titanic_x86": {},
    "aws_titanic_arm": {},
}
_VM = {"train": ["pca"], "aggregate": ["pca", "train"], "test": ["pca", "aggregate"]}
FAMILIES = ("phases", "phases+gp", "frugal", "frugal+gp", "lean")
_LEVELS = (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Score:
    """How well one stage is predicted: shares, None where the data cannot tell."""

    noise: float | None
    left_out: float | None
    eight: float | None
    corner: float | None
    inside: Mapping[float, float | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer draws, one workflow a kind")
    parser.add_argument("--draws", type=int, default=20, help="random choices of 8 configurations")
    parser.add_argument("--seeds", type=int, default=4, help="drawn workflows of each kind")
    chosen = parser.parse_args()
    draws, seeds = (3, 1) if chosen.quick else (chosen.draws, chosen.seeds)
    table: dict[str, list[Score]] = {}
    for workflow, parents in {**PARENTS, "ml_2core_vm": _VM}.items():
        profiles = {p.stem: load_profile(p) for p in sorted((PROFILES / workflow).glob("*.json"))}
        start = perf_counter()
        model, report = train_profiles(profiles, parents, dag=workflow)
        print_stages(workflow, report, perf_counter() - start)
        ratios = np.concatenate([stage.runs.ratio("time") for stage in model.stages.values()])
        print(f"widest held-out measured/predicted: {np.max(ratios):.2f}, {np.min(ratios):.2f}")
        print_repeated(profiles, parents)
        first = {stage: own.configs[0] for stage, own in model.stages.items()}
        factor = model.bound(first).factor
        print(f"bound factor of the makespan at 95 % as in the first run: {factor:.2f}")
        table[workflow] = scores(profiles, parents, model, report, draws)
    for design in DESIGNS:
        for seed in range(seeds):
            drawn = draw_workflow(design, seed)
            model, report = train_profiles(drawn.profiles, drawn.parents, dag="drawn")
            found = scores(drawn.profiles, drawn.parents, model, report, min(draws, 2))
            table.setdefault(design.name, []).extend(found)
    print_table(table)


def print_stages(workflow: str, report: TrainReport, seconds: float) -> None:
    """Print the held-out error of each family on each stage, and that of their blend."""
    print(f"\n{workflow}: trained in {seconds:.1f} s; held-out error in %")
    print(f"{'stage':<10}" + "".join(f"{name:>11}" for name in FAMILIES) + f"{'blend':>11}")
    for name, stage in report.stages.items():
        found = [100 * stage.errors["time"].get(family, np.nan) for family in FAMILIES]
        errors = "".join(f"{error:11.1f}" for error in found)
        print(f"{name:<10}{errors}{100 * (stage.mape_time or np.nan):>11.1f}  {stage.predictor}")


def scores(
    profiles: Mapping[str, Profile],
    parents: Mapping[str, Sequence[str]],
    model: WorkflowModel,
    report: TrainReport,
    draws: int,
) -> list[Score]:
    """Return how well each stage is predicted: left out, from eight, and at the corner."""
    found = []
    for name, stage in model.stages.items():
        known = list(stage.configs)
        few = []
        for seed in range(draws if len(known) > 8 else 0):
            order = np.random.default_rng(seed).permutation(len(known))
            few.append(error_without(name, profiles, parents, {known[i] for i in order[:8]}))
        cpus, workers = (sorted({getattr(c, a) for c in known}) for a in ("cpu", "workers"))
        below = {c for c in known if c.cpu < cpus[-2:][0] or c.workers < workers[-2:][0]}
        corner = error_without(name, profiles, parents, below) if len(below) > 2 else None
        quality = report.stages[name]
        eight = float(np.mean(few)) if few else None
        noise = expected_noise(profiles[name])
        found.append(Score(noise, quality.mape_time, eight, corner, quality.coverages))
    return found


def expected_noise(profile: Profile) -> float | None:
    """Return the error that the true means would have: what repetitions scatter, in the mean."""
    conditions: dict[tuple[StageConfig, tuple[tuple[str, int], ...]], list[float]] = {}
    for run in profile.runs:
        key = run.config, tuple(run.fan_in.items())
        conditions.setdefault(key, []).append(np.log(run.time_s or np.nan))
    repeated = [logs for logs in conditions.values() if len(logs) > 1]
    if not repeated:
        return None
    spread = np.sqrt(np.mean([np.var(logs, ddof=1) for logs in repeated]))
    runs = np.mean([1 / np.sqrt(len(logs)) for logs in conditions.values()])
    return float(np.sqrt(2 / np.pi) * spread * runs)


def print_table(table: Mapping[str, Sequence[Score]]) -> None:
    """Print median/worst stage of each error, and the share of runs inside intervals."""
    print(f"\n{'data set':<17}{'stages':>6}{'noise':>7}{'left out':>13}{'eight':>13}", end="")
    print(f"{'corner':>13}" + "".join(f"{f'in {level:.0%}':>9}" for level in _LEVELS) + "   worst")
    for name, found in table.items():
        line = f"{name:<17}{len(found):>6}{_median([s.noise for s in found]):>7.1%}"
        for which in ("left_out", "eight", "corner"):
            errors = [getattr(score, which) for score in found]
            line += f"{_median(errors):>7.1%}{max([e for e in errors if e], default=np.nan):>6.0%}"
        for level in _LEVELS:
            line += f"{np.mean([s.inside[level] or np.nan for s in found]):>9.1%}"
        print(f"{line}{min(s.inside[_LEVELS[-1]] or np.nan for s in found):>8.0%}")


def _median(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else float("nan")


def print_repeated(
    profiles: Mapping[str, Profile], parents: Mapping[str, Sequence[str]], level: float = 0.9
) -> None:
    """Train on every other repetition, and print how the remaining ones are predicted."""
    halves: tuple[dict[str, Profile], dict[str, Profile]] = ({}, {})
    for name, profile in profiles.items():
        order = Counter[StageConfig]()
        sides: tuple[list[StageRun], list[StageRun]] = ([], [])
        for run in profile.runs:
            sides[order[run.config] % 2].append(run)
            order[run.config] += 1
        for half, runs in zip(halves, sides, strict=True):
            half[name] = replace(profile, runs=tuple(runs))
    model, _ = train_profiles(halves[0], parents, dag="half")
    for name, profile in halves[1].items():
        errors, inside = [], []
        for run in profile.runs:
            time = model.predict_stage(name, run.config, run.fan_in, confidence=level).time
            errors.append(abs((run.time_s or np.nan) / time.mean - 1))
            inside.append((run.time_s or np.nan) in time)
        print(
            f"{name}: other repetitions of measured configurations {100 * np.mean(errors):.1f} %, "
            f"{100 * np.mean(inside):.0f} % inside {level:.0%} intervals"
        )


def error_without(
    stage: str,
    profiles: Mapping[str, Profile],
    parents: Mapping[str, Sequence[str]],
    kept: Collection[StageConfig],
) -> float:
    """Return the error on the configurations of a stage that are not kept for training."""
    profile = profiles[stage]
    seen = tuple(run for run in profile.runs if run.config in kept)
    hidden: dict[tuple[StageConfig, tuple[tuple[str, int], ...]], list[StageRun]] = {}
    for run in profile.runs:
        if run.config not in kept:
            hidden.setdefault((run.config, tuple(run.fan_in.items())), []).append(run)
    before = parents.get(stage, ())
    subset = {name: profiles[name] for name in before} | {stage: replace(profile, runs=seen)}
    model, _ = train_profiles(subset, {stage: before}, dag="part")
    predicted = model.predict_table(stage, [c for c, _ in hidden], [dict(f) for _, f in hidden])
    measured = [np.mean([run.time_s or np.nan for run in runs]) for runs in hidden.values()]
    return float(np.mean(np.abs(predicted.time_s / np.array(measured) - 1)))


if __name__ == "__main__":
    main()
