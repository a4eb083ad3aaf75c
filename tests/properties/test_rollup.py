"""The laws of adding up energy over hosts, whatever happened there."""

from collections.abc import Hashable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.energy import Attribution, attribute
from flexecutor_energy.energy.rollup import roll_up
from tests.properties.host_traces import IDLE_W, POLICIES, cases

MODERATE = settings(max_examples=50, deadline=None)


@st.composite
def clusters(draw: st.DrawFn) -> dict[int, Attribution]:
    """Return where the energy of a few hosts went, gaps included."""
    policy, idle_w = draw(POLICIES), draw(IDLE_W)
    return {
        number: attribute(*draw(cases()), policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
        for number in range(draw(st.integers(0, 4)))
    }


def owner(host: int, invocation: Hashable) -> tuple[str, str]:
    number = int(str(invocation).removeprefix("w"))
    return f"p{number // 2}", f"f{(host + number) % 3}"


@MODERATE
@given(clusters())
def test_every_level_adds_up_to_the_one_above_it(cluster: dict[int, Attribution]) -> None:
    rolled = roll_up(cluster, owner)
    assert rolled.total_uj == sum(each.total_uj for each in cluster.values())
    for host in (*rolled.hosts.values(), rolled.all_hosts):
        rest = host.system_uj + host.host_idle_uj + host.unassigned_uj
        assert host.workers_uj + rest == host.total_uj
    for name, host in rolled.hosts.items():
        there = [group for (where, _), group in rolled.workers.items() if where == name]
        assert sum(group.known_uj for group in there) == host.workers_uj
    for groups in (rolled.workers.values(), rolled.functions.values()):
        assert sum(group.known_uj for group in groups) == rolled.all_hosts.workers_uj
        assert sum(group.invocations for group in groups) == sum(
            len(each.workers) for each in cluster.values()
        )


@MODERATE
@given(clusters())
def test_a_sum_is_unknown_exactly_if_a_part_of_it_is(cluster: dict[int, Attribution]) -> None:
    rolled = roll_up(cluster, owner)
    unknown = [
        owner(host, name)
        for host, each in cluster.items()
        for name, share in each.workers.items()
        if share.energy_uj is None
    ]
    for name, group in rolled.functions.items():
        assert group.unknown == sum(1 for _, function in unknown if function == name)
        assert (group.energy_uj is None) == (group.unknown > 0)
        assert group.energy_uj in (None, group.known_uj)
    for host, each in cluster.items():
        nothing = each.known_s == 0 and each.total_uj == 0
        assert (rolled.hosts[host].energy_uj is None) == (each.unknown_s > 0 or nothing)


@MODERATE
@given(clusters(), st.randoms())
def test_the_order_of_hosts_does_not_matter(
    cluster: dict[int, Attribution], random: Random
) -> None:
    shuffled = dict(random.sample(list(cluster.items()), len(cluster)))
    assert roll_up(shuffled, owner) == roll_up(cluster, owner)
