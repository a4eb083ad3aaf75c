"""Plans as JSON. Loading one is strict, and never runs code."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from flexecutor_energy.errors import PlanFormatError
from flexecutor_energy.optimization.certificate import Certificate
from flexecutor_energy.optimization.context import PlanContext
from flexecutor_energy.optimization.table import StageOptions, table_hash
from flexecutor_energy.optimization.terms import Terms
from flexecutor_energy.quantities import Interval

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan

Format = Literal["flexecutor-energy/plan/1", "flexecutor-energy/plan/2"]

FORMAT: Format = "flexecutor-energy/plan/2"
"""Format 1 lacks the context, and the parts of each candidate's energy; it can still be read."""


class PlanFile(BaseModel):
    """The fields of a plan file; anything else in it is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    format: Format = FORMAT
    version: str
    created: str
    dag: str
    terms: Terms
    edges: tuple[tuple[str, str], ...]
    choice: tuple[int, ...]
    default_choice: tuple[int, ...] | None
    time: Interval
    energy: Interval | None
    cost: Interval | None
    energy_source: str
    context: PlanContext = PlanContext()
    certificate: Certificate
    table_hash: str
    table: tuple[StageOptions, ...]


def dump(plan: "Plan") -> str:
    """Return a plan as indented JSON; every number comes back as it was."""
    fields = {name: getattr(plan, name) for name in PlanFile.model_fields if hasattr(plan, name)}
    return PlanFile(**fields, table_hash=table_hash(plan.table)).model_dump_json(indent=1)


def parse(text: str) -> dict[str, Any]:
    """Return the fields of the plan that `dump` wrote.

    Raises
    ------
    PlanFormatError
        The text is not JSON, not a plan of a format that can be read, or its candidate table is
        not the one it was made with.
    """
    try:
        read = PlanFile.model_validate_json(text)
    except ValidationError as error:
        raise PlanFormatError(_first(error)) from error
    if table_hash(read.table) != read.table_hash:
        raise PlanFormatError(
            "the candidate table of the plan is not the one it was made with: its hash differs; "
            "make the plan again with 'flexecutor-energy optimize'"
        )
    ours = {"format", "table_hash"}
    return {name: getattr(read, name) for name in PlanFile.model_fields if name not in ours}


def _first(error: ValidationError) -> str:
    """Say where and what the first problem of a file is."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    more = f" (and {error.error_count() - 1} more problems)" if error.error_count() > 1 else ""
    where = f"the field {place!r} of the plan is wrong: " if place else "this is no plan: "
    return where + problem["msg"] + more
