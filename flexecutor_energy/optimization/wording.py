"""Words, units and lines of the pages that plans write about themselves."""

import textwrap

from flexecutor_energy.quantities import format_quantity

WIDTH = 80

GLUE = "\N{NO-BREAK SPACE}"
"""Between a number and its unit while lines are broken; a plain space in the end."""

UNITS = {"energy": "J", "time": "s", "cost": "USD", "edp": "J·s"}
WORDS = {"energy": "joule", "time": "second", "cost": "USD"}
NAMES = {"energy": "energy", "time": "time", "cost": "cost", "edp": "energy × time"}


def quantity(value: float | None, unit: str) -> str:
    """Return a number with its unit, which no line break parts."""
    return format_quantity(value, unit).replace(" ", GLUE)


def change(value: float, unit: str) -> str:
    """Return a number with its sign and unit."""
    sign = "+" if value >= 0 else "-"
    return sign + quantity(abs(value), unit)


def percent(share: float) -> str:
    """Return a share in per cent, with a decimal where it is small."""
    return f"{share:.1%}" if abs(share) < 0.1 else f"{share:.0%}"


def wrapped(text: str, indent: str, hanging: str | None = None) -> list[str]:
    """Return lines of at most `WIDTH` columns."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )
