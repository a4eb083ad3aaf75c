"""The trade-off between time, energy and cost, and where the plans worth naming lie on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from flexecutor_energy.auditing.past_runs import PastRun
from flexecutor_energy.errors import ConfigurationError, GapError
from flexecutor_energy.optimization.alternatives import alternatives
from flexecutor_energy.optimization.pareto import Against, pareto
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.problem import METRICS, Choice
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig

Kind = Literal["front", "chosen", "alternative", "measured"]


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """One way to run the workflow.

    Attributes
    ----------
    kind : where the point comes from
    name : in words, such as ``best uniform``
    against : of points on a front, what is traded for time there; "" for others
    time, energy, cost : of one run: seconds, joules, USD; a measured run has no width; None
        where not known
    configs : the configuration of each stage
    broken : bounds of the plan that it breaks, in words
    """

    kind: Kind
    name: str
    against: str
    time: Interval
    energy: Interval | None
    cost: Interval | None
    configs: Mapping[str, StageConfig]
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Front:
    """The trade-off of a plan's candidates.

    Attributes
    ----------
    points : fronts, chosen plan, alternatives and measured runs
    notes : what a reader should know
    """

    points: tuple[FrontPoint, ...]
    notes: tuple[str, ...] = ()

    def line(self, against: str) -> list[FrontPoint]:
        """Return the front of time against ``energy`` or ``cost``, the fastest first."""
        return [p for p in self.points if p.kind == "front" and p.against == against]

    @property
    def marks(self) -> list[FrontPoint]:
        """Everything that is no point of a front."""
        return [point for point in self.points if point.kind != "front"]


def front_of(
    plan: Plan,
    runs: tuple[PastRun, ...] = (),
    *,
    points: int = 15,
    time_limit_s: float = 10.0,
) -> Front:
    """Return the front of a plan's candidates without its bounds, with named plans and runs.

    Parameters
    ----------
    plan : its candidates and predictions; intervals of other plans are as wide, relatively
    runs : measured runs
    points : how many points each front should have
    time_limit_s : seconds for the fronts, and as many for the alternatives
    """
    found = [_planned(plan, plan.choice, "chosen", "this plan")]
    notes = []
    goals: list[Against] = ["cost"] if plan.energy is None else ["energy", "cost"]
    if plan.cost is None:
        goals.remove("cost")
    for goal in goals:
        try:
            line = _line(plan, goal, points, time_limit_s / len(goals))
            found += line
        except GapError:
            notes.append(f"the front of time against {goal} was not found in {time_limit_s:g} s")
        except ConfigurationError as error:
            notes.append(f"there is no front of time against {goal}: {error}")
    found += _alternatives(plan, time_limit_s)
    found += [_measured(run) for run in runs]
    return Front(tuple(found), tuple(notes))


def _line(plan: Plan, goal: Against, points: int, time_limit_s: float) -> list[FrontPoint]:
    free = plan.problem().with_bounds(dict.fromkeys(METRICS))
    return [
        _planned(plan, solution.choice, "front", f"front {number}", goal)
        for number, solution in enumerate(
            pareto(free, points, against=goal, time_limit_s=time_limit_s), start=1
        )
    ]


def _alternatives(plan: Plan, time_limit_s: float) -> list[FrontPoint]:
    keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
    others = alternatives(
        plan.problem(), plan.objective, keys, plan.default_choice, time_limit_s / 2
    )
    names: dict[Choice, list[str]] = {}
    for other in others:
        names.setdefault(other.evaluation.choice, []).append(other.name)
    broken = {other.evaluation.choice: other.broken for other in others}
    return [
        replace(_planned(plan, choice, "alternative", " and ".join(same)), broken=broken[choice])
        for choice, same in names.items()
    ]


def _planned(plan: Plan, choice: Choice, kind: Kind, name: str, against: str = "") -> FrontPoint:
    """Return the point of a choice, with intervals as wide, relatively, as the plan's."""
    other = replace(plan, choice=choice, certificate=replace(plan.certificate, starts_s=None))
    totals = other.evaluation() if choice != plan.choice else plan.evaluation()

    def around(own: Interval | None, mean: float | None) -> Interval | None:
        if own is None or mean is None:
            return None
        return own.scaled(mean / own.mean) if own.mean > 0 else Interval.exact(mean, own.level)

    return FrontPoint(
        kind=kind,
        name=name,
        against=against,
        time=around(plan.time, totals.makespan_s) or plan.time,
        energy=around(plan.energy, totals.energy_j),
        cost=around(plan.cost, totals.cost_usd),
        configs=other.configs,
    )


def _measured(run: PastRun) -> FrontPoint:
    return FrontPoint(
        kind="measured",
        name=f"measured {run.run_id}",
        against="",
        time=Interval.exact(run.time_s),
        energy=None if run.energy_j is None else Interval.exact(run.energy_j),
        cost=Interval.exact(run.cost_usd),
        configs=run.configs,
    )
