"""What an answer of the query must be.

Two scales have an answer that is written down here; for others it is what the generator's own
text of the query gives on the tables, noted when they were generated.
"""

from decimal import Decimal
from typing import Any

from dags.answers import require, require_fields, same_when_sound
from dags.sizes import Size, resolve
from dags.tpcds import tables
from dags.tpcds.knobs import PRESETS

_FIELDS = {"orders": int, "shipping_cost": float, "net_profit": float}
_ANSWERS = {
    1: (68, Decimal("100592.32"), Decimal("-18202.90")),
    3: (181, Decimal("348426.45"), Decimal("-110388.05")),
}


def same(a: Any, b: Any) -> bool:
    """Return whether two answers are sound in themselves and equal, to the cent."""
    return same_when_sound(a, b, _require_sound)


def check(answer: Any, size: Size) -> None:
    """Raise an AssertionError that names what is wrong with an answer of this size."""
    scale = resolve(size, PRESETS).scale
    _require_sound(answer)
    known = _ANSWERS.get(scale) or tables.generators_answer(tables.folder_of(scale))
    for name, exact in zip(_FIELDS, known, strict=True):
        found, true = answer[name], type(answer[name])(exact)
        require(found == true, f"{name} is {found}, not {true}, at scale {scale}")


def _require_sound(answer: Any) -> None:
    require_fields(answer, _FIELDS)
    require(answer["orders"] > 0, f"the query found {answer['orders']} orders")
    require(answer["shipping_cost"] >= 0, f"shipping cost {answer['shipping_cost']}")
    for name in ("shipping_cost", "net_profit"):
        cents = answer[name]
        require(round(cents, 2) == cents, f"{name} is {cents}, which is no sum of cents")
