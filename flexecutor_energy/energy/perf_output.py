"""What ``perf stat`` prints about energy: separated by semicolons, or one JSON object a line."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flexecutor_energy.errors import EnergyFormatError

EVENTS: Mapping[str, str] = {
    "pkg": "package",
    "ram": "dram",
    "cores": "core",
    "gpu": "uncore",
    "psys": "psys",
}
"""Events of the kernel's power PMU, and the names that their domains have here."""

_EVENT = re.compile(r"(?:power/)?energy-(pkg|ram|cores|gpu|psys)\b")
_VALUE = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"(:\s*\d+),(\d+)")
"""In JSON numbers, where perf writes them by the locale too: ``"pcnt-running" : 100,00``."""

_MISSING = frozenset({"<not supported>", "<not counted>"})


@dataclass(frozen=True, slots=True)
class PerfCount:
    """The energy of one domain of one socket in one interval.

    Attributes
    ----------
    domain : ``package``, ``dram``, ``core``, ``uncore`` or ``psys``
    joules : None where the event was not counted, or only for part of the time (perf then
        prints an extrapolation)
    time_s : end of the interval since perf started, None without ``-I``
    """

    domain: str
    joules: float | None
    time_s: float | None


def parse_counts(text: str) -> list[PerfCount]:
    """Return the energy counts in the output of perf, in order.

    Raises
    ------
    EnergyFormatError
        A line is neither a count nor a comment; it is named with its number.
    """
    counts = []
    for number, line in enumerate(text.splitlines(), start=1):
        count = parse_line(line, number)
        if count is not None:
            counts.append(count)
    return counts


def total_joules(
    counts: Iterable[PerfCount], before: Mapping[str, float | None] | None = None
) -> dict[str, float | None]:
    """Return the joules of each domain: the sum over sockets and intervals.

    A domain that was not counted once is None, because nobody knows what it drew then.

    Parameters
    ----------
    counts : the counts to add up
    before : sums to go on from
    """
    totals = dict(before or {})
    for count in counts:
        sum_j = totals.get(count.domain, 0.0)
        known = sum_j is not None and count.joules is not None
        totals[count.domain] = (sum_j or 0.0) + (count.joules or 0.0) if known else None
    return totals


def parse_line(line: str, number: int = 1) -> PerfCount | None:
    """Return the count that a line holds, None for a comment, an empty line or another event.

    Raises
    ------
    EnergyFormatError
        The line is none of these.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    if text.startswith("{"):
        return _from_json(text, number)
    fields = [field.strip() for field in text.split(";")]
    if len(fields) < 3:
        raise _unreadable(number, line)
    place = next((at for at, field in enumerate(fields) if _EVENT.match(field)), None)
    if place is None:
        return None
    if place < 2:
        raise _unreadable(number, line)
    # Behind it: with -r how much the runs differ, then the time it ran and the share of all time.
    behind = [field for field in fields[place + 1 :] if not field.endswith("%")]
    share = behind[1] if len(behind) > 1 else ""
    # Before value and unit: nothing, a time (-I), a socket and a count (--per-socket), or all.
    time = fields[0] if place > 2 and _VALUE.fullmatch(fields[0]) else ""
    return _count(fields[place], fields[place - 2], fields[place - 1], share, time, number, line)


def _from_json(text: str, number: int) -> PerfCount | None:
    try:
        data = json.loads(_DECIMAL_COMMA.sub(r"\1.\2", text))
    except json.JSONDecodeError as error:
        raise _unreadable(number, text) from error
    event = str(data.get("event", ""))
    if not _EVENT.match(event):
        return None
    keys = ("counter-value", "unit", "pcnt-running", "interval")
    value, unit, share, time = (str(data.get(key, "")) for key in keys)
    return _count(event, value, unit, share, time, number, text)


def _count(
    event: str, value: str, unit: str, share: str, time: str, number: int, line: str
) -> PerfCount:
    match = _EVENT.match(event)
    if match is None:
        raise _unreadable(number, line)
    joules: float | None = None
    if value not in _MISSING:
        if unit != "Joules":
            raise _unreadable(number, line)
        joules = _number(value, number, line)
    if share and _number(share, number, line) < 100:
        joules = None
    end = _number(time, number, line) if time else None
    return PerfCount(EVENTS[match.group(1)], joules, end)


def _number(text: str, number: int, line: str) -> float:
    if not _VALUE.fullmatch(text):
        raise _unreadable(number, line)
    return float(text.replace(",", "."))


def _unreadable(number: int, line: str) -> EnergyFormatError:
    return EnergyFormatError(
        f"line {number} of perf's output is no energy count: {line.strip()!r}"
    )
