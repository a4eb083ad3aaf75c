"""The ways to choose that the energy plan is compared with, all by the same predictions.

All run on one host, so plans know its cores: stages that may run at once wait for each other.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.shipped import DEFAULT, SPACE, Configs, Shipped
from flexecutor_energy import DAG, ConfigSpace, StageConfig
from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization import solve
from flexecutor_energy.optimization.objective import Objective

SLACK = 1.2
CORES = float(os.cpu_count() or 1)
CONFIDENCES = (0.95, 0.8, 0.5)
PLAN = "energy plan"
OTHERS = ("fastest", "default", "uniform", "cost")


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to run a workflow.

    Attributes
    ----------
    configs : by stage
    time_s, energy_j : expected of a run, at its mean
    like : the choice before it that runs the same; "" where there is none
    """

    configs: Mapping[str, StageConfig]
    time_s: float
    energy_j: float
    like: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When runs should end.

    Attributes
    ----------
    seconds : of a run
    confidence : share of runs that plans promise to keep it; None where nothing can be promised,
        so that plans keep it with their mean
    """

    seconds: float
    confidence: float | None

    def __str__(self) -> str:
        kept = "mean" if self.confidence is None else f"{self.confidence:.0%}"
        return f"{self.seconds:.2f} s ({kept})"


def choices(work: Shipped) -> tuple[Deadline, dict[str, Choice]]:
    """Return the energy plan under a deadline of 1.2 × the fastest plan's time, and the others."""
    fastest = work.dag.optimize("time", space=SPACE, capacity=CORES)
    deadline = _promised(work.dag, SLACK * fastest.time.mean)
    found: dict[str, Choice] = {}
    ways: dict[str, Configs] = {
        PLAN: best(work.dag, "energy", deadline) or fastest.configs,
        "fastest": fastest.configs,
        "default": work.everywhere(DEFAULT),
        "uniform": work.everywhere(_uniform(work, deadline)),
        "cost": best(work.dag, "cost", deadline) or fastest.configs,
    }
    for name, configs in ways.items():
        like = next((own for own in found if found[own].configs == configs), "")
        expected = work.dag.predict(configs)
        energy_j = expected.energy.mean if expected.energy is not None else 0.0
        found[name] = Choice(configs, expected.time.mean, energy_j, like)
    return deadline, found


def best(
    dag: DAG, objective: Objective, deadline: Deadline, space: ConfigSpace = SPACE
) -> Configs | None:
    """Return the best configurations that keep a deadline as promised; None where none does."""
    try:
        if deadline.confidence is not None:
            return dag.optimize(
                objective,
                deadline.seconds,
                confidence=deadline.confidence,
                space=space,
                capacity=CORES,
            ).configs
        free = dag.optimize(objective, space=space, capacity=CORES)
        on_means = replace(free.problem(), max_time=deadline.seconds)
        choice = solve(on_means, objective).choice
    except (GapError, InfeasibleError):
        return None
    return {
        options.stage_id: options.candidates[index].config
        for options, index in zip(free.table, choice, strict=True)
    }


def _promised(dag: DAG, seconds: float) -> Deadline:
    """Return the deadline at the highest confidence that any plan can promise it with."""
    for confidence in CONFIDENCES:
        deadline = Deadline(seconds, confidence)
        if best(dag, "energy", deadline) is not None:
            return deadline
    return Deadline(seconds, None)


def _uniform(work: Shipped, deadline: Deadline) -> StageConfig:
    """Return the configuration of least energy among those that all stages can share.

    Where none can promise the deadline, the one of least time.
    """
    expected = {config: work.dag.predict(work.everywhere(config)) for config in SPACE}
    energy = {
        config: prediction.energy.mean
        for config, prediction in expected.items()
        if prediction.energy is not None
        and best(work.dag, "energy", deadline, ConfigSpace.of([config])) is not None
    }
    if energy:
        return min(energy, key=energy.__getitem__)
    return min(expected, key=lambda config: expected[config].time.mean)
