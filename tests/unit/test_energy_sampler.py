"""One sampler for a host, and the pooling of what several samplers of it saw."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from flexecutor_energy.energy import sampler as sampler_module
from flexecutor_energy.energy.attribution import attribute
from flexecutor_energy.energy.collector import Clocks
from flexecutor_energy.energy.pooling import counter_trace, methods_of
from flexecutor_energy.energy.reading import EnergyReading
from flexecutor_energy.energy.replay import ReplayCollector
from flexecutor_energy.energy.sampler import HostSample, HostSampler
from flexecutor_energy.energy.traces import WorkerTrace

RANGE_UJ = 262_143_328_850


def samples(
    times_s: Sequence[float],
    counts_uj: Sequence[int | None],
    *,
    origin: str = "",
    method: str = "rapl",
    watts_busy: float = 1.0,
) -> list[HostSample]:
    """Return samples whose CPU time rises by ``watts_busy`` cores."""
    found = []
    for time, count in zip(times_s, counts_uj, strict=True):
        domains = {(0, "package"): count}
        ranges = {(0, "package"): RANGE_UJ}
        reading = EnergyReading(time, time, domains, method, ranges, {}, origin)
        found.append(HostSample(time, 50.0 + watts_busy * time, 1000.0, (reading,)))
    return found


def steady(
    start: float, end: float, *, origin: str = "", zero_at: float = 0.0, step: float = 0.25
) -> list[HostSample]:
    """Return samples of a host that draws 10 W, by a counter that began at ``zero_at``."""
    count = round((end - start) / step) + 1
    times = [start + step * i for i in range(count)]
    return samples(times, [round((t - zero_at) * 10e6) for t in times], origin=origin)


def energy_of(found: Sequence[HostSample], start: float, end: float) -> float | None:
    """Return what a worker gets that uses all the CPU time of the host, joules."""
    trace = counter_trace(found, "rapl", 1.0)
    assert trace is not None
    worker = WorkerTrace("w", [start, end], [0.0, end - start], 1.0)
    dynamic = attribute(trace, [worker]).workers["w"].dynamic_uj
    return None if dynamic is None else dynamic / 1e6


def test_counters_of_the_host_are_one_series_whoever_read_them() -> None:
    found = [*steady(0, 2), *steady(5, 7)]  # nobody looked in between, but the counter went on
    assert energy_of(found, 0.0, 7.0) == pytest.approx(70.0)


def test_counters_that_began_with_processes_are_never_added_up() -> None:
    one = steady(0, 4, origin="a", zero_at=0)
    two = steady(1, 6, origin="b", zero_at=1)
    assert energy_of([*two, *one], 0.0, 6.0) == pytest.approx(60.0)


def test_time_that_no_process_saw_is_unknown_and_spares_the_rest() -> None:
    found = [*steady(0, 2, origin="a"), *steady(5, 7, origin="b", zero_at=5)]
    assert energy_of(found, 1.0, 6.0) is None
    assert energy_of(found, 0.5, 1.5) == pytest.approx(10.0)
    assert energy_of(found, 5.5, 6.5) == pytest.approx(10.0)


def test_a_process_that_saw_less_than_another_changes_nothing() -> None:
    long, short = steady(0, 8, origin="a"), steady(2, 4, origin="b", zero_at=2)
    assert energy_of([*short, *long], 0.0, 8.0) == pytest.approx(80.0)


def test_a_wrap_between_two_observers_is_followed() -> None:
    before = samples([0.0, 1.0], [RANGE_UJ - 15_000_000, RANGE_UJ - 5_000_000])
    after = samples([2.0, 3.0], [5_000_000, 15_000_000])
    assert energy_of([*after, *before], 0.0, 3.0) == pytest.approx(30.0)


def test_readings_that_two_processes_took_at_once_are_thinned_out() -> None:
    found = steady(0, 2)
    # a process that was held up between its counter and its clock: later time, lower counter
    found += samples([1.004], [10_000_000 - 3_000])
    assert energy_of(found, 0.0, 2.0) == pytest.approx(20.0)


def test_one_reading_tells_nothing() -> None:
    assert counter_trace(steady(0, 0), "rapl", 1.0) is None
    assert counter_trace(steady(0, 4), "perf", 1.0) is None


def test_methods_are_told_in_the_order_of_their_readings() -> None:
    found = samples([0.0], [1], method="perf") + samples([1.0], [1])
    assert methods_of(found) == ["perf", "rapl"]


def host_files(root: Path) -> Path:
    (root / "proc").mkdir()
    (root / "proc/stat").write_text("cpu  100 0 50 1000 5 0 0 0 0 0\ncpu0 100 0 50 1000 5 0 0\n")
    (root / "proc/meminfo").write_text("MemTotal: 2000 kB\nMemFree: 1 kB\nMemAvailable: 500 kB\n")
    return root


def test_a_sample_holds_cpu_time_memory_and_counters(tmp_path: Path) -> None:
    meter = ReplayCollector.from_series([0.0, 1.0], {(0, "package"): [5, 7]})
    sampler = HostSampler([meter], root=host_files(tmp_path), clocks=Clocks(lambda: 3.0))
    sample = sampler.sample()
    assert sample.monotonic_s == 3.0
    assert sample.busy_s == pytest.approx(1.5)
    assert sample.memory_used_mb == pytest.approx(1500 * 1024 / 1e6)
    assert sample.readings[0].domains == {(0, "package"): 5}


def test_a_host_that_tells_nothing_gives_samples_without_figures(tmp_path: Path) -> None:
    sample = HostSampler(root=tmp_path).sample()
    assert sample.busy_s is None
    assert sample.memory_used_mb is None


def test_the_thread_samples_until_it_is_stopped_and_tells_its_cost() -> None:
    sampler = HostSampler(period_s=0.005)
    sampler.start()
    first = sampler.samples[0]
    while len(sampler.samples) < 5:
        pass
    found = sampler.stop()
    assert found[0] == first
    assert sampler.samples == found
    assert sampler.cpu_s > 0
    sampler.start()
    assert len(sampler.samples) < len(found)
    sampler.close()


def test_a_long_run_keeps_a_bounded_number_of_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "MOST_SAMPLES", 10)
    ticks = iter(range(1000))
    sampler = HostSampler(clocks=Clocks(lambda: float(next(ticks))))
    taken = [sampler.sample() for _ in range(100)]
    assert len(sampler.samples) <= 10
    assert sampler.samples[0] == taken[0]
    assert sampler.samples[-1] == taken[-1]


class Late(ReplayCollector):
    """A meter that is two readings behind, as one that prints at intervals."""

    def __init__(self) -> None:
        super().__init__(
            [EnergyReading(t, t, {(0, "package"): 1}, "replay") for t in (1.0, 2.0, 3.0, 4.0)]
        )
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_the_last_sample_waits_for_a_meter_that_is_behind() -> None:
    meter = Late()
    sampler = HostSampler([meter], clocks=Clocks(lambda: 2.5))
    sampler.settle()
    assert sampler.samples[-1].readings[0].t_monotonic_s == 3.0
    sampler.close()
    assert meter.closed
