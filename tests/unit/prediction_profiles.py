"""Profiles made from a law that is known, and the measured reference profiles."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from flexecutor_energy.prediction import TrainReport, WorkflowModel, train_profiles
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

REFERENCE = Path(__file__).parents[2] / "profiles" / "reference"
JOLTEON_PARENTS = {
    "stage1": ["stage0"],
    "stage2": ["stage0", "stage1"],
    "stage3": ["stage0", "stage2"],
}

WATTS_PER_BUSY_CORE = 6.0
WATTS_PER_RESERVED_CORE = 2.0
STARTUP_J = 3.0


def reference(workflow: str) -> dict[str, Profile]:
    """Return the measured profiles of a reference workflow, by stage."""
    paths = sorted((REFERENCE / workflow).glob("*.json"))
    return {path.stem: load_profile(path) for path in paths}


@cache
def trained_reference(workflow: str) -> tuple[WorkflowModel, TrainReport]:
    """Return the model of a reference workflow, which is a value and can be shared."""
    parents = JOLTEON_PARENTS if workflow == "jolteon_ml" else {}
    return train_profiles(reference(workflow), parents, dag=workflow)


def grid(
    cpus: Sequence[float] = (0.5, 1, 2),
    workers: Sequence[int] = (1, 2, 4),
    memories: Sequence[int] = (1024,),
) -> list[StageConfig]:
    return [StageConfig(c, w, m) for c in cpus for m in memories for w in workers]


def work(config: StageConfig, fan_in: int = 0) -> tuple[float, float, float, float]:
    """Return read, compute, write and cold start in seconds: the law behind made profiles."""
    compute = 8.0 / (config.cpu * config.workers) + 0.5 / min(config.cpu, 1.0)
    return 0.2 + 0.6 / config.workers + 0.05 * fan_in, compute, 0.1, 0.3


def worker(
    config: StageConfig, factor: float = 1.0, fan_in: int = 0, energy: bool = True
) -> WorkerRecord:
    read, compute, write, cold = (factor * phase for phase in work(config, fan_in))
    busy = factor * (8.0 / config.workers + 0.5)
    duration = read + compute + write + cold
    dynamic = WATTS_PER_BUSY_CORE * busy
    idle = WATTS_PER_RESERVED_CORE * config.cpu * duration
    return WorkerRecord(
        read_s=read,
        compute_s=compute,
        write_s=write,
        cold_start_s=cold,
        energy_j=dynamic + idle if energy else None,
        energy_dynamic_j=dynamic if energy else None,
        energy_idle_j=idle if energy else None,
        energy_startup_j=STARTUP_J * factor if energy else None,
        cpu_time_s=busy if energy else None,
    )


def made_profile(
    configs: Sequence[StageConfig],
    *,
    stage: str = "stage",
    reps: int = 2,
    noise: float = 0.02,
    seed: int = 0,
    parent: str = "",
    fan_ins: Sequence[int] = (1,),
    energy: bool = True,
    factor_of: Callable[[str], float] | None = None,
    run_ids: bool = True,
) -> Profile:
    """Return a profile of the known law with noise.

    Parameters
    ----------
    factor_of : run id → factor on all its times, instead of noise
    """
    generator = np.random.default_rng(seed)
    runs = []
    for number, config in enumerate(configs):
        for rep in range(reps):
            run_id = f"run-{number}-{rep}"
            fan_in = fan_ins[(number + rep) % len(fan_ins)] if parent else 0
            factor = factor_of(run_id) if factor_of else float(generator.lognormal(0, noise))
            workers = tuple(
                worker(config, factor * float(generator.lognormal(0, noise / 4)), fan_in, energy)
                for _ in range(config.workers)
            )
            meta: dict[str, object] = {"fan_in": {parent: fan_in} if parent else {}}
            if run_ids:
                meta["run_id"] = run_id
            runs.append(StageRun(config, workers, None, meta))
    return Profile("made", stage, tuple(runs))


def changed_run(profile: Profile, index: int, factor: float) -> Profile:
    """Return the profile with all times and joules of one run multiplied."""
    runs = list(profile.runs)
    runs[index] = scaled_run(runs[index], factor)
    return replace(profile, runs=tuple(runs))


def scaled_run(run: StageRun, factor: float) -> StageRun:
    numbers = (
        "read_s",
        "compute_s",
        "write_s",
        "cold_start_s",
        "energy_j",
        "energy_dynamic_j",
        "energy_idle_j",
        "energy_startup_j",
        "cpu_time_s",
    )
    workers = tuple(
        replace(
            record,
            **{
                name: factor * value
                for name in numbers
                if (value := getattr(record, name)) is not None
            },
        )
        for record in run.workers
    )
    return replace(run, workers=workers)
