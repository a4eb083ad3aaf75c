"""The power model behind the joules of profiles, per core, and what sweeps consumed.

Modelled energy is idle watts × reserved core-seconds + joules per CPU second × CPU seconds. Both
figures are read back from the profiles, so that a plan can say what other figures would change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flexecutor_energy.energy.power import MEASURED_ENDS
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.records.run import Profile, StageRun

Origin = Literal["modelled", "calibrated", "measured"]

_STRAIGHT = 0.1
"""Joules per CPU second that change by less than this share up to a full host count as constant.

Short phases and clock ticks move them by a few per cent; Teads' curve bends by more than half."""

_STEEPEST = 0.9
"""A core of a full host draws at least a tenth of what the first busy one does."""


@dataclass(frozen=True, slots=True)
class PowerFacts:
    """The power model of the hosts that were profiled, per core.

    A host of which the share u is busy draws ``idle_w + (rate_w + bend_w · u) · u`` for each of
    its cores.

    Attributes
    ----------
    origin : ``modelled`` by published constants, ``calibrated`` (modelled between idle and full
        power that were measured), or ``measured`` by counters, without any model
    idle_w : watts of a core without load
    rate_w : joules per CPU second on a host that is hardly busy
    bend_w : by how much that changes up to a full host; at most 0, as power curves are concave
    cores : of the hosts of one run together
    startup_idle : stage → share of idle energy in the joules of starting its workers
    """

    origin: Origin
    idle_w: float = 0.0
    rate_w: float = 0.0
    bend_w: float = 0.0
    cores: float = 0.0
    startup_idle: Mapping[str, float] = field(default_factory=dict)

    @property
    def full_w(self) -> float:
        """Watts of a core of a full host."""
        return self.idle_w + self.rate_w + self.bend_w

    def dynamic_w(self, utilisation: float) -> float:
        """Return what a core draws above idle, on average over all, at a load of 0…1."""
        return (self.rate_w + self.bend_w * utilisation) * utilisation


@dataclass(frozen=True, slots=True)
class ProfilingSpent:
    """What measuring the profiles took.

    Attributes
    ----------
    runs : of the workflow, or of single stages where these were profiled alone
    seconds : of these runs, one after another
    joules : of all workers, their start included; None where some were not measured
    """

    runs: int
    seconds: float
    joules: float | None


def power_facts(profiles: Mapping[str, Profile]) -> PowerFacts | None:
    """Return the power model that profiles show; None where they do not say enough."""
    runs = [run for profile in profiles.values() for run in profile.runs]
    metered = [run for run in runs if run.meta.get("method")]
    if not metered:
        return None
    if all(run.meta["method"] != "model" for run in metered):
        return PowerFacts("measured")
    points = [point for run in metered if (point := _point(run)) is not None]
    if not points:
        return None
    sources = [str(run.meta.get("energy_source", "")) for run in metered]
    rate, bend = _line([(p.utilisation, p.rate_w, p.cpu_s) for p in points])
    return PowerFacts(
        origin="calibrated" if all(MEASURED_ENDS in text for text in sources) else "modelled",
        idle_w=sum(p.idle_w for p in points) / len(points),
        rate_w=rate,
        bend_w=bend,
        cores=sorted(p.cores for p in points)[len(points) // 2],
        startup_idle={name: _startup_idle(profile.runs) for name, profile in profiles.items()},
    )


def profiling_spent(profiles: Iterable[Profile]) -> ProfilingSpent:
    """Return what the runs in profiles took together."""
    ends: dict[str, float] = {}
    joules = 0.0
    known = True
    for profile in profiles:
        for number, run in enumerate(profile.runs):
            end = run.meta.get("finished_s", run.makespan_s or run.time_s) or 0.0
            name = run.run_id or f"{profile.stage} {number}"
            ends[name] = max(ends.get(name, 0.0), float(end))
            function, startup = run.energy_j, run.energy_startup_j
            known = known and function is not None
            joules += (function or 0.0) + (startup or 0.0)
    return ProfilingSpent(len(ends), sum(ends.values()), joules if known and ends else None)


def host_cores(profiles: Mapping[str, Profile]) -> float:
    """Return the cores of the hosts of the newest run together.

    Raises
    ------
    ConfigurationError
        No profile says how many there are.
    """
    runs = [run for profile in profiles.values() for run in profile.runs]
    dated = [(str(run.meta.get("time", "")), cores) for run in runs if (cores := _cores(run.meta))]
    if not dated:
        raise ConfigurationError(
            f"the profiles of {', '.join(profiles)} do not say how many cores their hosts have; "
            "give capacity as a number"
        )
    return max(dated)[1]


@dataclass(frozen=True, slots=True)
class _Point:
    utilisation: float
    rate_w: float
    cpu_s: float
    idle_w: float
    cores: float


def _point(run: StageRun) -> _Point | None:
    """Return what one run says of the power model; None where it says too little."""
    cores, idle_w = _cores(run.meta), run.meta.get("idle_power_w")
    dynamic, cpu_s = run.energy_dynamic_j, run.cpu_time_s
    lasted = run.makespan_s or run.time_s
    if not cores or not idle_w or not dynamic or not cpu_s or not lasted:
        return None
    rate = dynamic / cpu_s
    startup = (run.energy_startup_j or 0.0) * (1 - _startup_idle([run]))
    busy = (dynamic + startup) / rate / lasted / cores
    return _Point(min(busy, 1.0), rate, cpu_s, float(idle_w) / cores, cores)


def _cores(meta: Mapping[str, Any]) -> float | None:
    counts = [host.get("cores") for host in meta.get("hosts") or ()]
    return float(sum(counts)) if counts and all(counts) else None


def _startup_idle(runs: Iterable[StageRun]) -> float:
    """Return the share of idle energy in start-up joules.

    A worker's cores are reserved from its submission, so that a second of its start costs the
    idle energy that a second of its function does.
    """
    idle, startup = 0.0, 0.0
    for run in runs:
        for worker in run.workers:
            function_s = (worker.duration_s or 0.0) - (worker.cold_start_s or 0.0)
            if function_s > 0 and worker.energy_idle_j and worker.energy_startup_j:
                idle += worker.energy_idle_j / function_s * (worker.cold_start_s or 0.0)
                startup += worker.energy_startup_j
    return min(idle / startup, 1.0) if startup > 0 else 0.0


def _line(points: list[tuple[float, float, float]]) -> tuple[float, float]:
    """Return rate and bend by least squares over (utilisation, rate, weight)."""
    total = sum(weight for *_, weight in points)
    x = sum(u * w for u, _, w in points) / total
    y = sum(rate * w for _, rate, w in points) / total
    spread = sum(w * (u - x) ** 2 for u, _, w in points)
    slope = sum(w * (u - x) * (rate - y) for u, rate, w in points) / spread if spread > 0 else 0.0
    if slope > -_STRAIGHT * (y - slope * x):
        return y, 0.0
    start = y - slope * x
    return start, max(slope, -_STEEPEST * start)
