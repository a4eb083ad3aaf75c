"""A plan of a small diamond, whose times and joules follow a law that is known."""

from functools import cache

from flexecutor_energy.optimization import Plan, solve
from flexecutor_energy.optimization.table import Candidate, StageOptions
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.quantities import Interval

SOURCE = "modelled, wall, 80 % band -67 % to +81 %"
EDGES = (("split", "map"), ("split", "side"), ("map", "merge"), ("side", "merge"))
WORK = {"split": 4.0, "map": 20.0, "side": 5.0, "merge": 6.0}


@cache
def demo_plan(*, energy: bool = True, stages: tuple[str, ...] = tuple(WORK)) -> Plan:
    """Return a plan under a deadline; without energy, the one of least cost."""
    table = tuple(
        StageOptions(
            name,
            tuple(
                _candidate(cpu, workers, WORK[name], energy)
                for cpu in (0.5, 1, 2)
                for workers in (1, 2, 4)
            ),
        )
        for name in stages
    )
    edges = tuple(edge for edge in EDGES if set(edge) <= set(stages))
    terms = Terms(objective="energy" if energy else "cost", max_time=20.0, mean_max_time=18.0)
    return Plan.of(
        solve(problem_of(terms, table, edges), terms.objective, gap=0),
        dag="demo",
        terms=terms,
        table=table,
        edges=edges,
        energy_source=SOURCE if energy else "unmeasured (the profiles do not say why)",
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        default_choice=(0,) * len(table),
    )


def _candidate(cpu: float, workers: int, work: float, energy: bool) -> Candidate:
    seconds = work / (cpu * workers) ** 0.8 + 0.2 * workers
    return Candidate(
        cpu=cpu,
        memory=512,
        workers=workers,
        time=_around(seconds),
        energy=_around(5 * work + 2 * cpu * workers * seconds) if energy else None,
        cost=_around(seconds * workers * cpu * 1e-5),
        extrapolated=cpu * workers > 4,
    )


def _around(value: float) -> Interval:
    return Interval(value, value * 0.9, value * 1.2)


def chain_plan(stages: int) -> Plan:
    """Return a plan of stages in two interleaved chains, each like the map of the diamond."""
    names = [f"stage{i}" for i in range(stages)]
    candidates = demo_plan().table[1].candidates
    table = tuple(StageOptions(name, candidates) for name in names)
    edges = tuple(zip(names, names[2:], strict=False))
    terms = Terms(objective="energy")
    return Plan.of(
        solve(problem_of(terms, table, edges), "energy"),
        dag="chains",
        terms=terms,
        table=table,
        edges=edges,
        energy_source=SOURCE,
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
    )
