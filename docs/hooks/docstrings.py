"""Griffe extension: this project's docstrings, as numpy's parser wants to have them.

Ours say on one line what a value is, ``name : what it is``, and leave its type to the signature.
The parser would take those words for the type.
"""

import re
from typing import Any

import griffe

_NAMED = re.compile(r"^(\*{0,2}[\w.]+(?:, *\*{0,2}[\w.]+)*) : (.+)$")
_SECTIONS = {"Parameters", "Attributes"}
_ROLE = re.compile(r":(?:class|func|meth|mod|attr):`~?([^`]+)`")


class OurDocstrings(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(text: str) -> str:
    """Return a docstring with names and descriptions apart, and what is returned as prose."""
    lines = _ROLE.sub(r"`\1`", text).splitlines()
    section, result = "", []
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if line and not line.startswith(" ") and re.fullmatch(r"-{3,}", after):
            section = line.strip()
        named = _NAMED.match(line) if section in _SECTIONS else None
        if named is not None:
            result += [named.group(1), f"    {named.group(2)}"]
        elif section == "Returns":
            result += _prose(line)
        else:
            result.append(line)
    return "\n".join(result)


def _prose(line: str) -> list[str]:
    """Return a line of a section ``Returns`` as part of a paragraph."""
    if line == "Returns":
        return ["**Returns:**"]
    return [] if re.fullmatch(r"-{3,}", line) else [line]
