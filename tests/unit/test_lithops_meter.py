"""The meter around an executor, without Lithops: what is wrapped, and what comes back."""

import json
import threading
from pathlib import Path

import pytest

from flexecutor_energy.energy import measure
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import ConfigurationError, EnergyUnavailableError
from flexecutor_energy.lithops_meter import shipped
from tests.unit.lithops_stand_in import Executor, burn, doubled, known, nap, powercap


def test_sums_over_calls_and_hosts_are_the_total() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        futures = executor.map(burn, [0.02, 0.03, 0.05])
    assert [future.value for future in futures] == [0.02, 0.03, 0.05]
    assert list(m.by_future) == futures
    assert sum(map(known, m.by_future.values())) == m.total
    assert sum(map(known, m.by_host.values())) == m.total
    assert list(m.by_host) == [shipped.host_id()]
    assert sum(m.ledger.values()) == m.host_total
    assert m.ledger["futures"] == m.total
    assert m.method == "model"
    assert m.how is not None and m.how.modelled
    assert m.unknown == {}
    assert 0 < known(m.total) < known(m.host_total)


def test_an_idle_call_has_hardly_any_dynamic_energy() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        idle, busy = (executor.map(func, [0.2])[0] for func in (nap, burn))
    dynamic_j = {call.future: known(call.dynamic_j) for call in m.calls}
    assert dynamic_j[idle] < 0.1 * dynamic_j[busy]
    assert all(known(call.idle_j) > 0 for call in m.calls)


def test_policy_none_leaves_idle_energy_to_the_host() -> None:
    executor = Executor()
    with measure(executor, energy="model", policy="none") as m:
        executor.map(nap, [0.1])
    assert [call.idle_j for call in m.calls] == [0.0]
    assert m.ledger["host_idle"] > 0


def test_the_executor_is_as_it_was_after_the_block_and_after_an_exception() -> None:
    executor = Executor()
    with measure(executor, energy="model"):
        assert "run_job" in vars(executor.invoker)
    assert "run_job" not in vars(executor.invoker)
    with pytest.raises(KeyError), measure(executor, energy="model") as m:
        executor.map(doubled, [1.0])
        raise KeyError("mine")
    assert "run_job" not in vars(executor.invoker)
    assert m.total is not None
    executor.map(doubled, [1.0])
    assert len(m.by_future) == 1  # what runs after the block is not measured
    assert executor.invoker.keys[-1].endswith("/M001.func.pickle")


def test_somebody_elses_replacement_of_run_job_is_put_back() -> None:
    executor = Executor()
    theirs = executor.invoker.run_job
    executor.invoker.run_job = theirs  # type: ignore[method-assign]
    with measure(executor, energy="model"):
        assert executor.invoker.run_job is not theirs
    assert executor.invoker.run_job is theirs


def test_nested_blocks_both_count_and_may_end_in_any_order() -> None:
    executor = Executor()
    outer, inner = measure(executor, energy="model"), measure(executor, energy="model")
    with outer:
        executor.map(doubled, [1.0])
        inner.__enter__()
        executor.map(doubled, [1.0, 2.0])
    executor.map(doubled, [3.0])  # only the inner one still measures
    assert "run_job" in vars(executor.invoker)
    inner.__exit__(None, None, None)
    assert "run_job" not in vars(executor.invoker)
    assert (len(outer.by_future), len(inner.by_future)) == (3, 3)
    assert None not in {*outer.by_future.values(), *inner.by_future.values()}


def test_a_measurement_is_used_once() -> None:
    m = measure(Executor(), energy="model")
    with m:
        pass
    with pytest.raises(ConfigurationError, match="used once"):
        m.__enter__()
    assert m.total is None  # nothing was called


def test_threads_and_two_executors_are_kept_apart() -> None:
    executors = [Executor(), Executor()]
    first, second = (measure(executor, energy="model") for executor in executors)
    with first as one, second as two:
        threads = [
            threading.Thread(target=executor.map, args=(doubled, [1.0] * (at + 1)))
            for at, executor in enumerate([*executors, *executors])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(one.by_future), len(two.by_future)) == (1 + 3, 2 + 4)
    assert set(one.by_future).isdisjoint(two.by_future)


def test_inside_the_block_figures_are_those_of_what_has_ended() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        assert m.total is None
        (first,) = executor.map(doubled, [1.0])
        assert m.by_future[first] is not None
        executor.map(doubled, [1.0])
        assert len(m.by_future) == 2


def test_a_call_that_has_not_ended_is_unknown_with_the_reason() -> None:
    executor = Executor()
    with measure(executor, energy="model") as m:
        (known,) = executor.map(doubled, [1.0])
        executor.invoker.unfinished = True
        (late,) = executor.map(doubled, [1.0])
    assert m.by_future[known] is not None
    assert m.by_future[late] is None
    assert m.total is None
    assert m.by_host == {shipped.host_id(): m.by_future[known]}
    assert "had not ended with the block" in m.unknown[late]
    assert "1 of 2 calls" in str(m.reasons)


def test_off_wraps_nothing_and_says_so() -> None:
    executor = Executor()
    executor.map(doubled, [1.0])
    with measure(executor, energy="off") as m:
        assert "run_job" not in vars(executor.invoker)
        futures = executor.map(doubled, [1.0, 2.0])
    assert m.by_future == dict.fromkeys(futures)
    assert (m.total, m.method, m.how, m.by_host, m.host_total) == (None, None, None, {}, None)
    assert ("off", "energy was switched off") in m.reasons
    assert shipped.KEY not in futures[0].stats
    assert "unmeasured" in str(m)


def test_a_method_that_does_not_work_here_is_refused_on_entering(tmp_path: Path) -> None:
    executor = Executor()
    m = measure(executor, MeterChoice("rapl", root=str(tmp_path)))
    with pytest.raises(EnergyUnavailableError, match="rapl") as refused:
        m.__enter__()
    assert refused.value.remedy
    assert "run_job" not in vars(executor.invoker)


def test_methods_and_executors_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'joulemeter' does not exist"):
        measure(Executor(), energy="joulemeter")
    with pytest.raises(ConfigurationError, match="one energy method"):
        measure(Executor(), energy="all")
    with pytest.raises(ConfigurationError, match="'fair'"):
        measure(Executor(), policy="fair")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"lithops\.FunctionExecutor, not 'list'"):
        measure([])


def test_counters_of_the_host_are_read_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(powercap(tmp_path)))
    counter = tmp_path / "intel-rapl:0" / "energy_uj"

    def draw(joules: float) -> None:
        burn(0.05)
        counter.write_text(f"{int(counter.read_text()) + round(joules * 1e6)}\n")

    executor = Executor()
    with measure(executor) as m:
        executor.map(draw, [3.0, 5.0])
    assert m.method == "rapl"
    assert m.how is not None
    assert m.how.describe() == "measured (rapl), package"
    assert m.host_total == pytest.approx(8.0)
    assert m.total is not None and 0 < m.total <= 8.0
    assert m.refused == []


def test_the_report_is_readable_and_says_how_sure_it_is() -> None:
    executor = Executor()
    with measure(executor, energy="auto") as m:
        executor.map(burn, [0.02, 0.05])
    lines = str(m).splitlines()
    assert lines[0].startswith("2 calls on 1 host: ")
    assert max(len(line) for line in lines) <= 80
    assert m.how is not None
    assert lines[1] == f"energy is {m.how.describe()}"
    assert any(line.strip().startswith("futures") for line in lines)
    for method, _ in m.refused:
        assert any(line.startswith(f"{method}: ") for line in lines)
    told = json.loads(json.dumps(m.to_dict()))
    assert told["total_j"] == m.total
    assert [call["energy_j"] for call in told["futures"]] == list(m.by_future.values())
    assert sum(told["hosts"][0]["rows_uj"].values()) == pytest.approx(known(m.host_total) * 1e6)


def test_nothing_is_left_running() -> None:
    executor = Executor()
    with measure(executor, energy="model"):
        executor.map(doubled, [1.0])
    assert not [t for t in threading.enumerate() if "sampler" in t.name]
