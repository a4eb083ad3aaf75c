"""What runs around a user's function, and how its account comes back."""

import functools
import inspect
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from flexecutor_energy.energy import measure
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.lithops_meter import shipped
from flexecutor_energy.lithops_meter.tap import with_account
from tests.unit.lithops_stand_in import Executor, Stats, burn, doubled, known, nap, powercap


def failing(value: int) -> None:
    burn(0.02)
    raise ValueError(f"no {value}")


class Adder:
    """A callable, a method and a class to call."""

    def __init__(self, more: float) -> None:
        self.more = more

    def __call__(self, value: float) -> float:
        return value + self.more

    def times(self, value: float) -> float:
        return value * self.more


def plus(more: float, value: float) -> float:
    return more + value


@pytest.mark.parametrize(
    ("func", "answer"),
    [
        (doubled, 6.0),
        (lambda value: value + 1, 4.0),
        (Adder(2.0), 5.0),
        (Adder(2.0).times, 6.0),
        (functools.partial(plus, 4.0), 7.0),
        (functools.partial(Adder(1.0)), 4.0),
    ],
    ids=["function", "lambda", "callable", "method", "partial", "partial callable"],
)
def test_any_callable_is_accounted_for_and_keeps_its_answer(func: Any, answer: float) -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        (future,) = executor.map(func, [3.0])
    assert future.value == answer
    assert m.by_future[future] is not None


def test_a_class_can_be_called_too() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        (future,) = executor.map(Adder, [3.0])
    assert future.value.more == 3.0
    assert m.by_future[future] is not None


def test_what_runs_looks_like_the_users_own_function() -> None:
    def special(value: int, id: int, storage: Any = None, *rest: int, **more: int) -> None:  # noqa: A002
        """Lithops passes ``id`` and ``storage`` by their names."""

    settings: dict[str, Any] = {"home": "", "describe": None, "counters": None}
    metered = shipped.metered(cloudpickle.dumps(special), settings)
    assert list(inspect.signature(metered).parameters) == [
        "value", "id", "storage", "rest", "more",
    ]  # fmt: skip
    assert (metered.__name__, metered.__doc__) == ("special", special.__doc__)
    assert shipped.metered(cloudpickle.dumps(Adder(1)), settings).__name__ == "Adder"


def test_a_call_that_fails_is_accounted_for_and_keeps_its_exception() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        (future,) = executor.map(failing, [7])
    assert str(future.error) == "no 7"
    (call,) = m.calls
    assert call.cpu_s is not None and call.cpu_s >= 0.02
    assert call.dynamic_j is not None and call.dynamic_j > 0


def test_processes_that_a_call_starts_count() -> None:
    code = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass"

    def spawn(value: int) -> int:
        import subprocess as sp
        import sys as system

        return sp.run([system.executable, "-c", code], check=True).returncode

    executor = Executor()
    with measure(executor, energy="model") as m:
        executor.map(spawn, [1])
    assert m.calls[0].cpu_s is not None and m.calls[0].cpu_s >= 0.1


def test_a_child_that_still_lives_counts() -> None:
    code = "import sys\nfor i in range(3_000_000): pass\nprint()\nsys.stdout.flush()\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert shipped.below_cpu_s() > 0.02
        child.kill()


def test_a_status_that_the_driver_has_not_read_yet_is_looked_up() -> None:
    executor = Executor()
    executor.invoker.unfinished = True
    with measure(executor, energy="model") as m:
        stats = Stats()
        executor.invoker.stats_of_calls = lambda: stats
        (future,) = executor.map(doubled, [1.0])
        executor.internal_storage.statuses[future.call_id] = stats.lines
    assert m.by_future[future] is not None


def test_a_worker_without_a_place_for_accounts_still_answers() -> None:
    executor = Executor()
    executor.invoker.stats_of_calls = object
    with measure(executor, energy="model") as m:
        (future,) = executor.map(doubled, [2.0])
    assert future.value == 4.0
    assert "without an account" in m.unknown[future]


def test_a_job_that_cannot_be_wrapped_runs_as_it_is() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        wrapped = executor.map(doubled, [1.0])
        executor.internal_storage.put_func = refusing(executor.internal_storage.put_func)  # type: ignore[method-assign]
        (future,) = executor.map(doubled, [2.0])
    assert future.value == 4.0
    assert m.by_future[wrapped[0]] is not None
    assert m.unknown == {future: "its function could not be wrapped: OSError: quota exceeded"}


def refusing(put: Any) -> Any:
    def put_func(key: str, function: bytes) -> None:
        if "-M" in key:
            raise OSError("quota exceeded")
        put(key, function)

    return put_func


def test_a_function_that_is_part_of_the_image_is_left_alone() -> None:
    executor = Executor()
    package = {"func": pickle.dumps(doubled)}
    executor.internal_storage.put_func("func.pickle", pickle.dumps(package))
    with measure(executor, energy="model") as m:
        job = SimpleNamespace(job_id="M0", func_key="func.pickle", data=[1.0])
        (future,) = executor.invoker.run_job(job)
    assert future.value == 2.0
    assert "runtime_include_function" in m.unknown[future]


def test_an_account_that_makes_no_sense_is_a_reason() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        futures = executor.map(doubled, [1.0] * 3)
        futures[0].stats[shipped.KEY] = "not json"
        futures[1].stats[shipped.KEY] = json.dumps({"version": 2})
        futures[2].stats[shipped.KEY] = json.dumps({"problem": "OSError: no clock"})
    assert [list(m.unknown.values())[at] for at in (1, 2)] == [
        "accounts of version 2 are not known",
        "the worker could not account for it: OSError: no clock",
    ]
    assert "not an account" in m.unknown[futures[0]]


class TestOnAnotherHost:
    """What calls tell of hosts that the driver does not see."""

    def test_each_host_is_modelled_from_what_its_calls_saw(self) -> None:
        executor = Executor("k8s", {"runtime_cpu": 0.5})
        with measure(executor, energy="model") as m:
            executor.map(burn, [0.1, 0.1])
        (host,) = m.by_host
        assert host == shipped.host_id()
        assert m.how is not None and m.how.form == "host"
        assert m.by_host[host] == m.total
        assert m.calls[0].idle_j is not None
        assert m.ledger["driver"] == 0.0

    def test_counters_are_read_around_each_call(self, tmp_path: Path) -> None:
        root = powercap(tmp_path)
        counter = root / "intel-rapl:0" / "energy_uj"

        def draw(joules: float) -> None:
            burn(0.05)
            counter.write_text(f"{int(counter.read_text()) + round(joules * 1e6)}\n")

        executor = Executor("k8s")
        with measure(executor, MeterChoice("auto", root=str(root))) as m:
            executor.map(draw, [3.0, 5.0])
        assert m.method == "rapl"
        assert m.host_total == pytest.approx(8.0)

    def test_a_method_that_is_missing_there_is_unknown_and_not_replaced(
        self, tmp_path: Path
    ) -> None:
        executor = Executor("k8s")
        with measure(executor, MeterChoice("rapl", root=str(tmp_path))) as m:
            (future,) = executor.map(doubled, [1.0])
        assert future.value == 2.0
        assert (m.total, m.method) == (None, None)
        assert "has no RAPL zones" in m.unknown[future]
        assert m.refused[0][0] == "rapl"

    def test_memory_decides_about_cores_on_lambda(self) -> None:
        executor = Executor("aws_lambda")
        with measure(executor, energy="model") as m:
            executor.map(nap, [0.1], memory_mb=1769 // 2)
            executor.map(nap, [0.1], memory_mb=1769)
        half, one = (known(call.idle_j) / known(call.duration_s) for call in m.calls)
        assert one == pytest.approx(2 * half, rel=0.1)

    def test_a_runtime_without_this_package_can_account_all_the_same(self, tmp_path: Path) -> None:
        def triple(value: int) -> int:
            return 3 * value

        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        try:
            pickled = cloudpickle.dumps(triple)
        finally:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        counters = ("rapl", str(powercap(tmp_path)), ("perf",))
        (tmp_path / "function").write_bytes(with_account(pickled, False, counters))
        script = (
            "import pickle, sys\n"
            "sys.modules['flexecutor_energy'] = None\n"
            "class Stats:\n"
            "    stats_filename = ''\n"
            "    def write(self, key, value): print(value)\n"
            "class Runner:\n"
            "    stats = Stats()\n"
            "    def run(self, func): print(func(value=7))\n"
            f"Runner().run(pickle.load(open({str(tmp_path / 'function')!r}, 'rb')))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        account, answer = done.stdout.splitlines()
        assert answer == "21"
        told = json.loads(account)
        assert told["host"] == shipped.host_id()
        assert told["facts"]["logical_cpus"] >= 1
        assert told["facts"]["machine_id"] is None
        assert told["refused"][0][0] == "rapl"
        assert "cannot be read in this runtime" in told["refused"][0][1]
