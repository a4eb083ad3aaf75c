"""Random traces of hosts and of the workers that ran on them."""

from hypothesis import strategies as st

from flexecutor_energy.energy import HostTrace, WorkerTrace

POLICIES = st.sampled_from(["reserved", "equal", "none"])
SECONDS = st.one_of(st.integers(0, 50).map(float), st.floats(0, 50).map(lambda s: round(s, 9)))
IDLE_W = st.one_of(st.just(0.0), st.floats(0, 100))


def moments(first: float, last: float) -> st.SearchStrategy[float]:
    """Return times that a clock could show, to the nanosecond."""
    return st.floats(first, last).map(lambda time: min(max(round(time, 9), first), last))


def rising(values: list[float]) -> list[float]:
    total, out = 0.0, []
    for value in values:
        total += value
        out.append(total)
    return out


@st.composite
def hosts(draw: st.DrawFn, *, gaps: bool = True) -> HostTrace:
    count = draw(st.integers(2, 6))
    times = rising(draw(st.lists(SECONDS, min_size=count, max_size=count)))
    busy = rising(draw(st.lists(SECONDS, min_size=count, max_size=count)))
    counters: dict[str, list[int | None]] = {}
    for domain in draw(st.sampled_from([["package"], ["package-0", "package-1", "dram-0"]])):
        steps = draw(st.lists(st.integers(0, 10**9), min_size=count, max_size=count))
        counter: list[int | None] = [sum(steps[: at + 1]) for at in range(count)]
        for at in draw(st.sets(st.integers(0, count - 1), max_size=2)) if gaps else ():
            counter[at] = None
        counters[domain] = counter
    memory = draw(st.none() | st.floats(0, 1000))
    return HostTrace(times, counters, busy, draw(st.integers(1, 8)), memory)


@st.composite
def crews(draw: st.DrawFn, host: HostTrace, most: int = 4) -> list[WorkerTrace]:
    first, last = host.times_s[0], host.times_s[-1]
    crew = []
    for number in range(draw(st.integers(0, most))):
        inside = moments(first, last) if draw(st.booleans()) else st.sampled_from([first, last])
        times = sorted(draw(st.lists(inside, min_size=2, max_size=4)))
        cpu = rising(draw(st.lists(SECONDS, min_size=len(times), max_size=len(times))))
        cores = draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0]))
        crew.append(WorkerTrace(f"w{number}", times, cpu, cores, draw(st.floats(0, 500))))
    return crew


@st.composite
def cases(draw: st.DrawFn, *, gaps: bool = True) -> tuple[HostTrace, list[WorkerTrace]]:
    host = draw(hosts(gaps=gaps))
    return host, draw(crews(host))
