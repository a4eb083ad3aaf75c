"""What a plan saves, against what, and how sure that is, in words."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flexecutor_energy.optimization.comparison import CHOSEN, ComparedPlan, PlanComparison
from flexecutor_energy.optimization.explain import Explanation
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.optimization.robustness import DECIDED, SAME, Robustness
from flexecutor_energy.optimization.wording import (
    NAMES,
    UNITS,
    change,
    percent,
    quantity,
    wrapped,
)

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan


def savings(plan: "Plan", compared: PlanComparison, explanation: Explanation) -> Iterator[str]:
    """Yield the lines on savings: against each other plan, and what could be saved at all."""
    objective = compared.objective
    value, unit = plan.certificate.objective, UNITS[objective]
    yield f"{NAMES[objective].capitalize()} {quantity(value, unit)}, compared with"
    others = [other for other in compared.plans if other.name != CHOSEN]
    for other in others:
        yield from wrapped(_against(plan, other, objective), "  ", hanging="    ")
    if explanation.floor is not None:
        text = f"floor that no plan can pass: {quantity(explanation.floor, unit)}"
        for other in others:
            if other.name == "default":
                reference = value + other.saving.mean
                share = explanation.share_of_saving(value, reference)
                if share is not None:
                    text += f"; the plan saves {share:.0%} of what the default could save at most"
        yield from wrapped(text, "  ", hanging="    ")
    yield from wrapped(_profiling(plan, compared), "")


def _against(plan: "Plan", other: ComparedPlan, objective: Objective) -> str:
    unit = UNITS[objective]
    name = other.name
    if name == "best uniform":
        widest = max(plan.table, key=lambda options: len(options.candidates))
        name += f" ({other.configs[widest.stage_id]})"
    text = f"{name}: {quantity(plan.certificate.objective + other.saving.mean, unit)}"
    if other.configs == plan.configs:
        text += ", the same plan"
    elif other.saved_share is not None:
        text += f", {percent(other.saved_share)} saved ({_ends(other, unit)})"
    if other.undecided:
        text += ", UNDECIDED"
    if other.broken:
        text += " (breaks the bounds)"
    return text


def _ends(other: ComparedPlan, unit: str) -> str:
    band = other.saving
    low, high = change(band.low, unit), change(band.high, unit)
    return f"{low} … {high} in {band.level:.0%} of runs"


def _profiling(plan: "Plan", compared: PlanComparison) -> str:
    """Say what profiling took, and after how many runs that is saved again."""
    spent = plan.context.profiling
    if spent is None or spent.runs == 0:
        return ""
    text = f"Profiling took {spent.runs} runs and {quantity(spent.seconds, 's')}"
    if spent.joules is None or plan.energy is None:
        return text + "; its energy is not known."
    text += f", and {quantity(spent.joules, 'J')}"
    payback = [
        f"{math.ceil(spent.joules / saved)} runs against the {name}"
        for name in ("default", "best uniform")
        if name in compared
        and (energy := compared[name].energy) is not None
        and (saved := energy.mean - plan.energy.mean) > 0
    ]
    if not payback:
        return text + ", which this plan does not pay back in energy."
    return f"{text}, paid back after {' or '.join(payback)}."


def power_models(plan: "Plan", sure: Robustness) -> Iterator[str]:
    """Yield the lines on whether the choice holds under other power models."""
    if not sure.known:
        yield from wrapped(f"Power models: not compared; {sure.reason}.", "")
        return
    assert sure.best_share is not None
    assert sure.worst_regret is not None and sure.calibrated_worst_regret is not None
    if not sure.worlds:
        yield from wrapped(f"Power models: {sure.reason}.", "")
        return
    text = (
        f"Power models: best under {sure.best_share:.0%} of {sure.worlds} (within "
        f"{percent(SAME)}), worst regret {percent(sure.worst_regret)}"
    )
    power = plan.context.power
    if power is not None and power.origin == "calibrated":
        text += ", the hosts being calibrated."
    elif sure.calibrated_worst_regret < sure.worst_regret:
        text += f"; calibrating would cut that to {percent(sure.calibrated_worst_regret)}."
    else:
        text += ", which calibrating would not cut."
    if sure.undecided_against:
        names = " and ".join(sure.undecided_against)
        text += (
            f" UNDECIDED against {names}: whether anything is saved depends on the constants "
            f"(fewer than {DECIDED:.0%} of models agree)."
        )
    yield from wrapped(text, "")
