"""``flexecutor-energy verify``: recompute a plan and its proof in exact arithmetic."""

from pathlib import Path
from typing import Annotated

import typer

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.plans import read_plan
from flexecutor_energy.errors import PlanFormatError

PlanFile = Annotated[str, typer.Argument(metavar="PLAN.json", help="A plan that was written.")]


@reported
def verify(show: Show, plan: PlanFile) -> None:
    """Check a plan file alone: recompute the plan and its lower bound, without a solver."""
    found = read_plan(Path(plan))
    result = found.verify()
    name = found.certificate.objective_name
    unit = {"energy": "J", "time": "s", "cost": "USD", "edp": "J·s"}[name]
    show.document(result)
    if not result.ok:
        raise PlanFormatError(f"{plan} does not hold: {'; '.join(result.problems)}")
    show.say(
        f"{plan} holds",
        f"plan:        {result.plan_objective:.6g} {unit} of predicted {name}",
        f"lower bound: {result.proved_bound:.6g} {unit}, proved in exact arithmetic",
    )
