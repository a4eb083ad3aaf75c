"""Keep bounds in as many runs as asked for, by bounds in the mean that are tighter.

How much tighter depends on the plan: which stages make up its time, and how far each of its
configurations is from what was measured. So the tightest need is not known beforehand. Bounds in
the mean are tried from the loosest on, each with its best plan, until the best plan keeps the
bounds asked for in enough of all held-out runs (the chance constraint of Charnes and Cooper,
Management Science 1959, judged by sample average as in Luedtke and Ahmed, SIAM J. Optim. 2008,
over the family of plans that are best under some bound in the mean).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from flexecutor_energy.errors import GapError, InfeasibleError
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.draft import PlanDraft
from flexecutor_energy.optimization.exact import solve
from flexecutor_energy.optimization.infeasible import total
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import TOLERANCE, Metric

# Bounds in the mean that are tried lie on a grid of this ratio that is the same for every bound
# asked for: then a looser one has all plans to choose from that a tighter one has.
_STEP = 1.01
# Candidates up to which each bound of the grid is tried; beyond, the next is what the last plan
# would have needed.
_FEW = 3_000


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A plan that was tried, and what it lacks.

    Attributes
    ----------
    draft : with the bounds in the mean that it is best under
    solution : the plan
    factor : what its runs keep below, relative to its means
    excess : the largest of what can be promised of it relative to what was asked for
    metric : where that is
    """

    draft: PlanDraft
    solution: Solution
    factor: float
    excess: float
    metric: Metric

    @classmethod
    def of(cls, draft: PlanDraft, solution: Solution) -> "_Attempt":
        bounds = draft.request.bounds
        factor = draft.needed(solution.choice, tuple(bounds))
        over = {m: total(solution, m) * factor / asked for m, asked in bounds.items()}
        metric = max(over, key=lambda name: over[name])
        return cls(draft, solution, factor, over[metric], metric)

    @property
    def kept(self) -> bool:
        """Whether it keeps all bounds in as many runs as asked for."""
        return self.excess <= 1 + TOLERANCE


def promised(draft: PlanDraft) -> Plan:
    """Return the best plan that keeps the bounds of a draft with the confidence asked for.

    Best under the loosest bounds in the mean whose best plan keeps the bounds themselves: a
    looser bound never makes a worse plan, up to the gap of the solver.

    Parameters
    ----------
    draft : with at least one bound

    Raises
    ------
    InfeasibleError
        No plan keeps the bounds in the mean, or none of those tried keeps them often enough;
        carries the one that comes nearest.
    """
    nearest: _Attempt | None = None
    for attempt in _attempts(draft):
        if attempt.kept:
            best = _settled(attempt)
            return best.draft.plan(best.solution)
        if nearest is None or attempt.excess < nearest.excess:
            nearest = attempt
    assert nearest is not None, "the first attempt raises where there is none"
    raise _not_often_enough(nearest)


def _settled(attempt: _Attempt) -> _Attempt:
    """Return the plan under the bounds that it needs, which it is best under as well.

    Bounds in the mean then say what the plan rests on, also where it keeps them by far.
    """
    if attempt.factor <= attempt.draft.factor:
        return attempt
    tight = attempt.draft.tightened(attempt.factor * (1 - TOLERANCE))
    try:
        again = _Attempt.of(tight, _solved(tight))
    except (GapError, InfeasibleError):  # a search that need not find what it found before
        return attempt
    return again if again.kept else attempt


def _attempts(draft: PlanDraft) -> Iterator[_Attempt]:
    """Yield the best plans under ever tighter bounds in the mean, the tightest last.

    Raises
    ------
    InfeasibleError
        No plan keeps the bounds even in the mean.
    """
    patient = sum(len(options.candidates) for options in draft.table) <= _FEW
    factor = 1.0
    while True:
        tight = draft.tightened(factor)
        try:
            attempt = _Attempt.of(tight, _solved(tight))
        except InfeasibleError as error:
            if not isinstance(error.plan, Solution):
                raise
            if factor == 1.0:
                raise _not_often_enough(_Attempt.of(draft, error.plan)) from None
            if len(draft.request.bounded) == 1:
                yield _tightest(draft, error.plan)
            return
        yield attempt
        factor = _next(attempt, patient=patient)


def _next(attempt: _Attempt, *, patient: bool) -> float:
    """Return the factor of the next bound of the grid below which the plan does not stay."""
    draft = attempt.draft
    first, asked = next(iter(draft.request.bounds.items()))
    mean = asked / draft.factor
    if len(draft.request.bounded) == 1:  # the plan stays best down to its own total
        mean = min(mean, total(attempt.solution, first))
    if not patient:
        mean = min(mean, asked / attempt.factor)
    return asked / next_bound(mean)


def next_bound(mean: float) -> float:
    """Return the next tighter bound in the mean of the grid on which bounds are tried."""
    steps = math.ceil(math.log(mean) / math.log(_STEP) - TOLERANCE) - 1
    return float(_STEP**steps)


def _tightest(draft: PlanDraft, nearest: Solution) -> _Attempt:
    """Return the best plan under the least bound in the mean that can be kept: the nearest's."""
    ((metric, asked),) = draft.request.bounds.items()
    least = draft.tightened(asked / (total(nearest, metric) * (1 + TOLERANCE)))
    return _Attempt.of(least, _solved(least))


def _solved(draft: PlanDraft) -> Solution:
    request = draft.request
    return solve(draft.problem, request.objective, request.gap, request.time_limit_s)


def _not_often_enough(attempt: _Attempt) -> InfeasibleError:
    """Return the error that says what can be promised, with the plan that keeps that."""
    draft = attempt.draft.tightened(attempt.factor)
    metric, bound = attempt.metric, draft.request.bounds[attempt.metric]
    least = total(attempt.solution, metric)
    error = InfeasibleError(
        f"no plan keeps max_{metric}={bound:g}: the best attainable is {least:.6g}; ask for at "
        "least that, or offer more configurations",
        bound=f"max_{metric}",
        value=bound,
        attainable=least,
        plan=attempt.solution,
    )
    return draft.as_asked(error)
