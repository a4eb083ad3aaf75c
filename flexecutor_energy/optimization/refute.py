"""Look for a plan that a claimed lower bound says cannot exist, in exact arithmetic.

Multipliers prove a bound L, and an excess r ≥ 0 of each candidate such that every plan costs at
least ``L + Σ r``. Only choices with ``L + Σ r`` below the claim can contradict it; where they are
few, going through all of them turns the claim into a proof.
"""

from fractions import Fraction
from itertools import takewhile
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexecutor_energy.optimization.verify import Exact


FEW_STEPS = 3_000
"""Steps of a search that cannot be complete."""


def search(
    problem: "Exact", name: str, multipliers: Any, claim: Fraction, max_steps: int
) -> tuple[tuple[int, ...] | None, bool]:
    """Look for a feasible choice whose objective is below the claim.

    Parameters
    ----------
    problem, name, multipliers : the problem, its linear objective and its proof
    claim : what is said to be a lower bound
    max_steps : stages to decide or evaluate before giving up

    Returns
    -------
    tuple
        A choice that refutes the claim, or None, and whether the search was complete. Under a
        capacity it is not: the least makespan of a choice is unknown.
    """
    bound, options, unit = problem.dual(multipliers)
    room = ceil((claim - bound) * unit)  # whole numbers are compared faster, and as exactly
    if not problem.links and _least_steps(options, room) > max_steps:
        max_steps = min(max_steps, FEW_STEPS)  # it cannot be gone through, but luck may find one
    stack: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    while stack and max_steps > 0:
        spent, chosen = stack.pop()
        max_steps -= 1
        if len(chosen) < len(options):
            longer = _longer(options[len(chosen)], spent, chosen, room)
            stack += [node for node in reversed(longer) if _matches(problem, node[1])]
        elif problem.capacity:
            return None, False
        else:
            max_steps -= len(options)
            totals, broken = problem.totals(chosen)
            if not broken and totals[name] < claim:
                return chosen, True
    return None, not stack


def _least_steps(options: list[list[tuple[int, int]]], room: int) -> int:
    """Return how many steps at least it takes to look at all choices that differ in one stage."""
    others = [sum(extra < room for extra, _ in row[1:]) for row in options]
    return sum(count * (len(options) - i) for i, count in enumerate(others))


def _longer(
    options: list[tuple[int, int]], spent: int, chosen: tuple[int, ...], room: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Return the choices that are longer by one stage and still fit, the best first."""
    within = takewhile(lambda option: spent + option[0] < room, options)
    return [(spent + extra, (*chosen, candidate)) for extra, candidate in within]


def _matches(problem: "Exact", chosen: tuple[int, ...]) -> bool:
    """Tell whether the last stage chosen agrees with its links so far."""
    last = len(chosen) - 1
    return all(
        above[chosen[parent]] == below[chosen[child]]
        for parent, child, above, below in problem.links
        if max(parent, child) == last
    )
