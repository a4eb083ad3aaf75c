"""Words on axes and in tables: plain, with units, and with the source of energy."""

import math
import textwrap

from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.workflow.config import StageConfig

UNITS = {"time": "s", "energy": "J", "cost": "USD", "edp": "J·s"}

_STAGES_NAMED = 10


def axis(metric: str, plan: Plan, width: int = 48, which: str = "") -> str:
    """Return the label of an axis; that of energy says where the joules come from.

    Parameters
    ----------
    metric : ``time``, ``energy`` or ``cost``
    plan : knows the source
    width : letters in a line
    which : what stands before the metric, such as ``measured``
    """
    text = f"{which} {metric} ({UNITS[metric]})".lstrip()
    if metric == "energy":
        text += f", {plan.energy_source}, scope {plan.terms.scope}"
    if metric == "cost":
        text += ", at list prices"
    kept = text.replace(" %", "\N{NO-BREAK SPACE}%")  # which textwrap keeps on one line
    lines = textwrap.wrap(kept, width, break_on_hyphens=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def level(plan: Plan) -> str:
    """Return the name of the plan's intervals, such as ``95 % interval``."""
    return f"{100 * plan.time.level:g} % interval"


def asked(plan: Plan) -> str:
    """Return what was asked for, such as ``least energy within 4.5 s``."""
    bounds = [
        f"{bound:g} {UNITS[metric]}"
        for metric, bound in (
            ("time", plan.terms.max_time),
            ("energy", plan.terms.max_energy),
            ("cost", plan.terms.max_cost),
        )
        if bound is not None
    ]
    goal = "energy × time" if plan.objective == "edp" else plan.objective
    return f"least {goal}" + (f" within {' and '.join(bounds)}" if bounds else "")


def configurations(configs: dict[str, StageConfig]) -> list[str]:
    """Return the configuration of each stage, a line each; of many stages the first ones."""
    lines = [f"{stage_id}: {config}" for stage_id, config in configs.items()]
    if len(lines) > _STAGES_NAMED:
        rest = len(lines) - _STAGES_NAMED
        lines = [*lines[:_STAGES_NAMED], f"… and {rest} more stages"]
    return lines


def logarithmic_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times every power of ten between two positive numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = (digit * 10.0**decade for decade in decades for digit in (1, 2, 5))
    return [tick for tick in ticks if low <= tick <= high]
