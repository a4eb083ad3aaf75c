import pytest

from flexecutor_energy.energy import HostTrace, WorkerEnergy, WorkerTrace, attribute
from flexecutor_energy.errors import ConfigurationError


def worker(name: str, start: float, end: float, cpu: float, cores: float = 1) -> WorkerTrace:
    return WorkerTrace(name, [start, end], [0.0, cpu], cores)


def test_dynamic_energy_follows_cpu_time_and_the_rest_is_system() -> None:
    host = HostTrace([0, 10], {"package": [0, 100]}, [0, 20], 4)
    shares = attribute(host, [worker("a", 0, 10, 4), worker("b", 0, 10, 6)])
    assert shares.workers["a"] == WorkerEnergy(20, 0)
    assert shares.workers["b"] == WorkerEnergy(30, 0)
    assert (shares.system_uj, shares.host_idle_uj, shares.total_uj) == (50, 0, 100)


def test_overlapping_workers_share_the_host_instead_of_each_getting_all_of_it() -> None:
    host = HostTrace([0, 10], {"package": [0, 4_000_000]}, [0, 8], 4)
    workers = [worker(str(number), 0, 10, 2) for number in range(4)]
    shares = attribute(host, workers)
    assert sum(share.energy_uj or 0 for share in shares.workers.values()) == 4_000_000
    assert shares.system_uj == 0


def test_idle_energy_is_shared_by_reserved_cores() -> None:
    host = HostTrace([0, 10], {"package": [0, 100_000_000]}, [0, 0], 4)
    shares = attribute(host, [worker("a", 0, 10, 0, 1), worker("b", 0, 10, 0, 2)], idle_power_w=4)
    assert shares.workers["a"] == WorkerEnergy(0, 10_000_000)
    assert shares.workers["b"] == WorkerEnergy(0, 20_000_000)
    assert shares.host_idle_uj == 10_000_000
    assert shares.system_uj == 60_000_000


def test_reserving_more_cores_than_there_are_never_shares_more_than_there_is() -> None:
    host = HostTrace([0, 1], {"package": [0, 1000]}, [0, 0], 2)
    shares = attribute(host, [worker("a", 0, 1, 0, 3), worker("b", 0, 1, 0, 1)], idle_power_w=1)
    assert shares.workers["a"].idle_uj == 750
    assert shares.workers["b"].idle_uj == 250
    assert shares.host_idle_uj == 0


def test_the_other_policies() -> None:
    host = HostTrace([0, 1], {"package": [0, 1000]}, [0, 0], 8)
    workers = [worker("a", 0, 1, 0, 6), worker("b", 0, 1, 0, 1)]
    equal = attribute(host, workers, policy="equal", idle_power_w=1)
    assert [equal.workers[name].idle_uj for name in "ab"] == [500, 500]
    none = attribute(host, workers, policy="none", idle_power_w=1)
    assert [none.workers[name].idle_uj for name in "ab"] == [0, 0]
    assert none.host_idle_uj == 1000


def test_idle_energy_is_cut_where_workers_start_and_end() -> None:
    host = HostTrace([0, 10], {"package": [0, 10_000_000]}, [0, 0], 2)
    shares = attribute(host, [worker("a", 2, 6, 0, 2), worker("b", 4, 8, 0, 2)], idle_power_w=1)
    assert shares.workers["a"].idle_uj == 3_000_000
    assert shares.workers["b"].idle_uj == 3_000_000
    assert shares.host_idle_uj == 4_000_000


def test_idle_energy_is_at_most_what_was_measured() -> None:
    host = HostTrace([0, 10], {"package": [0, 50]}, [0, 5], 1)
    shares = attribute(host, [worker("a", 0, 10, 5)], idle_power_w=1000)
    assert shares.workers["a"] == WorkerEnergy(0, 50)


def test_a_worker_with_more_cpu_than_its_host_reports_gets_all_and_not_more() -> None:
    host = HostTrace([0, 1], {"package": [0, 90]}, [0, 1], 4)
    shares = attribute(host, [worker("a", 0, 1, 2), worker("b", 0, 1, 1)])
    assert [shares.workers[name].dynamic_uj for name in "ab"] == [60, 30]
    assert shares.system_uj == 0


def test_sockets_of_one_kind_are_pooled_and_cores_inside_them_not_added() -> None:
    counters = {
        "package-0": [0, 60],
        "package-1": [0, 40],
        "core-0": [0, 55],
        "uncore-0": [0, 5],
        "psys-0": [0, 500],
    }
    shares = attribute(HostTrace([0, 1], counters, [0, 1], 2), [worker("a", 0, 1, 1)])
    assert shares.total_uj == 100
    assert shares.workers["a"].dynamic_uj == 100


def test_the_platform_counts_where_no_package_is_reported() -> None:
    host = HostTrace([0, 1], {"psys-0": [0, 500], "core-0": [0, 300]}, [0, 1], 2)
    assert attribute(host, []).total_uj == 500


def test_dram_follows_resident_memory_over_the_memory_in_use() -> None:
    counters = {"package-0": [0, 100], "dram-0": [0, 1000]}
    host = HostTrace([0, 1], counters, [0, 1], 2, memory_used_mb=[400, 600])
    workers = [
        WorkerTrace("a", [0, 1], [0, 1], 1, rss_mb=100),
        WorkerTrace("b", [0, 1], [0, 0], 1, rss_mb=50),
    ]
    shares = attribute(host, workers)
    assert shares.workers["a"].dynamic_uj == 100 + 200
    assert shares.workers["b"].dynamic_uj == 100
    assert shares.system_uj == 700


def test_dram_without_the_memory_in_use_goes_to_the_system() -> None:
    host = HostTrace([0, 1], {"package": [0, 0], "dram": [0, 1000]}, [0, 1], 2)
    shares = attribute(host, [WorkerTrace("a", [0, 1], [0, 1], 1, rss_mb=100)])
    assert shares.workers["a"].dynamic_uj == 0
    assert shares.system_uj == 1000


def test_resident_memory_above_the_memory_in_use_never_shares_more_than_there_is() -> None:
    host = HostTrace([0, 1], {"dram": [0, 900]}, [0, 1], 2, memory_used_mb=10)
    workers = [WorkerTrace(name, [0, 1], [0, 0], 1, rss_mb=100) for name in "abc"]
    shares = attribute(host, workers)
    assert [shares.workers[name].dynamic_uj for name in "abc"] == [300, 300, 300]


def test_idle_power_of_each_domain_comes_off_that_domain() -> None:
    counters = {"package-0": [0, 100], "dram-0": [0, 50]}
    host = HostTrace([0, 1], counters, [0, 0], 1)
    watts = {"package": 10e-6, "dram-0": 20e-6}
    shares = attribute(host, [], idle_power_w=watts)
    assert (shares.host_idle_uj, shares.system_uj) == (30, 120)


def test_one_idle_power_belongs_to_the_packages_together_and_not_to_dram() -> None:
    counters = {"package-0": [0, 100], "package-1": [0, 100], "dram-0": [0, 50]}
    shares = attribute(HostTrace([0, 1], counters, [0, 0], 1), [], idle_power_w=150e-6)
    assert (shares.host_idle_uj, shares.system_uj) == (150, 100)


def test_a_missing_counter_makes_its_interval_unknown_and_its_workers_none() -> None:
    host = HostTrace([0, 1, 2, 3], {"package": [0, None, 20, 40]}, [0, 1, 2, 3], 2)
    shares = attribute(host, [worker("a", 0, 3, 1.5), worker("b", 2.5, 3, 0.25)])
    assert shares.workers["a"] == WorkerEnergy(None, None)
    assert shares.workers["a"].energy_uj is None
    assert shares.workers["b"].dynamic_uj == 5
    assert (shares.unassigned_uj, shares.system_uj, shares.total_uj) == (10, 5, 20)
    assert shares.unknown_s == 2.0
    assert shares.known_s == 1.0


def test_a_falling_counter_is_a_missing_one() -> None:
    host = HostTrace([0, 1, 2], {"package": [50, 10, 20]}, [0, 1, 2], 1)
    shares = attribute(host, [worker("a", 0, 2, 2), worker("b", 1, 2, 0)])
    assert shares.workers["a"].dynamic_uj is None
    assert shares.workers["b"].dynamic_uj == 0
    assert (shares.total_uj, shares.unknown_s) == (10, 1.0)


def test_one_missing_domain_makes_the_sum_unknown() -> None:
    host = HostTrace([0, 1], {"package-0": [0, 10], "package-1": [0, None]}, [0, 1], 1)
    shares = attribute(host, [worker("a", 0, 1, 1)])
    assert shares.workers["a"].dynamic_uj is None
    assert (shares.total_uj, shares.unknown_s, shares.known_s) == (0, 1.0, 0.0)


def test_a_missing_counter_inside_the_package_does_no_harm() -> None:
    host = HostTrace([0, 1], {"package": [0, 10], "core": [None, None]}, [0, 1], 1)
    assert attribute(host, [worker("a", 0, 1, 1)]).workers["a"].dynamic_uj == 10


def test_missing_busy_time_makes_the_interval_unknown() -> None:
    host = HostTrace([0, 1, 2], {"package": [0, 10, 20]}, [0, None, 2], 1)
    shares = attribute(host, [worker("a", 0, 2, 1)])
    assert shares.workers["a"].dynamic_uj is None
    assert shares.unknown_s == 2.0


@pytest.mark.parametrize(("start", "end", "gone_s"), [(-1, 1, 1.0), (1, 4, 2.0), (5, 7, 2.0)])
def test_a_worker_outside_the_trace_of_its_host_is_unknown(
    start: float, end: float, gone_s: float
) -> None:
    host = HostTrace([0, 2], {"package": [0, 10]}, [0, 1], 1)
    shares = attribute(host, [worker("a", start, end, 1)])
    assert shares.workers["a"] == WorkerEnergy(None, None)
    assert shares.unknown_s == gone_s
    assert shares.unassigned_uj + shares.system_uj == shares.total_uj == 10


@pytest.mark.parametrize("times", [[], [1.0]])
def test_a_host_that_was_not_sampled_twice_tells_nothing(times: list[float]) -> None:
    host = HostTrace(times, {"package": [7] * len(times)}, [0.0] * len(times), 1)
    shares = attribute(host, [worker("a", 0, 2, 1)])
    assert shares.workers["a"] == WorkerEnergy(None, None)
    assert (shares.total_uj, shares.known_s, shares.unknown_s) == (0, 0.0, 2.0)


def test_a_host_without_domains_tells_nothing() -> None:
    shares = attribute(HostTrace([0, 1], {}, [0, 1], 1), [worker("a", 0, 1, 1)])
    assert shares.workers["a"].dynamic_uj is None
    assert shares.unknown_s == 1.0


def test_two_readings_at_one_time_lose_no_energy() -> None:
    host = HostTrace([0, 1, 1, 2], {"package": [0, 10, 15, 25]}, [0, 1, 1, 2], 1)
    shares = attribute(host, [worker("a", 0, 2, 2)], idle_power_w=1e-6)
    assert shares.total_uj == 25
    assert shares.workers["a"] == WorkerEnergy(18, 2)
    assert shares.system_uj == 5


def test_no_energy_no_cpu_and_no_time_stay_finite() -> None:
    host = HostTrace([1, 1], {"package": [5, 5]}, [3, 3], 1)
    shares = attribute(host, [worker("a", 1, 1, 0)], idle_power_w=10)
    assert shares.workers["a"] == WorkerEnergy(0, 0)
    assert (shares.total_uj, shares.unknown_s, shares.foreign_share) == (0, 0.0, None)


def test_foreign_load_is_reported() -> None:
    host = HostTrace([0, 10], {"package": [0, 100]}, [0, 8], 4)
    shares = attribute(host, [worker("a", 0, 10, 6)])
    assert shares.foreign_cpu_s == pytest.approx(2.0)
    assert shares.foreign_share == pytest.approx(0.25)


def test_cpu_time_that_falls_counts_as_standing_still() -> None:
    host = HostTrace([0, 1, 2, 3], {"package": [0, 10, 20, 30]}, [5, 7, 4, 6], 2)
    shares = attribute(host, [WorkerTrace("a", [0, 1, 2, 3], [0, 1, 0, 1], 1)])
    assert shares.workers["a"].dynamic_uj == 5
    assert shares.system_uj == 25
    assert shares.host_cpu_s == 4.0


def test_the_whole_is_rounded_once_and_not_per_interval() -> None:
    samples = 1001
    host = HostTrace(
        [float(number) for number in range(samples)],
        {"package": list(range(samples))},
        [float(number) for number in range(samples)],
        1,
    )
    workers = [worker(name, 0, samples - 1, (samples - 1) / 3) for name in "abc"]
    shares = [share.dynamic_uj or 0 for share in attribute(host, workers).workers.values()]
    assert sorted(shares) == [333, 333, 334]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "fair"}, "policy"),
        ({"idle_power_w": -1.0}, "0 W or more"),
        ({"idle_power_w": float("nan")}, "0 W or more"),
        ({"idle_power_w": {"gpu": 5.0}}, "'gpu'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    host = HostTrace([0, 1], {"package": [0, 10]}, [0, 1], 1)
    with pytest.raises(ConfigurationError, match=message):
        attribute(host, [], **arguments)  # type: ignore[arg-type]


def test_two_workers_of_one_id_are_refused() -> None:
    host = HostTrace([0, 1], {"package": [0, 10]}, [0, 1], 1)
    with pytest.raises(ConfigurationError, match="'a'"):
        attribute(host, [worker("a", 0, 1, 1), worker("a", 0, 1, 1)])


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (([1, 0], {"package": [0, 1]}, [0, 1], 1), "monotonic"),
        (([0, float("inf")], {"package": [0, 1]}, [0, 1], 1), "finite"),
        (([0, 1], {"package": [0]}, [0, 1], 1), "1 values for 2 times"),
        (([0, 1], {"package": [0, 1]}, [0], 1), "busy_s"),
        (([0, 1], {"package": [0, 1.5]}, [0, 1], 1), "whole microjoules"),
        (([0, 1], {"package": [0, 1]}, [0, -1], 1), "negative"),
        (([0, 1], {"package": [0, 1]}, [0, 1], 0), "cores"),
        (([0, 1], {"package": [0, 1]}, [0, 1], 1, [5.0]), "memory_used_mb"),
    ],
)
def test_a_host_trace_that_cannot_be_is_refused(host: tuple[object, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HostTrace(*host)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (([], [], 1), "no samples"),
        (([1, 0], [0, 1], 1), "monotonic"),
        (([0, 1], [0], 1), "1 values for 2 times"),
        (([0, 1], [0, float("nan")], 1), "negative or infinite"),
        (([0, 1], [0, 1], -1), "cores"),
        (([0, 1], [0, 1], 1, -5.0), "rss_mb"),
    ],
)
def test_a_worker_trace_that_cannot_be_is_refused(trace: tuple[object, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        WorkerTrace("a", *trace)  # type: ignore[arg-type]
