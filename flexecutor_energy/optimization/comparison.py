"""A plan beside the plans that its savings should be measured against."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexecutor_energy.optimization.alternatives import Alternative, alternatives, extreme
from flexecutor_energy.optimization.certificate import objective_value
from flexecutor_energy.optimization.derived import around, own_intervals
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.problem import Choice, Metric
from flexecutor_energy.optimization.robustness import Robustness, robustness
from flexecutor_energy.optimization.schedule import Evaluation
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class ComparedPlan:
    """One way to run the workflow, beside the plan that was chosen.

    Attributes
    ----------
    name : ``chosen``, ``default``, ``best uniform``, ``fastest`` or ``cheapest``
    configs : the configuration of each stage
    time, energy, cost : of one run: seconds, joules, USD; None where not known
    saving : what one run of the chosen plan takes less of the objective than one of this, in its
        unit; below 0 where this takes less
    saved_share : the same in the mean, as a share of what this takes; None where that is 0
    undecided : whether the sign of an energy saving depends on the power model; None where that
        is not known
    broken : the bounds that it breaks, in words
    """

    name: str
    configs: Mapping[str, StageConfig]
    time: Interval
    energy: Interval | None
    cost: Interval | None
    saving: Interval
    saved_share: float | None
    undecided: bool | None
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """The chosen plan, and those it should be compared with.

    Attributes
    ----------
    objective : what savings are counted in
    plans : the chosen one first
    """

    objective: Objective
    plans: tuple[ComparedPlan, ...]

    def __getitem__(self, name: str) -> ComparedPlan:
        """Return the plan of a name."""
        return next(plan for plan in self.plans if plan.name == name)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a plan of a name."""
        return any(plan.name == name for plan in self.plans)


def compare(plan: "Plan", sure: Robustness | None = None) -> PlanComparison:
    """Return a plan beside the default, the best uniform, the fastest and the cheapest plan.

    All but the default keep the plan's bounds; those that no choice keeps, or that cannot be
    known, are left out.

    Parameters
    ----------
    plan : the plan
    sure : its robustness; None looks at it anew, unless that would take a search
    """
    problem, objective = plan.problem(), plan.objective
    keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
    own = plan.evaluation()
    sure = robustness(plan, search=False) if sure is None else sure
    found = {o.name: o for o in alternatives(problem, objective, keys, plan.default_choice)}
    extremes: list[tuple[str, Metric]] = [("fastest", "time"), ("cheapest", "cost")]
    for name, metric in extremes:
        plain = found[name].evaluation if name in found else extreme(problem, metric)
        if plain is not None:  # the solver stops short of the optimum, where the plan may be
            best = min(plain, own, key=lambda each: each.value(metric))
            found[name] = Alternative(name, best)
    order = ("default", "best uniform", "fastest", "cheapest")
    others = [found[name] for name in order if name in found]
    undecided = sure.undecided_against if sure.known else None
    return PlanComparison(
        objective,
        (
            _compared(plan, own, Alternative(CHOSEN, own), ()),
            *(_compared(plan, own, other, undecided) for other in others),
        ),
    )


def _compared(
    plan: "Plan", own: Evaluation, other: Alternative, undecided: tuple[str, ...] | None
) -> ComparedPlan:
    theirs = other.evaluation
    bands = own_intervals(plan)
    reference = objective_value(theirs, plan.objective)
    saved = reference - objective_value(own, plan.objective)
    configs = {
        options.stage_id: options.candidates[c].config
        for options, c in zip(plan.table, theirs.choice, strict=True)
    }
    return ComparedPlan(
        name=other.name,
        configs=configs,
        time=around(bands["time"], theirs.makespan_s) or plan.time,
        energy=around(bands["energy"], theirs.energy_j),
        cost=around(bands["cost"], theirs.cost_usd),
        saving=saving(plan, theirs.choice, saved),
        saved_share=saved / reference if reference > 0 else None,
        undecided=None if undecided is None else other.name in undecided,
        broken=other.broken,
    )


def saving(plan: "Plan", other: Choice, mean: float) -> Interval:
    """Return what one run of a plan saves against one of another choice, with its interval.

    Stages that run alike in both are left out. Of all others the stages of one run are off
    together as far as the interval of the plan as a whole says: that is narrower than the sum of
    theirs. The two runs are off independently of each other.

    Parameters
    ----------
    plan : the plan
    other : the other choice
    mean : the saving in the mean, in the unit of the plan's objective
    """
    up, down = _off(plan, plan.choice, other)
    other_up, other_down = _off(plan, other, plan.choice)
    low, high = math.hypot(up, other_down), math.hypot(down, other_up)
    return Interval(mean, mean - low, mean + high, plan.time.level)


def _off(plan: "Plan", choice: Choice, beside: Choice) -> tuple[float, float]:
    """Return how far a run may be above and below its mean, in stages that run otherwise."""
    if choice == beside:
        return 0.0, 0.0
    if plan.objective in ("time", "edp"):  # not sums over stages
        return _off_as_a_whole(plan, choice)
    whole = plan.energy if plan.objective == "energy" else plan.cost
    up, down = _sums(plan, choice, beside)
    if whole is None:
        return up, down
    all_up, all_down = _sums(plan, plan.choice)
    return (
        up * _share(whole.high - whole.mean, all_up),
        down * _share(whole.mean - whole.low, all_down),
    )


def _sums(plan: "Plan", choice: Choice, beside: Choice | None = None) -> tuple[float, float]:
    """Return how far stages may be off, summed over those that run otherwise than beside."""
    up = down = 0.0
    for stage, options in enumerate(plan.table):
        candidate = options.candidates[choice[stage]]
        band = candidate.energy if plan.objective == "energy" else candidate.cost
        if band is not None and (beside is None or choice[stage] != beside[stage]):
            up += band.high - band.mean
            down += band.mean - band.low
    return up, down


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole > 0 else 1.0


def _off_as_a_whole(plan: "Plan", choice: Choice) -> tuple[float, float]:
    certificate = replace(plan.certificate, starts_s=None)
    totals = replace(plan, choice=choice, certificate=certificate).evaluation()
    bands = [around(plan.time, totals.makespan_s)]
    if plan.objective == "edp":
        bands.append(around(plan.energy, totals.energy_j))
    known = [band for band in bands if band is not None]
    mean, low, high = (
        math.prod(getattr(band, end) for band in known) for end in ("mean", "low", "high")
    )
    return high - mean, mean - low
