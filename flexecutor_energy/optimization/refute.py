"""Look for a plan that a claimed lower bound says cannot exist, in exact arithmetic.

Multipliers prove a bound L, and an excess r ≥ 0 of each candidate such that every plan costs at
least ``L + Σ r``. Only choices with ``L + Σ r`` below the claim can contradict it; where they are
few, going through all of them turns the claim into a proof.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexecutor_energy.optimization.verify import Exact


def search(
    problem: "Exact", name: str, multipliers: Any, claim: Fraction, max_nodes: int
) -> tuple[tuple[int, ...] | None, bool]:
    """Look for a feasible choice whose objective is below the claim.

    Parameters
    ----------
    problem, name, multipliers : the problem, its linear objective and its proof
    claim : what is said to be a lower bound
    max_nodes : partial choices to look at before giving up

    Returns
    -------
    tuple
        A choice that refutes the claim, or None, and whether the search was complete. Under a
        capacity it is not: the least makespan of a choice is unknown.
    """
    bound, excess = problem.dual(multipliers)
    stack: list[tuple[Fraction, tuple[int, ...]]] = [(bound, ())]
    for _ in range(max_nodes):
        if not stack:
            return None, True
        floor, chosen = stack.pop()
        if len(chosen) < len(excess):
            for extra, candidate in reversed(excess[len(chosen)]):  # the best one is popped first
                longer = (*chosen, candidate)
                if floor + extra < claim and _matches(problem, longer):
                    stack.append((floor + extra, longer))
        elif problem.capacity:
            return None, False
        else:
            totals, broken = problem.totals(chosen)
            if not broken and totals[name] < claim:
                return chosen, True
    return None, not stack


def _matches(problem: "Exact", chosen: tuple[int, ...]) -> bool:
    """Tell whether the last stage chosen agrees with its links so far."""
    last = len(chosen) - 1
    return all(
        above[chosen[parent]] == below[chosen[child]]
        for parent, child, above, below in problem.links
        if max(parent, child) == last
    )
