"""A plan in words: one page, readable at 80 columns."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flexecutor_energy.optimization.alternatives import Alternative, alternatives
from flexecutor_energy.optimization.certificate import Certificate, objective_value
from flexecutor_energy.optimization.explain import BoundUse, Explanation, RunnerUp, explain
from flexecutor_energy.quantities import Interval, format_quantity
from flexecutor_energy.workflow.config import StageConfig

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

WIDTH = 80

_GLUE = "\N{NO-BREAK SPACE}"
"""Between a number and its unit while lines are broken; a plain space in the end."""

_UNITS = {"energy": "J", "time": "s", "cost": "USD", "edp": "J·s"}
_WORDS = {"energy": "joule", "time": "second", "cost": "USD"}
_NAMES = {"energy": "energy", "time": "time", "cost": "cost", "edp": "energy × time"}


def render(plan: "Plan") -> str:
    """Return the page: stages and runners-up, bounds, savings, certificate, sources."""
    problem = plan.problem()
    objective = plan.certificate.objective_name
    keys = [[candidate.key for candidate in options.candidates] for options in plan.table]
    explanation = explain(problem, plan.as_solution(), keys)
    others = alternatives(problem, objective, keys, plan.default_choice)
    sections = [
        _head(plan),
        _stages(plan, explanation),
        _bounds(plan, explanation),
        _savings(plan, explanation, others),
        _certificate(plan.certificate),
        _sources(plan),
    ]
    return "\n\n".join("\n".join(section) for section in sections).replace(_GLUE, " ")


def _head(plan: "Plan") -> Iterator[str]:
    asked = [
        f"{metric} at most {_quantity(bound, _UNITS[metric])}"
        for metric in ("time", "energy", "cost")
        if (bound := plan.terms.asked(metric)) is not None
    ]
    wish = f"Plan for {plan.dag}: least {_NAMES[plan.certificate.objective_name]}"
    if asked:
        wish += f" with {' and '.join(asked)} in {plan.terms.confidence:.0%} of runs"
    if plan.terms.capacity is not None:
        wish += f", on {plan.terms.capacity:g} cores that all stages share"
    yield from _wrapped(wish, "")
    for name, interval, unit in (
        ("time", plan.time, "s"),
        ("energy", plan.energy, "J"),
        ("cost", plan.cost, "USD"),
    ):
        yield f"  {name:<8}{_interval(interval, unit)}"


def _stages(plan: "Plan", explanation: Explanation) -> Iterator[str]:
    yield from _row("Stage", "configuration", "time", "energy", "slack")
    for position, (stage_id, stage) in enumerate(plan.stages.items()):
        slack = "none" if stage.critical else _quantity(stage.slack_s, "s")
        energy = "?" if stage.energy is None else _quantity(stage.energy.mean, "J")
        time = _quantity(stage.time.mean, "s")
        config = f"{stage.config}{' *' if stage.extrapolated else ''}"
        yield from _row(stage_id, config, time, energy, slack)
        yield from _wrapped(_runner_up(plan, explanation.runners_up[position]), " " * 16)
    ids = list(plan.stages)
    path = " >> ".join(ids[position] for position in explanation.evaluation.critical_path)
    yield from _wrapped(
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
    return [left.rstrip(), *_wrapped(", ".join(numbers), " " * 16)]


def _runner_up(plan: "Plan", runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return "next best: none keeps the bounds"
    objective = plan.certificate.objective_name
    options = plan.table[runner_up.stage]
    config = options.candidates[runner_up.evaluation.choice[runner_up.stage]].config
    text = f"next best: {config}, {_NAMES[objective]} "
    text += _change(runner_up.extra_objective, _UNITS[objective])
    if objective != "time":
        text += f", time {_change(runner_up.extra_s, 's')}"
    return text


def _bounds(plan: "Plan", explanation: Explanation) -> Iterator[str]:
    if not explanation.bounds:
        yield "No bounds were set."
    for use in explanation.bounds:
        yield from _wrapped(_bound(plan, use), "")


def _bound(plan: "Plan", use: BoundUse) -> str:
    unit = _UNITS[use.metric]
    asked = plan.terms.asked(use.metric)
    text = f"max_{use.metric} {_quantity(asked, unit)}"
    if asked != use.bound:
        text += f" (at most {_quantity(use.bound, unit)} in the mean)"
    text += f": {use.value / use.bound:.0%} used"
    if use.saved_without is None:
        return text + "; whether it binds was not found in time."
    if not use.binds:
        return text + "; it does not bind."
    objective = _UNITS[plan.certificate.objective_name]
    text += f"; it binds: {_quantity(use.saved_without, objective)} less without it"
    if use.price:
        price = use.price / plan.terms.margin(use.metric)
        text += f", about {_quantity(price, objective)} for the first {_WORDS[use.metric]} more"
    return text + "."


def _savings(plan: "Plan", explanation: Explanation, others: list[Alternative]) -> Iterator[str]:
    objective = plan.certificate.objective_name
    value, unit = plan.certificate.objective, _UNITS[objective]
    yield f"{_NAMES[objective].capitalize()} {_quantity(value, unit)}, compared with"
    width = _half_width(plan)
    for other in others:
        reference = objective_value(other.evaluation, objective)
        name = other.name
        if name == "best uniform":
            name += f" ({_config(plan, other)})"
        text = f"{name}: {_quantity(reference, unit)}"
        saved = reference - value
        if reference > 0:
            text += f", {saved / reference:.1%} saved"
        if width is not None and 0 < saved < width:
            text += ", less than its uncertainty"
        if other.broken:
            text += " (breaks the bounds)"
        yield from _wrapped(text, "  ", hanging="    ")
    if explanation.floor is not None:
        text = f"floor that no plan can pass: {_quantity(explanation.floor, unit)}"
        default = [other for other in others if other.name == "default"]
        for other in default:
            reference = objective_value(other.evaluation, objective)
            share = explanation.share_of_saving(value, reference)
            if share is not None:
                text += f"; the plan saves {share:.0%} of what the default could save at most"
        yield from _wrapped(text, "  ", hanging="    ")


def _certificate(certificate: Certificate) -> Iterator[str]:
    unit = _UNITS[certificate.objective_name]
    if certificate.kind == "optimal":
        text = f"Certificate: optimal, by {certificate.solver} ({certificate.solver_version})."
    else:
        text = (
            f"Certificate: within {certificate.gap:.2%} of the optimum, by {certificate.solver} "
            f"({certificate.solver_version}): no plan is below "
            f"{_quantity(certificate.lower_bound, unit)}."
        )
    text += (
        f" Proved without trust in it: no plan is below "
        f"{_quantity(certificate.proved_bound, unit)}"
    )
    if certificate.objective > 0:
        gap = 1 - certificate.proved_bound / certificate.objective
        text += f" ({max(gap, 0.0):.2%} below this one)"
    if certificate.lower_bound > certificate.proved_bound * (1 + certificate.tolerance):
        text += "; verifying the plan searches the rest again, in exact arithmetic"
    yield from _wrapped(text + ".", "")


def _sources(plan: "Plan") -> Iterator[str]:
    yield from _wrapped(f"Energy: {plan.energy_source}; scope {plan.terms.scope}.", "")
    yield from _wrapped(f"Made {plan.created} by flexecutor-energy {plan.version}.", "")


def _config(plan: "Plan", other: Alternative) -> StageConfig:
    """Return the configuration that a uniform plan gives to stages with a choice."""
    widest = max(range(len(plan.table)), key=lambda i: len(plan.table[i].candidates))
    return plan.table[widest].candidates[other.evaluation.choice[widest]].config


def _half_width(plan: "Plan") -> float | None:
    metrics: dict[str, Interval | None] = {
        "time": plan.time,
        "energy": plan.energy,
        "cost": plan.cost,
    }
    interval = metrics.get(plan.certificate.objective_name)
    return None if interval is None else interval.high - interval.mean


def _interval(interval: Interval | None, unit: str) -> str:
    if interval is None:
        return "unmeasured" if unit == "J" else "unknown"
    mean, low, high = (
        _quantity(value, unit) for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean:<14}{low} … {high} in {interval.level:.0%} of runs"


def _quantity(value: float | None, unit: str) -> str:
    return format_quantity(value, unit).replace(" ", _GLUE)


def _change(value: float, unit: str) -> str:
    sign = "+" if value >= 0 else "-"
    return sign + _quantity(abs(value), unit)


def _wrapped(text: str, indent: str, hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )
