"""Colours of the page in its light and its dark theme."""

from flexecutor_energy.drawing.palette import FAINT, INK, PAPER, QUIET, SERIES

_DARK_SERIES = ("#56B4E9", "#F28E4B", "#2CC295", "#F0BC42", "#E5A3C6", "#A9C7F5")
"""The same hues, lighter: at least 6:1 against the dark page."""


def themes() -> dict[str, dict[str, str]]:
    """Return the colour behind each name that charts use, by theme."""
    light = {"@ink": INK, "@quiet": QUIET, "@grid": FAINT, "@page": PAPER}
    dark = {"@ink": "#e6e8eb", "@quiet": "#9aa3ad", "@grid": "#343b44", "@page": "#12161b"}
    return {
        "light": light | _named(SERIES, "26"),
        "dark": dark | _named(_DARK_SERIES, "33"),
    }


def _named(series: tuple[str, ...], alpha: str) -> dict[str, str]:
    """Return the colours of series, and their faint variants (alpha as two hex digits)."""
    full = {f"@c{number}": color for number, color in enumerate(series)}
    faint = {f"{name}f": color + alpha for name, color in full.items()}
    return full | faint | {"@clear": "#00000000"}
