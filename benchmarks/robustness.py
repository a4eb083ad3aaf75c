"""Whether plans hold under the power of real servers as often as they say.

    python -m benchmarks.robustness [--synthetic 12] [--csv FILE]

Every plan of least energy says under which share of power models it is best (within 0.5 %), its
worst regret, and the worst regret after calibrating. Here the same is found out with servers that
the claim knows nothing of: published SPECpower_ssj2008 results since 2017, at all of their eleven
loads, each with memory in the power of its cores and beside it. Plans are those of the reference
profile ``ml_2core_vm``, and of synthetic workflows on a host of 16 cores, under several deadlines
and in every scope.
"""

import argparse
import csv
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.graphs import graph_of
from benchmarks.workloads import ML
from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Plan, solve
from flexecutor_energy.optimization.background import Background
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.planning import make_plan
from flexecutor_energy.optimization.request import PlanRequest
from flexecutor_energy.optimization.robustness import Robustness, robustness_in
from flexecutor_energy.optimization.table import Candidate, StageOptions, Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.optimization.worlds import MEMORY_W_GB, World
from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.results import Scope
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.quantities import Interval
from flexecutor_energy.records.power_facts import PowerFacts, power_facts
from flexecutor_energy.records.store import load_profile

# SPECpower_ssj2008, https://www.spec.org/power_ssj2008/results/, average watts at active idle and
# at 10, 20, … 100 % load. The Dell servers of 2017 as users of CloudSim noted them down, all
# others as OpenDC (Delft University of Technology, MIT licence) did.
REAL_W = {
    "Dell R640, 2017": (55, 125, 151, 176, 202, 232, 261, 301, 357, 421, 469),
    "Dell R740, 2017": (52.3, 129, 147, 170, 195, 224, 255, 292, 344, 408, 457),
    "Dell R940, 2017": (106, 245, 292, 336, 383, 437, 502, 583, 694, 820, 915),
    "Dell R740, 2019": (49.8, 114, 137, 159, 182, 208, 240, 277, 319, 376, 432),
    "Dell R240, 2019": (20, 25.1, 28.5, 32.3, 36.6, 41.7, 47.5, 55.9, 67.2, 81, 93.1),
    "Dell R7515, 2019": (99.5, 117, 130, 141, 151, 164, 186, 205, 220, 236, 246),
    "Dell R7525, 2019": (72, 181, 207, 229, 250, 270, 294, 321, 347, 370, 393),
    "Dell R6515, 2020": (54, 123, 139, 150, 161, 169, 181, 194, 207, 218, 231),
    "HPE DL345 Gen10+, 2021": (58, 104, 120, 134, 150, 169, 197, 217, 236, 255, 272),
    "HPE DL380 Gen10+, 2021": (127, 198, 226, 253, 281, 314, 354, 405, 464, 576, 619),
    "HPE DL110 Gen10+, 2021": (93.8, 104, 116, 130, 143, 156, 172, 197, 250, 287, 307),
}
TENTHS = tuple(i / 10 for i in range(11))
SLACKS = (1.05, 1.2, 1.5, 2.0, None)
SCOPES: tuple[Scope, ...] = ("marginal", "provisioned", "host")
PROFILES = Path(__file__).parents[1] / "profiles" / "reference"

HOST = PowerFacts("modelled", idle_w=0.74, rate_w=2.76, cores=16.0)
"""The synthetic host: the mean of Cloud Carbon Footprint, for an unknown processor."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan with what it claims, and what real servers say."""

    workflow: str
    scope: str
    slack: float | None
    claimed: Robustness
    real: Robustness


def real_worlds(power: PowerFacts) -> list[World]:
    """Return the servers, scaled so that the middle one draws at full load what the model says.

    As in `draw_worlds`: how large the watts are matters to memory beside cores only.
    """
    worlds = []
    for name, watts in REAL_W.items():
        core = tuple(power.full_w * each / watts[-1] for each in watts)
        worlds += [World(name, core, beside, TENTHS) for beside in (0.0, MEMORY_W_GB)]
    return worlds


def judged(name: str, plan: Plan, slack: float | None) -> Judged:
    power = plan.context.power
    assert power is not None
    real = robustness_in(plan, real_worlds(power))
    return Judged(name, plan.terms.scope, slack, plan.robustness(), real)


def reference_plans() -> Iterator[Judged]:
    """Yield plans of the reference profile under deadlines and scopes."""
    profiles = {p.stem: load_profile(p) for p in sorted((PROFILES / "ml_2core_vm").glob("*.json"))}
    model, _ = train_profiles(profiles, ML, dag="ml_2core_vm")
    graph = graph_of("ml_2core_vm", profiles, ML)
    background = Background("modelled", power_facts(profiles))
    for scope in SCOPES:
        free = PlanRequest(
            "energy", None, None, None, 0.5, scope, resolve_pricing(None), idle_power_w=1.48
        )
        shortest = make_plan(graph, model, replace(free, objective="time")).time.mean
        for slack in SLACKS:
            asked = replace(free, max_time=slack and slack * shortest)
            try:
                plan = make_plan(graph, model, asked, background=background)
            except InfeasibleError:
                continue  # the deadline is too tight for its margin
            yield judged("ml_2core_vm", plan, slack)


def synthetic_plans(count: int) -> Iterator[Judged]:
    """Yield plans of random chains of three stages on the synthetic host."""
    for seed in range(count):
        table = _table(np.random.default_rng(seed))
        for scope in SCOPES:
            idle_w = HOST.idle_w * HOST.cores if scope == "host" else 0.0
            terms = Terms(objective="time", scope=scope, idle_power_w=idle_w)
            shortest = _plan(_in_scope(table, scope), terms).time.mean
            for slack in SLACKS:
                asked = replace(terms, objective="energy", max_time=slack and slack * shortest)
                plan = _plan(_in_scope(table, scope), asked)
                yield judged(f"synthetic {seed}", plan, slack)


def _table(generator: np.random.Generator) -> Table:
    """Return three stages: work that scales, work that does not, and a cost for each worker."""
    stages = []
    for number in range(3):
        work_s = generator.lognormal(3.0, 0.8)
        serial, each_s = generator.uniform(0.02, 0.3), generator.uniform(0.1, 2.0)
        busy = generator.uniform(0.4, 1.0)
        candidates = []
        for cpu in (0.5, 1.0, 2.0, 4.0):
            for workers in (1, 2, 4, 8):
                if cpu * workers > HOST.cores:
                    continue
                seconds = work_s * (serial + (1 - serial) / workers) / cpu + each_s
                cpu_s = busy * work_s + each_s * workers
                core_s = cpu * workers * seconds
                candidates.append(_candidate(cpu, workers, seconds, min(cpu_s, core_s), core_s))
        stages.append(StageOptions(f"stage{number}", tuple(candidates)))
    return tuple(stages)


def _candidate(cpu: float, workers: int, seconds: float, cpu_s: float, core_s: float) -> Candidate:
    dynamic, idle = cpu_s * HOST.rate_w, core_s * HOST.idle_w
    return Candidate(
        cpu=cpu,
        memory=2000,
        workers=workers,
        time=Interval.exact(seconds),
        energy=Interval.exact(dynamic + idle),
        cost=Interval.exact(core_s * 1e-5),
        dynamic_j=dynamic,
        memory_gb_s=2.0 * workers * seconds,
    )


def _in_scope(table: Table, scope: Scope) -> Table:
    if scope == "provisioned":
        return table
    return tuple(
        StageOptions(
            options.stage_id,
            tuple(
                replace(c, energy=Interval.exact(c.dynamic_j or 0.0)) for c in options.candidates
            ),
        )
        for options in table
    )


def _plan(table: Table, terms: Terms) -> Plan:
    ids = [options.stage_id for options in table]
    edges = tuple(itertools.pairwise(ids))
    solution = solve(problem_of(terms, table, edges), terms.objective, gap=0)
    return Plan.of(
        solution,
        dag="synthetic",
        terms=terms,
        table=table,
        edges=edges,
        energy_source="synthetic",
        created="",
        version="",
        context=PlanContext(HOST),
    )


def show(rows: list[Judged]) -> None:
    print(f"{len(rows)} plans; {2 * len(REAL_W)} real worlds: {len(REAL_W)} servers × memory")
    print("claimed best share   plans   claimed    real   real worst regret ≤ claimed")
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        some = [row for row in rows if low <= (row.claimed.best_share or 0.0) < high]
        if some:
            print(f"{low:.0%} to {min(high, 1):<14.0%} {len(some):>5}  {_line(some)}")
    print(f"{'all':<19} {len(rows):>6}  {_line(rows)}")
    misses = [abs((r.claimed.best_share or 0) - (r.real.best_share or 0)) for r in rows]
    print(f"share off by {statistics.fmean(misses):.1%} on average, {max(misses):.0%} at most")
    for name in ("worst_regret", "calibrated_worst_regret"):
        claimed = statistics.median(getattr(row.claimed, name) for row in rows)
        real = statistics.median(getattr(row.real, name) for row in rows)
        print(f"{name}: median claimed {claimed:.1%}, real {real:.1%}")


def _line(rows: list[Judged]) -> str:
    claimed = statistics.fmean(row.claimed.best_share or 0.0 for row in rows)
    real = statistics.fmean(row.real.best_share or 0.0 for row in rows)
    within = statistics.fmean(
        (row.real.worst_regret or 0.0) <= (row.claimed.worst_regret or 0.0) + 1e-9 for row in rows
    )
    return f"{claimed:>8.1%} {real:>7.1%}   {within:>12.1%} of plans"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synthetic", type=int, default=12, help="synthetic workflows")
    parser.add_argument("--csv", type=Path, help="one line for each plan")
    arguments = parser.parse_args()
    reference = list(reference_plans())
    for row in reference:
        print(
            f"{row.workflow} {row.scope:<12} deadline {row.slack or 'none':<5} best under "
            f"{row.claimed.best_share:.0%} (real {row.real.best_share:.0%}), regret "
            f"{row.claimed.worst_regret:.1%} ({row.real.worst_regret:.1%}), calibrated "
            f"{row.claimed.calibrated_worst_regret:.1%} "
            f"({row.real.calibrated_worst_regret:.1%})"
        )
    rows = [*reference, *synthetic_plans(arguments.synthetic)]
    show(rows)
    if arguments.csv is not None:
        with arguments.csv.open("w", newline="") as file:
            names = ("best_share", "worst_regret", "calibrated_worst_regret")
            writer = csv.writer(file)
            writer.writerow(
                ["workflow", "scope", "slack", *names, *(f"real_{name}" for name in names)]
            )
            for row in rows:
                values = [getattr(each, n) for each in (row.claimed, row.real) for n in names]
                writer.writerow([row.workflow, row.scope, row.slack, *values])


if __name__ == "__main__":
    main()
