"""A plan as a table for notebooks."""

from typing import TYPE_CHECKING

from flexecutor_energy.notebook import html_table
from flexecutor_energy.quantities import Interval, format_quantity

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan


def render(plan: "Plan") -> str:
    """Return the stages with their predictions, the totals, the proof and the energy's source."""
    rows = [
        (
            stage_id,
            f"{stage.config}{' (never run)' if stage.extrapolated else ''}",
            _interval(stage.time, "s"),
            _interval(stage.energy, "J"),
            _interval(stage.cost, "USD"),
            "none" if stage.critical else format_quantity(stage.slack_s, "s"),
        )
        for stage_id, stage in plan.stages.items()
    ]
    totals = (_interval(plan.time, "s"), _interval(plan.energy, "J"), _interval(plan.cost, "USD"))
    rows.append(("whole run", "", *totals, ""))
    certificate = plan.certificate
    proof = "optimal" if certificate.kind == "optimal" else f"gap {certificate.gap:.2%}"
    return html_table(
        f"Plan for {plan.dag}: least {plan.objective}",
        ("stage", "configuration", "time>", "energy>", "cost>", "slack>"),
        rows,
        (
            f"In brackets: {100 * plan.time.level:g} % interval. Certificate: {proof}.",
            f"Energy: {plan.energy_source}; scope {plan.terms.scope}.",
        ),
    )


def _interval(value: Interval | None, unit: str) -> str:
    if value is None:
        return "unmeasured" if unit == "J" else "unknown"
    low, high = format_quantity(value.low, unit), format_quantity(value.high, unit)
    return f"{format_quantity(value.mean, unit)} ({low} … {high})"
