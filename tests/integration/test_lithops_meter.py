"""The meter around real executors of Lithops, on its own kinds of programs."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lithops
import pytest

from flexecutor_energy.energy import measure
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.lithops_meter.measurement import Measurement
from flexecutor_energy.lithops_meter.shipped import host_id
from tests.unit.lithops_stand_in import known, powercap


def new_executor(version: int = 1, runtime: str = sys.executable) -> Any:
    """Return an executor on this machine that does not wait between looks."""
    config = {
        "lithops": {
            "backend": "localhost",
            "storage": "localhost",
            "monitoring_interval": 0.02,
            "data_cleaner": False,
        },
        "localhost": {"runtime": runtime, "version": version},
    }
    return lithops.FunctionExecutor(config=config, log_level=None)


@pytest.fixture(scope="module", params=[1, 2], ids=["version 1", "version 2"])
def any_version(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Executors that run calls in one process for all, or in one for each."""
    with new_executor(request.param) as fexec:
        yield fexec


@pytest.fixture(scope="module")
def fexec() -> Iterator[Any]:
    with new_executor() as executor:
        yield executor


def results_of(fexec: Any, futures: Any) -> Any:
    futures = futures if isinstance(futures, list) else [futures]
    return fexec.get_result(futures, show_progressbar=False, wait_dur_sec=0.02)


def hits(darts: int, id: int) -> int:  # noqa: A002 - by this name Lithops tells which call it is
    """Throw darts at a square and count those in the circle, as Lithops' π examples do."""
    import random

    chance = random.Random(id)
    return sum(chance.random() ** 2 + chance.random() ** 2 <= 1.0 for _ in range(darts))


def estimate(results: list[int]) -> float:
    return 4.0 * sum(results) / (4 * 200_000)


def rows_of(first: int, last: int) -> list[int]:
    """Return how long points of some rows of the Mandelbrot set stay near, 48 rows in all."""
    counts = []
    for row in range(first, last):
        for column in range(64):
            point = complex(-2.0 + 2.6 * column / 64, -1.2 + 2.4 * row / 48)
            value, steps = 0j, 0
            while abs(value) <= 2 and steps < 400:
                value, steps = value * value + point, steps + 1
            counts.append(steps)
    return counts


def burn(cpu_s: float) -> None:
    end = time.process_time() + cpu_s
    while time.process_time() < end:
        pass


def work_or_sleep(kind: str) -> str:
    if kind == "work":
        burn(0.3)
    else:
        time.sleep(0.3)
    return kind


def is_conserved(m: Measurement) -> bool:
    sums = [sum(known(joules) for joules in part.values()) for part in (m.by_future, m.by_host)]
    return sums == [m.total, m.total] and sum(m.ledger.values()) == m.host_total


def test_pi_by_map_reduce_gives_joules_for_each_call(any_version: Any) -> None:
    with measure(any_version) as m:
        futures = any_version.map_reduce(hits, [200_000] * 4, estimate)
        pi = results_of(any_version, futures)
    assert pi == pytest.approx(3.14, abs=0.02)
    assert list(m.by_future) == list(futures)
    assert is_conserved(m)
    assert list(m.by_host) == [host_id()]
    assert min(known(joules) for joules in m.by_future.values()) > 0
    assert 0 < known(m.total) < known(m.host_total)
    assert m.ledger["startup"] > 0
    assert m.ledger["driver"] > 0
    assert "run_job" not in vars(any_version.invoker)


def test_mandelbrot_by_map_follows_the_work_of_each_band(fexec: Any) -> None:
    bands = [(0, 8), (20, 28), (40, 48)]  # the middle of the set takes the most steps
    with measure(fexec, energy="model") as m:
        futures = fexec.map(rows_of, bands)
        counts = results_of(fexec, futures)
    dynamic_j = [known(call.dynamic_j) for call in m.calls]
    steps = [sum(band) for band in counts]
    assert steps[1] > 3 * max(steps[0], steps[2])
    assert dynamic_j[1] == max(dynamic_j)
    assert is_conserved(m)
    assert m.how is not None
    assert m.how.describe().startswith("modelled, ")


def test_dynamic_energy_goes_to_who_works_and_not_to_who_sleeps(fexec: Any) -> None:
    with measure(fexec, energy="model") as m:
        futures = fexec.map(work_or_sleep, ["work", "sleep", "work"])
        results_of(fexec, futures)
    one, idle, other = (known(call.dynamic_j) for call in m.calls)
    assert idle < 0.05 * min(one, other)
    assert known(m.total) <= known(m.host_total)


def test_call_async_that_fails_raises_as_ever_and_is_accounted_for(fexec: Any) -> None:
    def failing(reason: str) -> None:
        burn(0.05)
        raise ValueError(reason)

    with measure(fexec, energy="model") as m:
        future = fexec.call_async(failing, ("no such pixel",))
        with pytest.raises(ValueError, match="no such pixel"):
            results_of(fexec, future)
        fexec.futures.clear()  # Lithops would raise it again
    assert known(m.by_future[future]) > 0
    assert known(m.calls[0].cpu_s) >= 0.05


class Scale:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, value: int) -> int:
        return self.factor * value

    def of(self, value: int) -> int:
        return self.factor * value


def test_all_that_lithops_can_call_is_called_as_without_a_meter(fexec: Any) -> None:
    def special(value: int, storage: Any, id: int, more: int = 1) -> tuple[int, bool, int, int]:  # noqa: A002
        return value, storage is not None, id, more

    storage = fexec.internal_storage.storage
    storage.put_object(storage.bucket, "meter/lines.txt", b"one\ntwo\nthree\n")

    def lines(obj: Any) -> int:
        return len(obj.data_stream.read().split())

    with measure(fexec, energy="model") as m:
        jobs = [
            fexec.map(special, [{"value": 5, "more": 7}, {"value": 6, "more": 8}]),
            fexec.map(Scale(3), [1]),
            fexec.map(Scale(4).of, [1]),
            fexec.map(lines, f"localhost://{storage.bucket}/meter/lines.txt"),
        ]
        chained = fexec.map(lambda value: 10 * value, jobs[1])
        answers = [results_of(fexec, list(job)) for job in [*jobs[2:], chained]]
        special_answers = results_of(fexec, list(jobs[0]))
    assert special_answers == [(5, True, 0, 7), (6, True, 1, 8)]
    assert answers == [[4], [3], [30]]
    assert m.unknown == {}
    assert [call.future.function_name for call in m.calls][:4] == [
        "special",
        "special",
        "Scale",
        "of",
    ]
    assert is_conserved(m)


def test_a_call_that_outlives_the_block_is_unknown_and_ends_well(fexec: Any) -> None:
    with measure(fexec, energy="model") as m:
        early = fexec.call_async(work_or_sleep, ("work",))
        results_of(fexec, early)
        late = fexec.call_async(work_or_sleep, ("sleep",))
    assert m.by_future[late] is None
    assert m.total is None
    assert known(m.by_future[early]) > 0
    assert "had not ended" in m.unknown[late]
    assert results_of(fexec, late) in ("sleep", ["sleep"])


def test_two_executors_at_once_in_threads(fexec: Any) -> None:
    found: dict[str, Measurement] = {}

    def run(name: str, executor: Any, darts: int) -> None:
        with measure(executor, energy="model") as m:
            results_of(executor, executor.map(hits, [darts] * 2))
        found[name] = m

    with new_executor() as other:
        threads = [
            threading.Thread(target=run, args=("one", fexec, 100_000)),
            threading.Thread(target=run, args=("two", other, 300_000)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(is_conserved(m) for m in found.values())
    cpu_s = {name: sum(known(call.cpu_s) for call in m.calls) for name, m in found.items()}
    assert cpu_s["two"] > 1.5 * cpu_s["one"]


def test_off_wraps_nothing(fexec: Any) -> None:
    with measure(fexec, energy="off") as m:
        future = fexec.call_async(work_or_sleep, ("sleep",))
        results_of(fexec, future)
    assert m.by_future == {future: None}
    assert "worker_energy_account" not in future.stats


def test_a_runtime_without_this_package_is_measured_too(tmp_path: Path) -> None:
    fake = tmp_path / "fake" / "flexecutor_energy"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise ImportError('not in this runtime')\n")
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={fake.parent} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    with new_executor(runtime=str(script)) as executor, measure(executor, energy="model") as m:
        answers = results_of(executor, executor.map(lambda value: value + 1, [1, 2]))
    assert answers == [2, 3]
    assert m.unknown == {}
    assert is_conserved(m)


def test_the_example_runs() -> None:
    script = Path(__file__).parents[2] / "examples" / "plain_lithops.py"
    quiet = {"LITHOPS_CONFIG": json.dumps({"lithops": {"data_cleaner": False}})}
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | quiet,  # no process of Lithops' own that outlives the script
    )
    assert "π is about 3.1" in done.stdout
    assert done.stdout.count("energy is ") == 2
    assert done.stdout.count("band ") == 4


class Meter:
    """Stands in for a processor of 20 W whose counter can be made unreadable."""

    def __init__(self, root: Path) -> None:
        self._counter = powercap(root) / "intel-rapl:0" / "energy_uj"
        self._stop = threading.Event()
        self.blind = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(0.02):
            value = "" if self.blind.is_set() else f"{round(20e6 * (time.monotonic() - began))}\n"
            fresh = self._counter.with_name("fresh")
            fresh.write_text(value)
            fresh.replace(self._counter)


def test_counters_of_this_host_are_measured_and_a_gap_in_them_stays_unknown(
    fexec: Any, tmp_path: Path
) -> None:
    with Meter(tmp_path) as meter, measure(fexec, MeterChoice("rapl", root=str(tmp_path))) as m:
        seen = fexec.map(work_or_sleep, ["work", "sleep"])
        results_of(fexec, seen)
        meter.blind.set()
        unseen = fexec.call_async(work_or_sleep, ("work",))
        results_of(fexec, unseen)
        meter.blind.clear()
        time.sleep(0.3)
    assert (m.method, m.how.describe() if m.how else "") == ("rapl", "measured (rapl), package")
    assert [m.by_future[future] is None for future in [*seen, unseen]] == [False, False, True]
    assert "a counter of its host was missing" in m.unknown[unseen]
    assert m.total is None
    assert m.ledger["futures"] > 0
    assert sum(m.ledger.values()) == m.host_total
    assert known(m.host_total) < 20.0 * m.duration_s
