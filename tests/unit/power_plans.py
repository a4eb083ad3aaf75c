"""Plans whose joules are known parts of idle and dynamic energy, to be computed by hand."""

from typing import Any

from flexecutor_energy.optimization import Plan, solve
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.table import Candidate, StageOptions, Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.quantities import Interval
from flexecutor_energy.records.power_facts import PowerFacts

POWER = PowerFacts("modelled", idle_w=1.0, rate_w=4.0, cores=4.0)
"""A host of 4 cores that draws 4 W without load and 20 W with all cores busy."""


def around(mean: float) -> Interval:
    return Interval(mean, mean * 0.9, mean * 1.2)


def candidate(
    seconds: float,
    cpu_s: float,
    core_s: float,
    *,
    workers: int = 1,
    gb_s: float = 0.0,
    power: PowerFacts = POWER,
    fan_in: dict[str, int] | None = None,
) -> Candidate:
    """Return a candidate that reserves core-seconds and uses CPU seconds, on one core each."""
    load = min(cpu_s / (seconds * power.cores), 1.0)
    dynamic = cpu_s * power.dynamic_w(load) / load if load > 0 else 0.0
    return Candidate(
        cpu=1.0,
        memory=0,
        workers=workers,
        time=around(seconds),
        energy=around(dynamic + core_s * power.idle_w),
        cost=around(core_s * 1e-5),
        fan_in=fan_in,
        dynamic_j=dynamic,
        memory_gb_s=gb_s,
    )


def plan_of(
    table: Table,
    edges: tuple[tuple[str, str], ...] = (),
    power: PowerFacts | None = POWER,
    default: tuple[int, ...] | None = None,
    **terms: Any,
) -> Plan:
    asked = Terms(**terms)
    return Plan.of(
        solve(problem_of(asked, table, edges), asked.objective, gap=0),
        dag="parts",
        terms=asked,
        table=table,
        edges=edges,
        energy_source="modelled by a test",
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        default_choice=default,
        context=PlanContext(power),
    )


def one_stage(*candidates: Candidate) -> Table:
    return (StageOptions("only", candidates),)


def slow_or_fast() -> Table:
    """Two ways: 10 s with 12 CPU seconds, or 4 s with 13.5 on more workers.

    At 1 W idle and 4 J per CPU second that is 58 J against 58 J + 0.5 J.
    """
    slow = candidate(10.0, 12.0, 10.0)
    fast = candidate(4.0, 13.5, 4.5, workers=2)
    return one_stage(slow, fast)
