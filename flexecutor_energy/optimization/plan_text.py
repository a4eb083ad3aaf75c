"""A plan in words: one page, readable at 80 columns."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flexecutor_energy.optimization.certificate import Certificate
from flexecutor_energy.optimization.comparison import compare
from flexecutor_energy.optimization.explain import BoundUse, Explanation, RunnerUp, explain
from flexecutor_energy.optimization.robustness import robustness
from flexecutor_energy.optimization.savings_text import power_models, savings
from flexecutor_energy.optimization.wording import (
    GLUE,
    NAMES,
    UNITS,
    WIDTH,
    WORDS,
    change,
    quantity,
    wrapped,
)
from flexecutor_energy.quantities import Interval

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan


def render(plan: "Plan") -> str:
    """Return the page: stages and runners-up, bounds, savings, certificate, sources."""
    problem = plan.problem()
    keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
    sure = robustness(plan, search=False)
    explanation = explain(problem, plan.as_solution(), keys)
    sections = [
        _head(plan),
        _stages(plan, explanation),
        _bounds(plan, explanation),
        savings(plan, compare(plan, sure), explanation),
        power_models(plan, sure),
        _certificate(plan.certificate),
        _sources(plan),
    ]
    return "\n\n".join("\n".join(section) for section in sections).replace(GLUE, " ")


def _head(plan: "Plan") -> Iterator[str]:
    asked = [
        f"{metric} at most {quantity(bound, UNITS[metric])}"
        for metric in ("time", "energy", "cost")
        if (bound := plan.terms.asked(metric)) is not None
    ]
    wish = f"Plan for {plan.dag}: least {NAMES[plan.certificate.objective_name]}"
    if asked:
        wish += f" with {' and '.join(asked)} in {plan.terms.confidence:.0%} of runs"
    if plan.terms.capacity is not None:
        wish += f", on {plan.terms.capacity:g} cores that all stages share"
    yield from wrapped(wish, "")
    for name, interval, unit in (
        ("time", plan.time, "s"),
        ("energy", plan.energy, "J"),
        ("cost", plan.cost, "USD"),
    ):
        yield f"  {name:<8}{_interval(interval, unit)}"


def _stages(plan: "Plan", explanation: Explanation) -> Iterator[str]:
    yield from _row("Stage", "configuration", "time", "energy", "slack")
    for position, (stage_id, stage) in enumerate(plan.stages.items()):
        slack = "none" if stage.critical else quantity(stage.slack_s, "s")
        energy = "?" if stage.energy is None else quantity(stage.energy.mean, "J")
        time = quantity(stage.time.mean, "s")
        config = f"{stage.config}{' *' if stage.extrapolated else ''}"
        yield from _row(stage_id, config, time, energy, slack)
        yield from wrapped(_runner_up(plan, explanation.runners_up[position]), " " * 16)
    ids = list(plan.stages)
    path = " >> ".join(ids[position] for position in explanation.evaluation.critical_path)
    yield from wrapped(
        f"Critical path: {path}; stages beside it can take longer by their slack at no cost to "
        "the makespan.",
        "",
    )
    if any(stage.extrapolated for stage in plan.stages.values()):
        yield "* never run: its values are extrapolated"


def _row(name: str, config: str, *numbers: str) -> list[str]:
    """Return a line of the table, or two where it would be too wide."""
    left = f"{textwrap.shorten(name, 15, placeholder='…'):<16}{config:<37}"
    right = "".join(f"{number:>9}" for number in numbers)
    if len(left) + len(right) <= WIDTH and all(len(number) < 9 for number in numbers):
        return [left + right]
    return [left.rstrip(), *wrapped(", ".join(numbers), " " * 16)]


def _runner_up(plan: "Plan", runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return "next best: none keeps the bounds"
    objective = plan.certificate.objective_name
    options = plan.table[runner_up.stage]
    config = options.candidates[runner_up.evaluation.choice[runner_up.stage]].config
    text = f"next best: {config}, {NAMES[objective]} "
    text += change(runner_up.extra_objective, UNITS[objective])
    if objective != "time":
        text += f", time {change(runner_up.extra_s, 's')}"
    return text


def _bounds(plan: "Plan", explanation: Explanation) -> Iterator[str]:
    if not explanation.bounds:
        yield "No bounds were set."
    for use in explanation.bounds:
        yield from wrapped(_bound(plan, use), "")


def _bound(plan: "Plan", use: BoundUse) -> str:
    unit = UNITS[use.metric]
    asked = plan.terms.asked(use.metric)
    text = f"max_{use.metric} {quantity(asked, unit)}"
    if asked != use.bound:
        text += f" (at most {quantity(use.bound, unit)} in the mean)"
    text += f": {use.value / use.bound:.0%} used"
    if use.saved_without is None:
        return text + "; whether it binds was not found in time."
    if not use.binds:
        return text + "; it does not bind."
    objective = UNITS[plan.certificate.objective_name]
    text += f"; it binds: {quantity(use.saved_without, objective)} less without it"
    if use.price:
        price = quantity(use.price / plan.terms.margin(use.metric), objective)
        text += f"; by the relaxation one {WORDS[use.metric]} more is worth {price}"
    if use.next_bound is not None and use.saved_there is not None:
        there = quantity(use.next_bound * plan.terms.margin(use.metric), unit)
        saved = quantity(use.saved_there, objective)
        text += f"; the next better plan is at {there} and saves {saved}"
    return text + "."


def _certificate(certificate: Certificate) -> Iterator[str]:
    unit = UNITS[certificate.objective_name]
    if certificate.kind == "optimal":
        text = f"Certificate: optimal, by {certificate.solver} ({certificate.solver_version})."
    else:
        text = (
            f"Certificate: within {certificate.gap:.2%} of the optimum, by {certificate.solver} "
            f"({certificate.solver_version}): no plan is below "
            f"{quantity(certificate.lower_bound, unit)}."
        )
    text += (
        f" Proved without trust in it: no plan is below {quantity(certificate.proved_bound, unit)}"
    )
    if certificate.objective > 0:
        gap = 1 - certificate.proved_bound / certificate.objective
        text += f" ({max(gap, 0.0):.2%} below this one)"
    if certificate.lower_bound > certificate.proved_bound * (1 + certificate.tolerance):
        text += "; verifying the plan searches the rest again, in exact arithmetic"
    yield from wrapped(text + ".", "")


def _sources(plan: "Plan") -> Iterator[str]:
    yield from wrapped(f"Energy: {plan.energy_source}; scope {plan.terms.scope}.", "")
    yield from wrapped(f"Made {plan.created} by flexecutor-energy {plan.version}.", "")


def _interval(interval: Interval | None, unit: str) -> str:
    if interval is None:
        return "unmeasured" if unit == "J" else "unknown"
    mean, low, high = (
        quantity(value, unit) for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean:<14}{low} … {high} in {interval.level:.0%} of runs"
