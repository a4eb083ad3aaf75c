"""Errors in terms of what was asked for, not of the tighter bounds that the solver keeps."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from flexecutor_energy.errors import InfeasibleError
from flexecutor_energy.optimization.certificate import Solution
from flexecutor_energy.optimization.problem import Metric
from flexecutor_energy.optimization.terms import Terms

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

_UNITS: Mapping[Metric, str] = {"time": "s", "energy": "J", "cost": "USD"}


def as_asked(
    error: InfeasibleError, terms: Terms, plan_of: Callable[[Solution, Terms], "Plan"]
) -> InfeasibleError:
    """Return the solver's error with the bound as it was asked for, and a plan beside it.

    Parameters
    ----------
    error : of solving the problem of the terms
    terms : what was asked for, and the bounds kept for it
    plan_of : makes a plan of a solution and the terms that it solves
    """
    if not isinstance(error.plan, Solution):
        return error
    metric = cast(Metric, error.bound.removeprefix("max_"))
    margin, asked = terms.margin(metric), terms.asked(metric)
    # its proof is about the problem without the bound that cannot be kept
    nearest = plan_of(error.plan, terms.attaining(metric))
    attainable = error.attainable * margin if error.attainable is not None else None
    text = str(error)
    if margin > 1 and attainable is not None:
        unit = _UNITS[metric]
        text = (
            f"no choice of configurations keeps {error.bound}={asked:g} {unit} with "
            f"confidence {terms.confidence:g}: the least that can be promised is "
            f"{attainable:.4g} {unit} (mean {error.attainable:.4g} {unit} × {margin:.3g}, "
            f"the factor that held-out runs stayed below); loosen {error.bound}, lower the "
            "confidence, or profile more configurations"
        )
    return InfeasibleError(
        text, bound=error.bound, value=asked, attainable=attainable, plan=nearest
    )
