"""The portfolio for a linear objective: prune, enumerate, contract, relax, branch, break ties.

Small problems are enumerated whole, which proves the optimum. Larger ones are contracted to
blocks where they have any, which may make them small. What is left is approached by relaxation,
neighbourhoods and branch-and-bound; then all choices that the relaxation leaves below the plan
found are enumerated where they are few enough, which again proves the optimum.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from flexecutor_energy.errors import ConfigurationError, GapError
from flexecutor_energy.optimization import model
from flexecutor_energy.optimization.approach import (
    ROUNDING,
    Approached,
    Settings,
    approach,
)
from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.contract import Contraction, contract
from flexecutor_energy.optimization.enumeration import ROWS, choose, enumerate_choices
from flexecutor_energy.optimization.hull import hulls
from flexecutor_energy.optimization.model import LinearProgram
from flexecutor_energy.optimization.objective import Weights
from flexecutor_energy.optimization.pricing import excess
from flexecutor_energy.optimization.problem import (
    NEXT_TO_NOTHING,
    TOLERANCE,
    IntArray,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.prune import prune
from flexecutor_energy.optimization.schedule import Evaluation, evaluate, violations
from flexecutor_energy.optimization.windows import admissible

RESIDUAL_ROWS = 200_000
"""Choices left below an incumbent that are enumerated to prove it; about a tenth of a second."""

RESIDUAL_CELLS = 1_000_000
"""Numbers that those choices consist of at most."""

CHECKED = 1_000_000
"""Pairs of points up to which the checker can be asked to join blocks; about two seconds."""

TIED = 4_000
"""Candidates beyond which ties are left as they are: to break them takes another search."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search hands to the certificate: an exactly evaluated plan and its bounds."""

    evaluation: Evaluation
    claimed: float
    multipliers: tuple[Multipliers, ...]
    solver: str
    solver_version: str


def search(problem: Problem, order: Sequence[Metric], settings: Settings) -> Found | None:
    """Minimise the first metric; break ties by the others; None where no plan keeps the bounds.

    Raises
    ------
    GapError
        No plan was found in time, and none was excluded.
    ConfigurationError
        The method is ``enumeration`` and there are too many choices.
    """
    kept = prune(problem, order[0], order)
    if not all(len(candidates) for candidates in kept):
        return None
    rows = small(problem, kept, settings)
    if rows is not None:
        return _enumerated(problem, order, kept, rows, settings)
    blocks = None if settings.method == "milp" else contract(problem, order[0], kept)
    if blocks is not None:
        found = over_blocks(problem, order, blocks, (_enumerated, _branch), settings)
        if found is None:
            return None
        if not violations(problem, found.evaluation):
            return _with_stages(problem, order[0], kept, found, settings)
    return _branch(problem, order, kept, settings)


def small(problem: Problem, kept: Sequence[IntArray], settings: Settings) -> IntArray | None:
    """Return all choices if they are few enough to be enumerated, and if they should be."""
    if settings.method in ("milp", "relaxation"):
        return None
    rows = enumerate_choices(problem, kept)
    if rows is None and settings.method == "enumeration":
        raise ConfigurationError(
            f"there are more than {ROWS} choices, too many for method='enumeration'; "
            "use method='auto'"
        )
    return rows


def enumerated(
    evaluation: Evaluation, claimed: float, multipliers: Sequence[Multipliers]
) -> Found:
    """Return what enumerating all choices found."""
    version = f"numpy {np.__version__}"
    return Found(evaluation, claimed, tuple(multipliers), "enumeration", version)


def _enumerated(
    problem: Problem,
    order: Sequence[Metric],
    kept: Sequence[IntArray],
    rows: IntArray,
    settings: Settings,
) -> Found | None:
    chosen = choose(problem, order[0], order, rows)
    if chosen is None:
        return None
    weights = Weights.of(order[0])
    program = LinearProgram(problem, hulls(problem, kept, weights))
    relaxed = program.relax(weights, settings.deadline.left()) or program.unrelaxed(weights)
    return enumerated(chosen.evaluation, chosen.claimed, [relaxed.multipliers])


Enumerate = Callable[
    [Problem, Sequence[Metric], Sequence[IntArray], IntArray, Settings], Found | None
]
Branch = Callable[
    [Problem, Sequence[Metric], Sequence[IntArray], Settings, Problem | None],
    Found | None,
]


def over_blocks(
    problem: Problem,
    order: Sequence[Metric],
    blocks: Contraction,
    ways: tuple[Enumerate, Branch],
    settings: Settings,
) -> Found | None:
    """Search the problem of the blocks; its plans are as good as those of the stages.

    Parameters
    ----------
    problem, order, settings : what is asked
    blocks : the contraction of the problem
    ways : how to enumerate the choices, and how to search where they are too many
    """
    enumerate_all, branch = ways
    inner = blocks.problem
    known = [metric for metric in order if inner.values(metric) is not None]
    kept = [np.flatnonzero(fits) for fits in admissible(inner)]
    if not all(len(candidates) for candidates in kept):
        return None
    rows = enumerate_choices(inner, kept) if blocks.exact else None
    if rows is not None:
        found = enumerate_all(inner, known, kept, rows, settings)
    else:
        found = branch(inner, known, kept, settings, None if blocks.exact else blocks.floor)
    if found is None:
        return None
    proofs = []
    if blocks.pairs <= CHECKED:
        proofs += [blocks.lifted(own, len(problem.links)) for own in found.multipliers]
        if len(blocks.blocks) == 1:  # a block alone needs no price of the deadline
            proofs += [_plain(problem, blocks, own.weights) for own in found.multipliers]
    if blocks.row is not None:
        proofs += _over_row(
            problem, blocks.row, [own.weights for own in found.multipliers], settings
        )
    return replace(
        found,
        evaluation=evaluate(problem, blocks.expanded(found.evaluation.choice)),
        multipliers=tuple(proofs),
        solver=f"contraction, {found.solver}",
    )


def _over_row(
    problem: Problem, row: Contraction, weights: Sequence[Weights], settings: Settings
) -> list[Multipliers]:
    """Return proofs over the blocks of a row, which are quicker to check than the row as one."""
    kept = [np.flatnonzero(fits) for fits in admissible(row.floor)]
    found = []
    for own in weights:
        program = LinearProgram(row.floor, hulls(row.floor, kept, own))
        relaxed = program.relax(own, settings.deadline.left()) or program.unrelaxed(own)
        found.append(row.lifted(relaxed.multipliers, len(problem.links)))
    return found


def _with_stages(
    problem: Problem,
    metric: Metric,
    kept: Sequence[IntArray],
    found: Found,
    settings: Settings,
) -> Found:
    """Add the proof over stages to one over blocks, where the checker can search on from it."""
    if sum(map(len, kept)) > TIED:
        return found
    weights = Weights.of(metric)
    program = LinearProgram(problem, hulls(problem, kept, weights))
    relaxed = program.relax(weights, settings.deadline.left())
    if relaxed is None:
        return found
    return replace(found, multipliers=(*found.multipliers, relaxed.multipliers))


def _plain(problem: Problem, blocks: Contraction, weights: Weights) -> Multipliers:
    end = ((blocks.ends[0], len(problem.times), weights.per_second(problem)),)
    return Multipliers(weights, end, links=((),) * len(problem.links), blocks=blocks.steps)


def _branch(
    problem: Problem,
    order: Sequence[Metric],
    kept: Sequence[IntArray],
    settings: Settings,
    floor: Problem | None = None,
) -> Found | None:
    metric = order[0]
    reached = approach(problem, kept, Weights.of(metric), settings, floor)
    if reached is None:
        return None
    if reached.plan is None:
        raise too_late(settings)
    evaluation, claimed = reached.plan, reached.claimed
    rest = None if floor is not None else _undecided(problem, kept, metric, reached)
    chosen = None if rest is None else choose(problem, metric, order, rest)
    if chosen is not None:
        evaluation, claimed = chosen.evaluation, max(claimed, chosen.claimed)
    elif sum(map(len, kept)) <= TIED and (
        metric == "time" or evaluation.value(metric) <= claimed * (1 + TOLERANCE)
    ):
        # sums of energy or cost hardly tie, and short of the optimum they need not be looked at
        evaluation = _ties_broken(problem, order, evaluation, settings)
    proofs = (reached.relaxed.multipliers,)
    return Found(evaluation, claimed, proofs, model.SOLVER, model.SOLVER_VERSION)


def _undecided(
    problem: Problem, kept: Sequence[IntArray], metric: Metric, reached: Approached
) -> IntArray | None:
    """Return the choices that the relaxation leaves below the plan; None if they are many."""
    assert reached.plan is not None
    return enumerate_choices(
        problem,
        kept,
        limit=min(RESIDUAL_ROWS, RESIDUAL_CELLS // len(kept)),
        excess=excess(problem, kept, reached.relaxed.multipliers),
        room=reached.plan.value(metric) * (1 + ROUNDING) - reached.relaxed.bound,
    )


def too_late(settings: Settings) -> GapError:
    """Return the error for a search that ended without a plan."""
    return GapError(
        f"no plan that keeps the bounds was found in {settings.deadline.seconds:.3g} s, nor shown "
        "not to exist; raise time_limit_s or loosen a bound"
    )


def _ties_broken(
    problem: Problem, order: Sequence[Metric], best: Evaluation, settings: Settings
) -> Evaluation:
    """Minimise the later metrics in turn while the earlier ones stay as good as they are."""
    held = problem
    for number, (previous, metric) in enumerate(pairwise(order)):
        if settings.deadline.passed():
            break
        held = held.with_bounds({previous: best.value(previous) or NEXT_TO_NOTHING})
        kept = prune(held, metric, order[number + 1 :])
        if not all(len(candidates) for candidates in kept):
            break
        answer = LinearProgram(held, kept).minimise(
            Weights.of(metric),
            gap=settings.gap,
            time_limit_s=settings.deadline.left(),
            typical=best.value(metric),
        )
        if answer is not None and answer.choice is not None:
            trial = evaluate(problem, answer.choice)
            better = trial.value(metric) < best.value(metric)
            if better and not violations(held, trial):
                best = trial
    return best
