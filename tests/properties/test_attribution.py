"""The laws that any sharing of a host's energy has to keep."""

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.energy import Attribution, HostTrace, WorkerTrace, attribute
from tests.properties.host_traces import IDLE_W, POLICIES, SECONDS, cases, hosts, rising

MODERATE = settings(max_examples=60, deadline=None)


def rising_only(values: list[float]) -> list[float]:
    return list(accumulate(values, max))


def known_sum(shares: Attribution) -> int:
    return sum(share.energy_uj or 0 for share in shares.workers.values())


@MODERATE
@given(cases(), POLICIES, IDLE_W)
def test_every_microjoule_is_somewhere_and_none_is_negative(
    case: tuple[HostTrace, list[WorkerTrace]], policy: str, idle_w: float
) -> None:
    shares = attribute(*case, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    rest = (shares.system_uj, shares.host_idle_uj, shares.unassigned_uj)
    assert known_sum(shares) + sum(rest) == shares.total_uj
    assert min(rest) >= 0
    for share in shares.workers.values():
        assert (share.dynamic_uj is None) == (share.idle_uj is None)
        assert share.dynamic_uj is None or min(share.dynamic_uj, share.idle_uj or 0) >= 0


@MODERATE
@given(cases(gaps=False), POLICIES, IDLE_W)
def test_without_gaps_the_total_is_what_the_counters_rose(
    case: tuple[HostTrace, list[WorkerTrace]], policy: str, idle_w: float
) -> None:
    host, crew = case
    shares = attribute(host, crew, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    rise = sum((counter[-1] or 0) - (counter[0] or 0) for counter in host.energy_uj.values())
    assert shares.total_uj == rise
    assert shares.unknown_s == 0
    assert shares.unassigned_uj == 0
    assert all(share.energy_uj is not None for share in shares.workers.values())


@MODERATE
@given(cases(), POLICIES, IDLE_W, st.randoms())
def test_the_order_of_workers_does_not_matter(
    case: tuple[HostTrace, list[WorkerTrace]], policy: str, idle_w: float, random: Random
) -> None:
    host, crew = case
    shuffled = random.sample(crew, len(crew))
    first = attribute(host, crew, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    second = attribute(host, shuffled, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    assert first == second


@MODERATE
@given(cases(), POLICIES, IDLE_W)
def test_a_twin_gets_what_its_twin_gets(
    case: tuple[HostTrace, list[WorkerTrace]], policy: str, idle_w: float
) -> None:
    host, crew = case
    if not crew:
        return
    twin = replace(crew[0], worker_id="twin")
    shares = attribute(host, [*crew, twin], policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    one, other = shares.workers[crew[0].worker_id], shares.workers["twin"]
    if one.dynamic_uj is None or one.idle_uj is None:
        assert other.dynamic_uj is None
    else:
        assert abs(one.dynamic_uj - (other.dynamic_uj or 0)) <= 1
        assert abs(one.idle_uj - (other.idle_uj or 0)) <= 1


@MODERATE
@given(cases(), IDLE_W, st.floats(0, 1), st.floats(0, 100))
def test_two_workers_that_become_one_get_what_they_had(
    case: tuple[HostTrace, list[WorkerTrace]], idle_w: float, part: float, rss_mb: float
) -> None:
    host, crew = case
    if not crew:
        return
    whole = crew[0]
    some = [cpu * part for cpu in whole.cpu_s]
    others = [cpu - one for cpu, one in zip(whole.cpu_s, some, strict=True)]
    parts = [
        replace(whole, worker_id="a", cpu_s=some, rss_mb=rss_mb),
        replace(whole, worker_id="b", cpu_s=rising_only(others), rss_mb=2 * rss_mb),
    ]
    sums = [one + other for one, other in zip(some, parts[1].cpu_s, strict=True)]
    together = replace(whole, worker_id="ab", cpu_s=sums, rss_mb=3 * rss_mb)
    apart = attribute(host, [*parts, *crew[1:]], idle_power_w=idle_w)
    merged = attribute(host, [together, *crew[1:]], idle_power_w=idle_w)
    one, other = apart.workers["a"].dynamic_uj, apart.workers["b"].dynamic_uj
    both = merged.workers["ab"].dynamic_uj
    if both is None:
        assert one is None
        assert other is None
    else:
        assert abs((one or 0) + (other or 0) - both) <= 1


@MODERATE
@given(
    st.integers(0, 10**9),
    st.integers(1, 100),
    st.floats(0, 400),
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from([0.5, 1.0, 2.0])), max_size=4),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4, unique=True),
    POLICIES,
    IDLE_W,
)
def test_cutting_an_interval_of_constant_rates_changes_at_most_a_microjoule_a_cut(
    energy: int,
    length: int,
    foreign: float,
    loads: list[tuple[float, float]],
    places: list[float],
    policy: str,
    idle_w: float,
) -> None:
    crew = [
        WorkerTrace(str(at), [0, length], [0, cpu], cores) for at, (cpu, cores) in enumerate(loads)
    ]
    busy = foreign + sum(cpu for cpu, _ in loads)
    whole = HostTrace([0, length], {"package": [0, energy]}, [0, busy], 4)
    cuts = sorted({0.0, *places, 1.0})
    cut = HostTrace(
        [length * place for place in cuts],
        {"package": [round(energy * Fraction(place)) for place in cuts]},
        [busy * place for place in cuts],
        4,
    )
    before = attribute(whole, crew, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    after = attribute(cut, crew, policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    for name, share in before.workers.items():
        other = after.workers[name]
        assert abs((share.dynamic_uj or 0) - (other.dynamic_uj or 0)) <= len(cuts)
        assert abs((share.idle_uj or 0) - (other.idle_uj or 0)) <= len(cuts)


@MODERATE
@given(cases(), POLICIES, IDLE_W)
def test_who_uses_no_cpu_and_no_memory_draws_no_dynamic_energy(
    case: tuple[HostTrace, list[WorkerTrace]], policy: str, idle_w: float
) -> None:
    host, crew = case
    lazy = WorkerTrace("lazy", [host.times_s[0], host.times_s[-1]], [3.0, 3.0], 1.0)
    shares = attribute(host, [*crew, lazy], policy=policy, idle_power_w=idle_w)  # type: ignore[arg-type]
    assert shares.workers["lazy"].dynamic_uj in (0, None)


@MODERATE
@given(hosts(gaps=False), st.integers(1, 6), IDLE_W)
def test_overlapping_windows_never_count_the_host_more_than_once(
    host: HostTrace, count: int, idle_w: float
) -> None:
    life = [host.times_s[0], host.times_s[-1]]
    crew = [WorkerTrace(str(at), life, [0.0, 1000.0], 100.0) for at in range(count)]
    shares = attribute(host, crew, idle_power_w=idle_w)
    assert known_sum(shares) <= shares.total_uj


@MODERATE
@given(cases(), st.lists(SECONDS, min_size=6, max_size=6))
def test_more_foreign_load_never_raises_the_energy_of_a_worker(
    case: tuple[HostTrace, list[WorkerTrace]], more: list[float]
) -> None:
    host, crew = case
    extra = rising(more)
    loaded = replace(
        host,
        busy_s=[(busy or 0) + add for busy, add in zip(host.busy_s, extra, strict=False)],
    )
    before, after = attribute(host, crew), attribute(loaded, crew)
    for name, share in before.workers.items():
        if share.dynamic_uj is not None:
            assert (after.workers[name].dynamic_uj or 0) <= share.dynamic_uj + 1


@MODERATE
@given(cases(), IDLE_W)
def test_a_worker_is_unknown_exactly_if_it_lived_through_a_gap(
    case: tuple[HostTrace, list[WorkerTrace]], idle_w: float
) -> None:
    host, crew = case
    gaps = [
        (start, end)
        for at, (start, end) in enumerate(pairwise(host.times_s))
        if any(
            counter[at] is None or counter[at + 1] is None for counter in host.energy_uj.values()
        )
    ]
    shares = attribute(host, crew, idle_power_w=idle_w)
    for worker in crew:
        born, gone = worker.times_s[0], worker.times_s[-1]
        hit = any(
            (born < end and start < gone) if born < gone else start < born < end
            for start, end in gaps
        )
        assert (shares.workers[worker.worker_id].dynamic_uj is None) == hit
    assert abs(shares.unknown_s - sum(end - start for start, end in gaps)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(cases(gaps=False), st.floats(0, 100))
def test_shares_agree_with_the_definition_in_fractions(
    case: tuple[HostTrace, list[WorkerTrace]], idle_w: float
) -> None:
    host, crew = case
    host = replace(
        host,
        energy_uj={name: c for name, c in host.energy_uj.items() if name.startswith("package")},
    )
    shares = attribute(host, crew, idle_power_w=idle_w)
    for name, (dynamic, idle) in by_definition(host, crew, idle_w).items():
        assert abs((shares.workers[name].dynamic_uj or 0) - dynamic) < 2
        assert abs((shares.workers[name].idle_uj or 0) - idle) < 2


@MODERATE
@given(cases(gaps=False), IDLE_W)
def test_counters_of_numpy_are_shared_like_those_of_python(
    case: tuple[HostTrace, list[WorkerTrace]], idle_w: float
) -> None:
    host, crew = case
    arrays = replace(
        host,
        times_s=list(np.array(host.times_s)),
        busy_s=list(np.array(host.busy_s)),
        energy_uj={name: list(np.array(counter)) for name, counter in host.energy_uj.items()},
    )
    assert attribute(arrays, crew, idle_power_w=idle_w) == attribute(
        host, crew, idle_power_w=idle_w
    )


def by_definition(
    host: HostTrace, crew: list[WorkerTrace], idle_w: float
) -> dict[object, tuple[Fraction, Fraction]]:
    """The written rule, slowly: cut everywhere, share each piece, never round."""
    out = {worker.worker_id: (Fraction(0), Fraction(0)) for worker in crew}
    ends = {Fraction(time) for worker in crew for time in (worker.times_s[0], worker.times_s[-1])}
    samples = [Fraction(time) for time in host.times_s]
    for at, (start, end) in enumerate(pairwise(samples)):
        if start == end:
            continue
        energy = sum(Fraction((c[at + 1] or 0) - (c[at] or 0)) for c in host.energy_uj.values())
        busy = Fraction(host.busy_s[at + 1] or 0) - Fraction(host.busy_s[at] or 0)
        idle = min(energy, Fraction(idle_w) * 10**6 * (end - start))
        pieces = sorted({start, end, *(cut for cut in ends if start < cut < end)})
        for left, right in pairwise(pieces):
            part = (right - left) / (end - start)
            used = {w.worker_id: level(w, right) - level(w, left) for w in crew}
            there = [w for w in crew if w.times_s[0] <= left and right <= w.times_s[-1]]
            whole = max(busy * part, sum(used.values()))
            cores = max(Fraction(host.cores), sum(Fraction(w.cores) for w in there))
            for w in crew:
                dynamic, own_idle = out[w.worker_id]
                if whole:
                    dynamic += (energy - idle) * part * used[w.worker_id] / whole
                if w in there:
                    own_idle += idle * part * Fraction(w.cores) / cores
                out[w.worker_id] = (dynamic, own_idle)
    return out


def level(worker: WorkerTrace, time: Fraction) -> Fraction:
    knots = [Fraction(knot) for knot in worker.times_s]
    levels = [Fraction(cpu) for cpu in worker.cpu_s]
    if time >= knots[-1]:
        return levels[-1]
    if time <= knots[0]:
        return levels[0]
    right = next(at for at, knot in enumerate(knots) if knot >= time)
    share = (time - knots[right - 1]) / (knots[right] - knots[right - 1])
    return levels[right - 1] + share * (levels[right] - levels[right - 1])
