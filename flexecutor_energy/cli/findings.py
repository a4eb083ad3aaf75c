"""What was looked at and found, as lines that fit a terminal."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.cli.console import Show

State = Literal["ok", "note", "bad"]

_SIGNS = {"ok": "ok  ", "note": "note", "bad": "BAD "}
_SUBJECT = 12
_NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    subject : what
    state : ``ok``; ``note`` for what works with a limitation; ``bad`` for what does not work
    detail : what was found
    remedy : what would help, or ""; commands stand in backticks
    more : what is said only where there is room, such as the source of a figure
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""
    more: str = ""


def say_findings(show: Show, findings: Iterable[Finding]) -> None:
    """Print findings for people, each remedy below what it would mend."""
    for finding in findings:
        head = f"  {_SIGNS[finding.state]} {finding.subject:<{_SUBJECT}} "
        show.say(*folded(finding.detail, show.out.width, head))
        if finding.more:
            show.say(*folded(finding.more, show.out.width, " " * len(head)))
        if finding.remedy:
            show.say(*folded(finding.remedy, show.out.width, " " * (len(head) - 2) + "→ "))


def folded(text: str, width: int, head: str) -> list[str]:
    """Return lines of a width, the first behind ``head``; commands in backticks stay whole."""
    parts = text.split("`")
    whole = [part.replace(" ", _NO_BREAK) if at % 2 else part for at, part in enumerate(parts)]
    lines = textwrap.wrap(
        "`".join(whole),
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines] or [head.rstrip()]
