"""Hosts whose power is known at every instant, and what a meter would have read there.

A host has the power curve of a real server, a load that belongs to nobody asked (foreign), and
2 to 8 workers that come and go. Each worker reserves cores, and uses them little while it reads
and writes and much while it computes, never evenly. What is recorded is what the project records:
energy counters in units of the registers and host CPU time in clock ticks at each sample, CPU
time of a worker at the boundaries of its phases.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.energy import HostTrace, WorkerTrace, specpower
from flexecutor_energy.energy.curves import coefficient_curve, tdp_curve
from flexecutor_energy.energy.specpower import LOADS
from flexecutor_energy.hardware import shipped_catalogue

Floats: TypeAlias = NDArray[np.float64]

STEP_S = 0.1
"""Rates are constant for this long, which is also how often the host is sampled."""

_REGISTER_UJ = 1e6 / 2**14
_TICK_S = 0.01
_NORMAL_P90 = 1.2816
_ALIKE = 0.8
"""Correlation of a server's places in the quantiles at different loads; not published."""

_LEAST_RISE = 0.03
"""Of TDP, from one load to the next: no server of these results is flat."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Watts of a host against its utilisation, on straight lines between points."""

    loads: Floats
    watts: Floats

    def __call__(self, utilisation: Floats) -> Floats:
        """Return the power at each utilisation, watts."""
        return np.interp(utilisation, self.loads, self.watts)


@dataclass(frozen=True, slots=True)
class SimulatedHost:
    """A host over some seconds, cut into steps of constant rates.

    Attributes
    ----------
    family : where the curve comes from
    curve : power of the host
    threads : hardware threads
    foreign : CPU rate of the foreign load at each step, CPU seconds a second
    rates : the same of each worker, array (workers, steps)
    alive : whether a worker lives, array (workers, steps)
    phases : for each worker the steps at which its phases start, and the one at which it ends
    cores : that each worker reserved
    """

    family: str
    curve: Curve
    threads: int
    foreign: Floats
    rates: Floats
    alive: NDArray[np.bool_]
    phases: tuple[tuple[int, ...], ...]
    cores: tuple[int, ...]

    @property
    def idle_w(self) -> float:
        """Power without load, watts."""
        return float(self.curve.watts[0])

    @property
    def power_w(self) -> Floats:
        """Power at each step, watts."""
        return self.curve(self.utilisation)

    @property
    def utilisation(self) -> Floats:
        """Busy share of all threads at each step."""
        return np.asarray((self.rates.sum(axis=0) + self.foreign) / self.threads)

    @property
    def foreign_share(self) -> float:
        """Foreign share of all CPU time."""
        foreign = self.foreign.sum()
        return float(foreign / (foreign + self.rates.sum()))

    def host_trace(self) -> HostTrace:
        """Return what was read of the host."""
        energy = _summed(self.power_w * STEP_S * 1e6)
        busy = _summed(self.utilisation * self.threads * STEP_S)
        counters = [round(np.floor(level / _REGISTER_UJ) * _REGISTER_UJ) for level in energy]
        ticks = np.floor(busy / _TICK_S) * _TICK_S
        times = np.arange(len(energy)) * STEP_S
        return HostTrace(times.tolist(), {"package-0": counters}, ticks.tolist(), self.threads)

    def worker_traces(self, *, at_samples: bool = False) -> list[WorkerTrace]:
        """Return the CPU time of the workers, by their numbers.

        Parameters
        ----------
        at_samples : whether it was read whenever the host was, or at the ends of phases only
        """
        traces = []
        for number, (marks, rates) in enumerate(zip(self.phases, self.rates, strict=True)):
            used = _summed(rates * STEP_S)
            steps = range(marks[0], marks[-1] + 1) if at_samples else marks
            times = [at * STEP_S for at in steps]
            cpu = [float(used[at]) for at in steps]
            traces.append(WorkerTrace(number, times, cpu, self.cores[number]))
        return traces


def simulate(family: str, random: np.random.Generator, steps: int = 300) -> SimulatedHost:
    """Return a random host with a curve of a family."""
    threads = int(random.choice([4, 8, 16, 32, 64, 128]))
    workers = int(random.integers(2, 9))
    cores = _cores(random, workers, threads)
    phases = tuple(_phases(random, steps) for _ in range(workers))
    busy = [_use(random, marks, steps) for marks in phases]
    rates = np.array(busy) * np.array(cores)[:, None]
    alive = np.array([_between(marks[0], marks[-1], steps) for marks in phases])
    foreign = _foreign(random, rates)
    # Nobody waits for a thread: what each uses does not depend on who else is there.
    crowd = max(1.0, float((rates.sum(axis=0) + foreign).max()) / threads)
    curve = CURVES[family](random, threads)
    return SimulatedHost(
        family, curve, threads, foreign / crowd, rates / crowd, alive, phases, cores
    )


def _cores(random: np.random.Generator, workers: int, threads: int) -> tuple[int, ...]:
    """Return cores that workers reserve: at least 1 each, up to twice the machine together."""
    together = random.uniform(0.05, 2.0) * threads
    parts = random.dirichlet(np.full(workers, 2.0)) * together
    return tuple(max(1, round(part)) for part in parts)


def _phases(random: np.random.Generator, steps: int) -> tuple[int, ...]:
    """Return the start, the ends of reading and of computing, and the end of a life."""
    start = int(random.integers(0, steps * 2 // 3))
    length = int(random.integers(steps // 10, steps))
    end = min(start + length, steps)
    reading, writing = random.uniform(0.02, 0.25, 2) * (end - start)
    return (start, start + 1 + int(reading), end - 1 - int(writing), end)


def _use(random: np.random.Generator, marks: tuple[int, ...], steps: int) -> Floats:
    """Return how much of its cores a worker uses at each step."""
    busy = np.zeros(steps)
    levels = (random.uniform(0.02, 0.4), random.uniform(0.4, 1.0), random.uniform(0.02, 0.4))
    for level, start, end in zip(levels, marks, marks[1:], strict=False):
        busy[start:end] = level * random.uniform(0.5, 1.5, end - start)
    return np.minimum(busy, 1.0)


def _foreign(random: np.random.Generator, rates: Floats) -> Floats:
    """Return a foreign load: none, up to a tenth, or up to half of all CPU time."""
    most = random.choice([0.0, 0.1, 0.5], p=[0.3, 0.4, 0.3])
    share = random.uniform(most / 5, most)
    level = share / (1 - share) * rates.sum() / rates.shape[1]
    return np.full(rates.shape[1], level) * random.uniform(0.7, 1.3, rates.shape[1])


def _teads(random: np.random.Generator, threads: int) -> Curve:
    """Draw a processor of the catalogue; its TDP in the shape that Teads measured."""
    record = random.choice(np.array(_SERVERS, dtype=object))
    curve = tdp_curve(record.name, record.tdp_w, threads=record.threads).for_threads(threads)
    return Curve(np.array(curve.loads), np.array(curve.mean_w))


def _coefficients(random: np.random.Generator, threads: int) -> Curve:
    """Draw a micro-architecture with coefficients: a straight line."""
    row = random.choice(np.array(_COEFFICIENTS, dtype=object))
    curve = coefficient_curve(
        row.architecture, min_w=row.min_w, max_w=row.max_w, source=row.source, threads=threads
    )
    return Curve(np.array(curve.loads), np.array(curve.mean_w))


def _specpower(random: np.random.Generator, threads: int) -> Curve:
    """Draw a server from the quantiles of SPECpower; many bend upwards at the top."""
    record = random.choice(np.array(_SERVERS, dtype=object))
    shape = _specpower_shape(random)
    while np.diff(shape).min() < _LEAST_RISE:
        shape = _specpower_shape(random)
    return Curve(np.array(LOADS), shape * record.tdp_w * threads / record.threads)


def _specpower_shape(random: np.random.Generator) -> Floats:
    """Return wall power over TDP at ``LOADS``; its quantiles are those that were published."""
    common, own = random.normal(), random.normal(size=len(LOADS))
    places = (_ALIKE * common + (1 - _ALIKE**2) ** 0.5 * own) / _NORMAL_P90
    middle = np.array(specpower.MEDIAN)
    spread = np.where(places > 0, np.array(specpower.P90), np.array(specpower.P10)) / middle
    return np.asarray(middle * spread ** np.abs(places))


def _concave(random: np.random.Generator, threads: int) -> Curve:
    """Draw such a server, and take the lowest curve above its own that never bends upwards."""
    curve = _specpower(random, threads)
    kept: list[int] = []
    for at in range(len(curve.loads)):
        while len(kept) > 1 and _below(curve, kept[-2], kept[-1], at):
            kept.pop()
        kept.append(at)
    return Curve(curve.loads[kept], curve.watts[kept])


def _below(curve: Curve, left: int, middle: int, right: int) -> bool:
    ends = [left, right]
    line = np.interp(curve.loads[middle], curve.loads[ends], curve.watts[ends])
    return bool(curve.watts[middle] <= line)


def _between(start: int, end: int, steps: int) -> NDArray[np.bool_]:
    at = np.arange(steps)
    return (start <= at) & (at < end)


def _summed(parts: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(parts)])


_SERVERS = [row for row in shipped_catalogue().all() if row.tdp_w and row.threads]
_COEFFICIENTS = list(shipped_catalogue().all_coefficients())

CURVES: Mapping[str, Callable[[np.random.Generator, int], Curve]] = {
    "teads": _teads,
    "coefficients": _coefficients,
    "specpower": _specpower,
    "specpower concave": _concave,
}
