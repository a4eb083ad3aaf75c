"""How far published schedulers are from the certified optimum on the same predictions.

    python -m benchmarks.schedulers [--quick] [--objective energy] [--csv results.csv]

Workflows are the reference profiles (trained here) and synthetic ones. Every scheduler gets the
same candidates with the same predicted values. Two questions are asked:

1. *In the mean*: least joules (or USD) with the predicted makespan within a deadline of a few
   times the fastest. Each line is one deadline, each column a scheduler: how far its plan is above
   the optimum that `optimization.solve` proves, or ``miss`` where its plan breaks the deadline
   (``none``: it formed no plan).
2. *In 95 % of runs*: ours, Jolteon and Orion choose by one half of the draws (held-out errors of
   measured runs on every candidate); the others keep the deadline divided by the factor that this
   half stays below. All are judged by the other half.

A star marks workflows with synthetic joules, see `benchmarks.workloads`.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.workloads import Workload, default, synthetic, trained
from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization import Problem, evaluate, solve, verify
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import Choice, FloatArray
from flexecutor_energy.optimization.promise import next_bound
from flexecutor_energy.optimization.schedulers import (
    Instance,
    Scheduler,
    breaks,
    naive,
    published,
)
from flexecutor_energy.optimization.schedulers.space import Space, makespans
from flexecutor_energy.prediction.conformal import upper_bound

SLACKS = (1.05, 1.2, 1.5, 2.0, 3.0)
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Line:
    """What one scheduler made of one deadline."""

    question: str
    workflow: str
    slack: float
    scheduler: str
    objective: float | None
    kept: bool
    gap: float | None
    in_time: float | None
    seconds: float
    proved_gap: float | None = None


def main() -> None:
    chosen = arguments()
    slacks = (1.2, 2.0) if chosen.quick else SLACKS
    schedulers = [*published(), *naive(seed=0)]
    if chosen.only:
        schedulers = [s for s in schedulers if s.name in chosen.only]
    lines: list[Line] = []
    print(f"objective {chosen.objective}; gap to the certified optimum, deadline in the mean")
    names = [scheduler.name for scheduler in schedulers]
    print(f"{'workflow':<22}{'slack':>6}{'optimum':>10}" + "".join(f"{n:>10}" for n in names))
    workloads = [*trained(chosen.draws), *synthetic(chosen.draws, chosen.quick)]
    for workload in workloads:
        for slack in slacks:
            found = in_the_mean(workload, slack, chosen.objective, schedulers)
            optimum = next(line for line in found if line.scheduler == "ours")
            cells = "".join(f"{cell(line):>10}" for line in found if line is not optimum)
            print(f"{workload.name:<22}{slack:>6.2f}{optimum.objective:>10.4g}{cells}", flush=True)
            lines += found
    summarise(lines)
    late = [line for w in workloads for s in slacks for line in in_most_runs(w, s, chosen)]
    summarise_runs(late)
    if chosen.csv:
        write(chosen.csv, [*lines, *late])


def in_the_mean(
    workload: Workload, slack: float, objective: Objective, schedulers: Sequence[Scheduler]
) -> list[Line]:
    """Return the lines of one deadline on the predicted makespan, ours first."""
    problem = workload.problem.with_bounds({"time": slack * workload.fastest_s})
    instance = Instance(problem, objective, workload.configs, default=default(workload))
    begin = time.perf_counter()
    solution = solve(problem, objective, gap=0)
    took = time.perf_counter() - begin
    best = solution.certificate.lower_bound
    gap = solution.certificate.objective / best - 1
    check = verify(problem.to_data(), solution.choice, solution.certificate)
    assert check.ok, check.problems
    proved_gap = solution.certificate.objective / check.proved_bound - 1
    head = ("mean", workload.name, slack)
    reached = solution.certificate.objective
    lines = [Line(*head, "ours", reached, True, gap, None, took, proved_gap)]
    for scheduler in schedulers:
        begin = time.perf_counter()
        proposal = scheduler.choose(instance)
        took = time.perf_counter() - begin
        kept = not breaks(instance, proposal)
        assert kept is proposal.kept, f"{scheduler.name} said {proposal.kept}"
        value = None if proposal.choice is None else total(problem, proposal.choice, objective)
        above = value / best - 1 if kept and value is not None else None
        lines.append(Line(*head, scheduler.name, value, kept, above, None, took))
    return lines


def in_most_runs(workload: Workload, slack: float, chosen: argparse.Namespace) -> list[Line]:
    """Return the lines of one deadline that 95 % of runs should keep, ours first."""
    draws, judges = workload.draws
    factor = upper_bound(ratios(workload, draws), CONFIDENCE).factor
    deadline = slack * workload.fastest_s * factor
    asked = workload.problem.with_bounds({"time": deadline})
    tightened = workload.problem.with_bounds({"time": deadline / factor})
    lines = []
    ours = Line("runs", workload.name, slack, "ours", None, False, None, None, 0.0)
    begin = time.perf_counter()
    choice = promised(asked, draws, chosen.objective)
    took = time.perf_counter() - begin
    lines.append(judged(ours, asked, choice, judges, took, chosen.objective))
    best = lines[0].objective
    for scheduler in published():
        by_draws = scheduler.name in ("jolteon", "orion")
        instance = Instance(
            asked if by_draws else tightened,
            chosen.objective,
            workload.configs,
            draws if by_draws else None,
            CONFIDENCE,
        )
        begin = time.perf_counter()
        proposal = scheduler.choose(instance)
        took = time.perf_counter() - begin
        plan = proposal.choice if proposal.kept else None
        line = replace(ours, scheduler=scheduler.name)
        line = judged(line, asked, plan, judges, took, chosen.objective)
        if line.objective is not None and best is not None:
            line = replace(line, gap=line.objective / best - 1)
        lines.append(line)
    return lines


def promised(asked: Problem, draws: Sequence[FloatArray], objective: Objective) -> Choice | None:
    """Return the best plan under the loosest bound whose best plan is in time, as `optimize`."""
    mean = deadline = asked.limit("time")
    while True:
        try:
            solution = solve(asked.with_bounds({"time": mean}), objective, gap=0)
        except InfeasibleError:
            return None
        choice = solution.choice
        spans = makespans(asked, [own[:, c] for own, c in zip(draws, choice, strict=True)])
        if upper_bound(spans / deadline, CONFIDENCE).factor <= 1:
            return choice
        mean = next_bound(min(mean, solution.makespan_s))


def judged(
    line: Line,
    problem: Problem,
    choice: Choice | None,
    judges: Sequence[FloatArray],
    took: float,
    objective: Objective,
) -> Line:
    """Return the line with the share of the other draws in which a plan is in time."""
    if choice is None:
        return replace(line, seconds=took)
    spans = makespans(problem, [own[:, c] for own, c in zip(judges, choice, strict=True)])
    share = float(np.mean(spans <= problem.limit("time")))
    reached = total(problem, choice, objective)
    return replace(line, objective=reached, kept=True, in_time=share, seconds=took)


def ratios(workload: Workload, draws: Sequence[FloatArray]) -> FloatArray:
    """Return drawn over predicted makespan, each draw with a plan of its own: (draws,)."""
    generator = np.random.default_rng(0)
    space = Space(Instance(workload.problem, "time", workload.configs))
    found: list[float] = []
    while len(found) < len(draws[0]):
        row = np.array([[generator.integers(len(own)) for own in space.configs]], dtype=np.intp)
        choice = space.choices(row)[0]
        if choice[0] < 0:
            continue
        seconds = [own[len(found), c] for own, c in zip(draws, choice, strict=True)]
        span = float(makespans(workload.problem, [np.asarray(s) for s in seconds]))
        found.append(span / evaluate(workload.problem, choice.tolist()).makespan_s)
    return np.array(found)


def total(problem: Problem, choice: Choice, objective: Objective) -> float:
    plan = evaluate(problem, choice)
    if objective == "edp":
        return plan.value("energy") * plan.makespan_s
    return plan.value(objective)


def cell(line: Line) -> str:
    if line.objective is None:
        return "none"
    return f"{100 * line.gap:.1f}%" if line.gap is not None else "miss"


def summarise(lines: Sequence[Line]) -> None:
    print("\nscheduler   kept  missed   median gap     worst gap   optimal   median s   worst s")
    for name in dict.fromkeys(line.scheduler for line in lines):
        own = [line for line in lines if line.scheduler == name]
        gaps = [line.gap for line in own if line.gap is not None]
        seconds = [line.seconds for line in own]
        spread = f"{100 * median(gaps):>12.1f}%{100 * max(gaps):>13.1f}%" if gaps else f"{'-':>27}"
        optimal = sum(gap < 1e-9 for gap in gaps)
        print(
            f"{name:<10}{len(gaps):>6}{len(own) - len(gaps):>8}{spread}{optimal:>10}"
            f"{median(seconds):>11.3f}{max(seconds):>10.2f}"
        )
    proofs = [line.proved_gap for line in lines if line.proved_gap is not None]
    print(
        f"ours: {len(proofs)} plans verified; of {sum(gap < 1e-8 for gap in proofs)} the checker "
        "itself proves that nothing is better, of the others that at most "
        f"{max(proofs):.2%} could be saved"
    )


def summarise_runs(lines: Sequence[Line]) -> None:
    print("\ndeadline in 95 % of runs, judged by draws that no scheduler saw")
    print(
        "scheduler  plans  unsolved   runs in time   worst plan   plans < 95 %"
        "   best, median, worst to ours"
    )
    for name in dict.fromkeys(line.scheduler for line in lines):
        own = [line for line in lines if line.scheduler == name]
        shares = [line.in_time for line in own if line.in_time is not None]
        gaps = [line.gap for line in own if line.gap is not None] or [0.0]
        print(
            f"{name:<10}{len(shares):>6}{len(own) - len(shares):>10}{np.mean(shares):>15.1%}"
            f"{min(shares):>13.1%}{sum(share < CONFIDENCE for share in shares):>15}"
            f"{min(gaps):>+11.1%}{median(gaps):>+9.1%}{max(gaps):>+9.1%}"
        )


def write(path: Path, lines: Sequence[Line]) -> None:
    names = list(Line.__dataclass_fields__)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([getattr(line, name) for name in names] for line in lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer deadlines and workflows")
    parser.add_argument("--objective", default="energy", choices=["energy", "cost", "edp"])
    parser.add_argument("--draws", type=int, default=200, help="imagined runs for each workflow")
    parser.add_argument("--only", nargs="+", help="names of schedulers")
    parser.add_argument("--csv", type=Path, help="write every figure here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
