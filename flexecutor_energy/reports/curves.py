"""How time and energy of each stage change with its workers: measured and predicted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.errors import MissingEnergyError
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.table import Candidate
from flexecutor_energy.prediction.results import stage_energy_j
from flexecutor_energy.quantities import Interval
from flexecutor_energy.records.run import Profile, StageRun

_PARTS = {
    "energy": "energy_j",
    "energy_dynamic": "energy_dynamic_j",
    "energy_idle": "energy_idle_j",
    "energy_startup": "energy_startup_j",
}


_BESIDE = 0.05
"""By how much, in octaves of workers, pictures move neighbouring series apart."""


def beside(number: int, of: int) -> float:
    """Return what to multiply the workers of a series by, so that series hide nothing.

    Parameters
    ----------
    number, of : which series of how many
    """
    return float(2 ** (_BESIDE * (number - (of - 1) / 2)))


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the plan's predictors say of one worker count; seconds, joules."""

    workers: int
    time: Interval
    energy: Interval | None
    extrapolated: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the stage in a profile; seconds, joules in the scope of the plan.

    ``comparable`` where its parents had the workers that the predictions assume, or where these
    make no difference.
    """

    workers: int
    time_s: float | None
    energy_j: float | None
    comparable: bool


@dataclass(frozen=True, slots=True)
class Series:
    """One cpu and memory over its worker counts.

    Attributes
    ----------
    cpu, memory_mb : of each worker
    predicted : by worker count, with the parents' workers of the plan
    measured : each run in the profile
    """

    cpu: float
    memory_mb: int
    predicted: tuple[Predicted, ...]
    measured: tuple[Measured, ...]

    @property
    def name(self) -> str:
        """The cpu and memory in words."""
        memory = f"{self.memory_mb} MB" if self.memory_mb else "no memory limit"
        return f"{self.cpu:.3g} cpu × {memory}"


@dataclass(frozen=True, slots=True)
class StageCurves:
    """All series of one stage, and the least that is predicted of them.

    Attributes
    ----------
    stage_id : the stage
    series : by cpu, then memory
    fastest, most_frugal : (cpu, memory in MB, workers) of the least time, and of the least
        energy (None where unmeasured)
    chosen : the plan's (cpu, memory in MB, workers)
    """

    stage_id: str
    series: tuple[Series, ...]
    fastest: tuple[float, int, int]
    most_frugal: tuple[float, int, int] | None
    chosen: tuple[float, int, int]


def curves_of(plan: Plan, profiles: Mapping[str, Profile]) -> tuple[StageCurves, ...]:
    """Return the curves of every stage of a plan.

    Parameters
    ----------
    plan : its candidate table holds the predictions
    profiles : what was measured, by stage; stages that are missing show predictions only
    """
    workers = {stage_id: config.workers for stage_id, config in plan.configs.items()}
    return tuple(
        _stage(plan, options.stage_id, options.candidates, workers, profiles)
        for options in plan.table
    )


def _fitting(candidates: tuple[Candidate, ...], workers: Mapping[str, int]) -> list[Candidate]:
    """Return the candidates whose parents have the workers that the plan gives them."""
    return [
        c for c in candidates if all(workers[p] == count for p, count in (c.fan_in or {}).items())
    ]


def _stage(
    plan: Plan,
    stage_id: str,
    all_candidates: tuple[Candidate, ...],
    workers: Mapping[str, int],
    profiles: Mapping[str, Profile],
) -> StageCurves:
    candidates = _fitting(all_candidates, workers)
    assumed = {p: workers[p] for c in candidates for p in c.fan_in or ()}
    runs = profiles[stage_id].runs if stage_id in profiles else ()
    sizes = sorted({(c.cpu, c.memory) for c in candidates})
    energies = [c for c in candidates if c.energy is not None]
    return StageCurves(
        stage_id=stage_id,
        series=tuple(
            Series(
                cpu,
                memory,
                tuple(
                    Predicted(c.workers, c.time, c.energy, c.extrapolated)
                    for c in sorted(candidates, key=lambda c: c.workers)
                    if (c.cpu, c.memory) == (cpu, memory)
                ),
                tuple(
                    Measured(
                        run.config.workers,
                        run.time_s,
                        run_energy_j(run, plan.terms.scope, stage_id),
                        all(run.fan_in.get(p, count) == count for p, count in assumed.items()),
                    )
                    for run in runs
                    if (run.config.cpu, run.config.memory) == (cpu, memory)
                ),
            )
            for cpu, memory in sizes
        ),
        fastest=_least(candidates, lambda c: c.time.mean),
        most_frugal=_least(energies, lambda c: c.energy.mean if c.energy else 0.0)
        if energies
        else None,
        chosen=plan.chosen[stage_id].key,
    )


def _least(
    candidates: list[Candidate], value: Callable[[Candidate], float]
) -> tuple[float, int, int]:
    return min(candidates, key=lambda c: (value(c), c.key)).key


def run_energy_j(run: StageRun, scope: str, stage_id: str) -> float | None:
    """Return the joules of one run of a stage in a scope; None where they are not known."""
    known = {
        name: np.array([value])
        for name, part in _PARTS.items()
        if (value := getattr(run, part)) is not None
    }
    try:
        joules = stage_energy_j(known, scope, stage_id)
    except MissingEnergyError:  # only the total is known, and the scope wants a part of it
        return None
    return None if joules is None else float(joules[0])
