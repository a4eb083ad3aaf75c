"""Workflows whose laws are drawn at random: profiles as broad as real ones, with known truth.

A law has what real stages show: work that is split and work that is not, cores that help only up
to a number, bandwidth that grows with cores and then stops, objects of the parents that are
opened one by one, memory that runs short, hosts that are full, workers that straggle, starts
that wait in a queue, whole runs that are slow, and absurd values once in a while. None of it has
the form that any predictor fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

FloatArray = npt.NDArray[np.float64]
Generator = np.random.Generator


@dataclass(frozen=True, slots=True)
class Design:
    """What is measured.

    Attributes
    ----------
    name : as tables show it
    stages : how many the workflow has
    reps : repetitions of each configuration
    offers : (cores, MB) of a worker
    workers : worker counts
    configurations : how many of all combinations are measured; None: all
    cores : of the one host that all workers share; None: each brings its own
    averaged : whether a profile holds, for each worker, the mean over the workers of that run
    noise : standard deviation of the logarithm, (least, greatest): of a run, and of a worker
    energy : whether joules were measured
    together : share of the variance of a run's noise that all its stages have in common
    """

    name: str
    stages: int
    reps: int
    offers: tuple[tuple[float, int], ...]
    workers: tuple[int, ...]
    configurations: int | None = None
    cores: float | None = None
    averaged: bool = False
    noise: tuple[float, float] = (0.02, 0.06)
    energy: bool = False
    together: float = 0.5


def _cloud(*memories: int) -> tuple[tuple[float, int], ...]:
    return tuple((round(mb / 1769, 4), mb) for mb in memories)


_CLUSTER = tuple((cpu, mb) for mb in (1024, 4096) for cpu in (0.5, 1.0, 2.0, 4.0))

DESIGNS = (
    Design(
        "two reps",
        4,
        2,
        _cloud(1024, 1792, 3584, 5120, 7168, 10240),
        (4, 8, 16, 32),
        23,
        averaged=True,
    ),
    Design(
        "SQL, two reps",
        8,
        2,
        _cloud(896, 1792, 3584, 7168),
        (4, 8, 16, 24, 32),
        averaged=True,
        noise=(0.03, 0.08),
    ),
    Design("ten reps", 1, 10, _cloud(512, 1024, 2048), (4, 6, 8, 10, 12, 16, 20, 24, 28)),
    Design("video, ten reps", 4, 10, _cloud(1024, 2048, 4096), (1, 2, 4, 8, 12, 16), 16),
    Design("cluster", 4, 3, _CLUSTER, (1, 2, 4, 8), 24, energy=True),
    Design(
        "one host",
        4,
        3,
        ((0.5, 1024), (1.0, 1024), (2.0, 1024)),
        (1, 2, 4),
        cores=4.0,
        energy=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Law:
    """How long the workers of a stage take; seconds, cores, workers, GB."""

    work_s: float  # core seconds of the whole stage
    alone_s: float  # of each worker, on a single core
    cores_used: float  # beyond which more cores do not help
    scaling: float  # exponent of the speed-up by cores, up to 1
    growth: float  # exponent of work on the share of the data, from 1
    data_s: float  # seconds to read everything with one worker of one core
    bandwidth: float  # exponent of bandwidth on cores
    bandwidth_cores: float  # up to which it grows
    store_s: float  # the store needs as long for everything, whoever reads
    object_s: float  # to open one object of a parent
    threads: float  # that open objects at once
    written: float  # share of the data that is written
    coordination_s: float  # for each worker
    memory_gb: float  # used by a worker
    memory_shared_gb: float  # divided among workers
    thrash: float  # how much slower without memory
    start_s: float
    start_spread: float
    run_noise: float
    worker_noise: float
    straggler_share: float
    single: bool  # runs one worker always


def draw_law(rng: Generator, design: Design, *, single: bool) -> Law:
    """Return a law that fits the design's sizes."""
    scale = float(rng.lognormal(3.5, 1.0)) * (0.3 if single else 1.0)
    computes = rng.random() < 0.65
    moved = float(rng.lognormal(2.5, 0.8)) * (0.3 if single else 1.0)
    low, high = np.log(design.noise)
    return Law(
        work_s=scale * (1.0 if computes else 0.1),
        alone_s=float(rng.choice([0.0, 0.1, 0.5, 2.0])),
        cores_used=float(rng.choice([1.0, 2.0, 4.0, 8.0])),
        scaling=float(rng.uniform(0.7, 1.0)),
        growth=float(rng.choice([1.0, 1.0, rng.uniform(1.0, 1.3)])),
        data_s=moved,
        bandwidth=float(rng.uniform(0.2, 1.0)),
        bandwidth_cores=float(rng.choice([1.0, 1.5, 3.0])),
        store_s=float(moved / rng.choice([8.0, 30.0, 200.0])),
        object_s=float(rng.choice([0.0, 0.02, 0.05, 0.15])),
        threads=float(rng.choice([1.0, 4.0, 16.0])),
        written=float(rng.choice([0.02, 0.2, 0.6])),
        coordination_s=float(rng.choice([0.0, 0.0, 0.01, 0.03])),
        memory_gb=float(rng.uniform(0.1, 0.6)),
        memory_shared_gb=float(rng.choice([0.0, 2.0, 6.0])),
        thrash=float(rng.choice([0.0, 0.3, 1.0])),
        start_s=float(rng.choice([0.2, 0.4, 1.5, 3.0])),
        start_spread=float(rng.choice([0.03, 0.1, 0.3])),
        run_noise=float(np.exp(rng.uniform(low, high))),
        worker_noise=float(np.exp(rng.uniform(low, high))),
        straggler_share=float(rng.choice([0.0, 0.0, 0.01, 0.03])),
        single=single,
    )


def phases_s(
    law: Law, config: StageConfig, fan_in: Mapping[str, int], cores: float | None = None
) -> tuple[float, float, float]:
    """Return how long a worker of usual speed reads, computes and writes, in seconds."""
    k, w, gb = config.cpu, float(config.workers), config.memory / 1024
    crowd = 1.0 if cores is None else max(1.0, k * w / cores) ** 1.1
    speed = min(k, law.cores_used) ** law.scaling if k > 1 else k
    share = law.work_s / w**law.growth
    need = law.memory_gb + law.memory_shared_gb / w
    pressure = 1.0 + law.thrash * max(need / gb - 1.0, 0.0) if gb else 1.0
    compute = crowd * pressure * (share / speed + law.alone_s / min(k, 1.0))
    link = min(k, law.bandwidth_cores) ** law.bandwidth
    opened = law.object_s * sum(fan_in.values()) / min(law.threads, max(4 * k, 1.0))
    read = 0.05 + max(law.data_s / (w * link), law.store_s) + opened / min(k, 1.0) ** 0.5
    write = 0.03 + law.written * law.data_s / (w * link) + law.coordination_s * w
    return read, compute, write


def draw_run(
    rng: Generator,
    design: Design,
    law: Law,
    config: StageConfig,
    meta: Mapping[str, object],
    shock: float = 0.0,
) -> StageRun:
    """Return one measured run; ``shock`` is what all stages of it have in common, normal."""
    fan_in = dict(meta["fan_in"])  # type: ignore[call-overload]
    usual = np.array(phases_s(law, config, fan_in, design.cores))
    w = config.workers
    stragglers = np.where(rng.random(w) < law.straggler_share, rng.uniform(1.2, 2.5, w), 1.0)
    slow = design.together**0.5 * shock + (1 - design.together) ** 0.5 * rng.normal()
    factor = np.exp(law.run_noise * slow + rng.normal(0, law.worker_noise, w)) * stragglers
    if rng.random() < 0.003:  # something else happened
        factor *= rng.choice([0.1, 8.0, 40.0])
    moved = np.exp(rng.normal(0, 1.5 * law.worker_noise, (2, w)))
    read, compute, write = usual[0] * moved[0] * factor, usual[1] * factor, usual[2] * moved[1]
    start = law.start_s * np.exp(
        rng.normal(0, law.start_spread) + rng.normal(0, law.start_spread / 2, w)
    )
    columns = np.stack([read, compute, write * factor, start])
    if design.averaged:
        columns = np.repeat(columns.mean(axis=1, keepdims=True), w, axis=1)
    workers = [WorkerRecord(*column) for column in columns.T.tolist()]
    if design.energy:
        workers = _metered(rng, law, config, design.cores, workers)
    return StageRun(config, tuple(workers), None, meta)


def _metered(
    rng: Generator,
    law: Law,
    config: StageConfig,
    cores: float | None,
    workers: Sequence[WorkerRecord],
) -> list[WorkerRecord]:
    """Return the records with joules as counters share them out: with errors of their own."""
    busy = min(config.cpu * config.workers / (cores or 64.0), 1.0)
    watts = 9.0 * (0.6 + 0.4 * (1 - busy)) * float(np.exp(rng.normal(0, 0.04)))
    metered = []
    for record in workers:
        compute, moved = record.compute_s or 0.0, (record.read_s or 0.0) + (record.write_s or 0.0)
        used = min(config.cpu, law.cores_used) * 0.9 * compute + 0.25 * moved
        dynamic = watts * used * float(np.exp(rng.normal(0, 0.05)))
        idle = 1.5 * config.cpu * (record.duration_s or 0.0)
        metered.append(
            replace(
                record,
                energy_j=dynamic + idle,
                energy_dynamic_j=dynamic,
                energy_idle_j=idle,
                cpu_time_s=used,
            )
        )
    return metered


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A workflow with its laws: profiles, who waits for whom, the truth behind, what was run."""

    profiles: Mapping[str, Profile]
    parents: Mapping[str, Sequence[str]]
    laws: Mapping[str, Law]
    design: Design
    space: Sequence[tuple[float, int, int]]


def draw_workflow(design: Design, seed: int) -> Drawn:
    """Return a workflow of a design; equal seeds give equal workflows."""
    rng = np.random.default_rng([seed, sum(map(ord, design.name))])
    names = [f"s{number}" for number in range(design.stages)]
    parents: dict[str, list[str]] = {names[0]: []}
    for number, name in enumerate(names[1:], start=1):
        before = [names[number - 1]]
        if number > 1 and rng.random() < 0.3:
            before.append(names[int(rng.integers(0, number - 1))])
        parents[name] = before
    laws = {
        name: draw_law(rng, design, single=design.stages > 1 and rng.random() < 0.3)
        for name in names
    }
    space = [(k, mb, w) for k, mb in design.offers for w in design.workers]
    if design.configurations is not None:
        kept = rng.choice(len(space), design.configurations, replace=False)
        space = [space[i] for i in sorted(kept)]
    measured = measure(rng, design, laws, parents, space)
    return Drawn(measured, parents, laws, design, tuple(space))


def measure(
    rng: Generator,
    design: Design,
    laws: Mapping[str, Law],
    parents: Mapping[str, Sequence[str]],
    space: Sequence[tuple[float, int, int]],
) -> dict[str, Profile]:
    """Return the profiles of a sweep: all stages of a run in one (cores, MB, workers)."""
    runs: dict[str, list[StageRun]] = {name: [] for name in laws}
    for rep in range(design.reps):
        for number, (k, mb, w) in enumerate(space):
            counts = {name: 1 if law.single else w for name, law in laws.items()}
            shock = float(rng.normal())
            for name, law in laws.items():
                config = StageConfig(k, counts[name], mb)
                meta: dict[str, object] = {"run_id": f"r{rep}-{number}"}
                meta["fan_in"] = {parent: counts[parent] for parent in parents[name]}
                if design.cores:
                    meta["hosts"] = [{"id": "h", "cores": design.cores}]
                runs[name].append(draw_run(rng, design, law, config, meta, shock))
    return {name: Profile("drawn", name, tuple(listed)) for name, listed in runs.items()}
