"""The trade-off between time and energy (or cost): plans that no other plan beats in both."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.errors import ConfigurationError, GapError
from flexecutor_energy.optimization.certificate import Solution, certify
from flexecutor_energy.optimization.deadline import Deadline
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.infeasible import total
from flexecutor_energy.optimization.problem import TOLERANCE, Problem
from flexecutor_energy.optimization.schedule import evaluate

Against = Literal["energy", "cost"]

STEP = 4 * TOLERANCE
"""How much below a makespan, relatively, the next bound lies; more than the bound's tolerance."""


def pareto(
    problem: Problem,
    points: int | None = 20,
    *,
    against: Against | None = None,
    gap: float = 0.005,
    time_limit_s: float = 60.0,
) -> list[Solution]:
    """Return plans of the front, the fastest first.

    ε-constraint on time: the least energy under a makespan, and the least makespan at that
    energy, from both ends inwards. Each plan's certificate is about the problem with
    ``max_time`` set to the plan's own makespan: nothing as fast uses less.

    Parameters
    ----------
    problem : what to choose from; its bounds hold for every point
    points : how many points to look for, spread by the area between neighbours; None for all
    against : what is traded for time; None takes energy, or cost where no energy is known
    gap : relative gap of each point
    time_limit_s : seconds for all points together; each gets its share, and its honest gap

    Raises
    ------
    InfeasibleError
        No choice keeps the bounds or the links.
    ConfigurationError
        A plan takes no time at all, or an argument makes no sense.
    """
    if points is not None and points < 2:
        raise ConfigurationError(
            f"points={points} must be at least 2, or None for all of the front"
        )
    goal = against or ("energy" if problem.energies is not None else "cost")
    deadline = Deadline(time_limit_s)

    solved = 0

    def share() -> float:
        """Return the seconds for the next plan: the same for each that is still to come."""
        nonlocal solved
        solved += 1
        to_come = 1 if points is None else max(1, points + 2 - solved)
        return max(deadline.left() / to_come, 0.01)

    def under(max_time: float | None) -> Solution:
        held = problem if max_time is None else problem.with_bounds({"time": max_time})
        return _at_its_time(problem, goal, solve(held, goal, gap, share()))

    shortest = solve(problem, "time", gap, share()).makespan_s
    if shortest <= 0:
        raise ConfigurationError("the fastest plan takes 0 s: there is no time to trade")
    fastest = under(shortest)
    found = [fastest, under(None)]
    _fill(found, goal, points, under, deadline)
    return _undominated(found, goal)


@dataclass(frozen=True, slots=True)
class _Between:
    """Two neighbours; between `floor` and the slower one's makespan nothing is known yet."""

    fast: Solution
    slow: Solution
    floor: float
    halve: bool

    def area(self, goal: Against) -> float:
        """Return the area in which plans may hide, in second times the goal's unit."""
        width = self.slow.makespan_s - self.floor
        return width * (total(self.fast, goal) - total(self.slow, goal))


def _fill(
    found: list[Solution],
    goal: Against,
    points: int | None,
    under: Callable[[float], Solution],
    deadline: Deadline,
) -> None:
    """Append plans between the two ends until there are enough, or no more."""
    fast, slow = found
    halve = points is not None
    unknown = [_Between(fast, slow, fast.makespan_s, halve)]
    while unknown and len(found) < (points or math.inf) and not deadline.passed():
        widest = max(unknown, key=lambda between: between.area(goal))
        unknown.remove(widest)
        last = widest.slow.makespan_s * (1 - STEP)
        if last <= widest.floor:
            continue
        middle = (widest.floor + last) / 2
        try:
            plan = under(middle if widest.halve else last)
        except GapError:
            return  # the time is up
        if plan.makespan_s <= widest.floor or total(plan, goal) >= total(widest.fast, goal):
            if widest.halve:  # nothing up to the middle: look next to the slower neighbour
                unknown.append(_Between(widest.fast, widest.slow, middle, False))
            continue
        found.append(plan)
        unknown.append(_Between(widest.fast, plan, widest.floor, halve))
        if widest.halve:
            unknown.append(_Between(plan, widest.slow, middle, halve))


def _at_its_time(problem: Problem, goal: Against, solution: Solution) -> Solution:
    """Restate a solution for the problem bounded by the solution's own makespan."""
    certificate = solution.certificate
    bounded = problem.with_bounds({"time": solution.makespan_s})
    return certify(
        bounded,
        goal,
        evaluate(bounded, solution.choice),
        claimed=certificate.solver_claimed,
        multipliers=certificate.multipliers,
        solver=certificate.solver,
        solver_version=certificate.solver_version,
    )


def _undominated(found: list[Solution], goal: Against) -> list[Solution]:
    """Return the plans that get cheaper as they get slower, the fastest first."""
    front: list[Solution] = []
    for plan in sorted(found, key=lambda plan: (plan.makespan_s, total(plan, goal))):
        if not front or total(plan, goal) < total(front[-1], goal):
            front.append(plan)
    return front
