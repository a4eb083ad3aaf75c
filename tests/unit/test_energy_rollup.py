"""Joules by host, by worker process and by function."""

from collections.abc import Hashable
from random import Random

import pytest

from flexecutor_energy.energy import Attribution, HostTrace, WorkerTrace, attribute
from flexecutor_energy.energy.rollup import GroupEnergy, RollUp, roll_up

FUNCTIONS = ("split", "train", "merge")
PROCESSES = 5
SECONDS = 60


def owner(host: str, invocation: Hashable) -> tuple[str, str]:
    number = int(str(invocation).rpartition("-")[2])
    return f"process {number % PROCESSES}", FUNCTIONS[number % len(FUNCTIONS)]


def simulated_host(seed: int, *, gap_at: int | None = None) -> Attribution:
    """Return where the energy of a host with 25 invocations went, sampled each second."""
    random = Random(seed)
    workers = []
    for number in range(25):
        start = random.uniform(0, SECONDS - 5)
        end = random.uniform(start + 1, SECONDS)
        used = random.uniform(0.1, 1.0) * (end - start)
        workers.append(WorkerTrace(f"w-{number}", [start, end], [0.0, used], 0.5, rss_mb=100))
    busy = [20.0 * at + random.random() for at in range(SECONDS + 1)]
    energy: list[int | None] = [120_000_007 * at for at in range(SECONDS + 1)]
    if gap_at is not None:
        energy[gap_at] = None
    host = HostTrace(list(range(SECONDS + 1)), {"package-0": energy}, busy, 32)
    return attribute(host, workers, idle_power_w=40.0)


def assert_conserved(rolled: RollUp) -> None:
    levels = [*rolled.hosts.values(), rolled.all_hosts]
    for level in levels:
        parts = (level.workers_uj, level.system_uj, level.host_idle_uj, level.unassigned_uj)
        assert sum(parts) == level.total_uj
    assert sum(host.total_uj for host in rolled.hosts.values()) == rolled.total_uj
    for name, host in rolled.hosts.items():
        there = [group for (where, _), group in rolled.workers.items() if where == name]
        assert sum(group.known_uj for group in there) == host.workers_uj
        assert sum(group.invocations for group in there) == host.workers.invocations
    by_function = sum(group.known_uj for group in rolled.functions.values())
    assert by_function == rolled.all_hosts.workers_uj


def test_four_hosts_with_25_invocations_each_add_up_at_every_level() -> None:
    attributions = {f"host {seed}": simulated_host(seed) for seed in range(4)}
    rolled = roll_up(attributions, owner)
    assert_conserved(rolled)
    assert rolled.energy_uj == rolled.total_uj == 4 * SECONDS * 120_000_007
    assert rolled.all_hosts.workers.invocations == 100
    assert len(rolled.workers) == 4 * PROCESSES
    assert {name: group.invocations for name, group in rolled.functions.items()} == {
        "split": 36,
        "train": 32,
        "merge": 32,
    }
    assert all(group.unknown == 0 for group in rolled.functions.values())
    train = [
        attributions[host].workers[f"w-{number}"].energy_uj or 0
        for host in attributions
        for number in range(1, 25, 3)
    ]
    assert rolled.functions["train"].energy_uj == sum(train) > 0


def test_a_gap_on_one_host_is_unknown_wherever_its_invocations_count() -> None:
    attributions = {
        f"host {seed}": simulated_host(seed, gap_at=30 if seed == 2 else None) for seed in range(4)
    }
    rolled = roll_up(attributions, owner)
    assert_conserved(rolled)
    lost = [
        name for name, share in attributions["host 2"].workers.items() if share.energy_uj is None
    ]
    assert 0 < len(lost) < 25
    assert rolled.hosts["host 2"].workers.unknown == len(lost)
    assert rolled.hosts["host 2"].energy_uj is None
    assert rolled.hosts["host 2"].unknown_s == 2.0
    assert rolled.hosts["host 1"].energy_uj == SECONDS * 120_000_007
    assert rolled.energy_uj is None
    assert rolled.all_hosts.unknown_hosts == 1
    assert rolled.all_hosts.unassigned_uj == attributions["host 2"].unassigned_uj > 0
    for (host, process), group in rolled.workers.items():
        missing = [name for name in lost if owner("host 2", name)[0] == process]
        assert group.unknown == (len(missing) if host == "host 2" else 0)
        assert (group.energy_uj is None) == (group.unknown > 0)
        assert (group.dynamic_uj is None) == (group.idle_uj is None) == (group.unknown > 0)
    assert sum(group.unknown for group in rolled.functions.values()) == len(lost)


def test_a_host_that_could_not_be_read_is_unknown_and_not_0() -> None:
    host = HostTrace([0, 10], {"package-0": [None, None]}, [0, 5], 4)
    blind = attribute(host, [WorkerTrace("w-0", [0, 10], [0, 5], 1)])
    rolled = roll_up({"blind": blind, "seen": simulated_host(1)}, owner)
    assert_conserved(rolled)
    assert rolled.hosts["blind"].energy_uj is None
    assert rolled.workers["blind", "process 0"] == GroupEnergy(0, 0, invocations=1, unknown=1)
    assert rolled.workers["blind", "process 0"].energy_uj is None
    assert rolled.functions["split"].energy_uj is None
    assert rolled.functions["split"].known_uj > 0
    assert rolled.functions["train"].energy_uj is not None


def test_a_host_without_samples_is_unknown_and_not_0() -> None:
    nothing = attribute(HostTrace([], {"package-0": []}, [], 4), [])
    rolled = roll_up({"a": nothing}, owner)
    assert rolled.hosts["a"].energy_uj is None
    assert rolled.hosts["a"].unknown_hosts == 1


def test_a_host_that_drew_nothing_has_drawn_0() -> None:
    quiet = attribute(HostTrace([0, 1], {"package-0": [5, 5]}, [0, 0], 4), [])
    assert roll_up({"a": quiet}, owner).energy_uj == 0


def test_no_host_at_all_is_unknown() -> None:
    rolled = roll_up({}, owner)
    assert rolled.energy_uj is None
    assert not (rolled.hosts or rolled.workers or rolled.functions)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_hosts_and_invocations_does_not_matter(seed: int) -> None:
    attributions = {f"host {n}": simulated_host(n, gap_at=10 * n or None) for n in range(4)}
    hosts = list(attributions.items())
    Random(seed).shuffle(hosts)
    shuffled = {}
    for host, attribution in hosts:
        shares = list(attribution.workers.items())
        Random(seed).shuffle(shares)
        shuffled[host] = Attribution(
            dict(shares),
            attribution.system_uj,
            attribution.host_idle_uj,
            attribution.unassigned_uj,
            attribution.total_uj,
            attribution.unknown_s,
            attribution.known_s,
        )
    assert roll_up(shuffled, owner) == roll_up(attributions, owner)


def test_processes_of_one_number_on_two_hosts_stay_apart() -> None:
    rolled = roll_up({"a": simulated_host(1), "b": simulated_host(2)}, owner)
    assert rolled.workers["a", "process 1"] != rolled.workers["b", "process 1"]
