"""One spelling for the many ways in which a processor writes its name.

The kernel, hypervisors and vendors decorate a model with trademarks, clock rates, core counts and
graphics. These are taken off, on both sides of a comparison, and what is left must be **equal**:
a model number is never shortened, and a name that is only a brand, such as ``AMD EPYC`` or
``Intel Xeon Processor (Skylake, IBRS)``, matches nothing.
"""

import re
import unicodedata

_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©]")
_CLOCK = re.compile(r"\s*@\s*\d+(?:\.\d+)?\s*[gm]hz\s*$")
_GRAPHICS = re.compile(r"\s+(?:with|w/)\s+(?:amd\s+)?radeon\b.*$|\s+radeon\s+\S+,.*$")
_GENERATION = re.compile(r"^((?:amd|intel)\s+)?\d+th gen\s+")
_COUNT = (
    r"(?:\d+|single|dual|triple|quad|six|eight|ten|twelve|sixteen)[- ]cores?"
    r"(?=$|\s+(?:processor|cpu)\b)"
)
_CORE_COUNT = re.compile(rf"\s+{_COUNT}|^(?:dual|triple|quad|six|eight)-core\s+(?=amd\b)")
_FILLER = re.compile(r"\b(?:cpu|processor|apu|soc)\b")
_STEPPING_ZERO = re.compile(r"\b(e[357]-\d{4}[a-z]?) 0$")
_VERSION = re.compile(r"\b(e[357]-\d{4}[a-z]?) ?v(\d)$")
_OLD_CORE = re.compile(r"\b(i[3579]) (\d{3,4}[a-z]*)$")
_AMD_BRAND = re.compile(
    r"(?:(?:epyc|ryzen|opteron|athlon|phenom|sempron|turion)\b|(?:fx|[ae]\d+)-\d)"
)
_INTEL_BRAND = re.compile(r"(?:xeon|core|pentium|celeron|atom|itanium)\b")
_STATED = re.compile(r"\b(\d+)-Cores?\b", re.IGNORECASE)


def normalise(name: str) -> str:
    """Return the model of a processor in one spelling, lower case.

    ``Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz`` becomes ``intel xeon e5-2670``. Applying it
    twice changes nothing more.
    """
    text = unicodedata.normalize("NFKC", _MARKS.sub(" ", name.lower()))
    text = _MARKS.sub(" ", text)
    before = ""
    while before != text:
        before = text
        text = _one_pass(text)
    return text


def is_model(normalised: str) -> bool:
    """Return whether a normalised name tells a model: a brand, and a number after it.

    A brand alone fits dozens of processors, and so does a number alone: ``6140`` is an Opteron
    and a Xeon Gold.
    """
    return not normalised[:1].isdigit() and any(letter.isdigit() for letter in normalised)


def stated_cores(name: str) -> int | None:
    """Return the cores that a name itself states, as in ``AMD EPYC 7763 64-Core Processor``."""
    match = _STATED.search(name)
    return int(match.group(1)) if match else None


def _one_pass(text: str) -> str:
    text = " ".join(text.split()).replace(" -", "-")
    text = _CLOCK.sub("", text)
    text = _GRAPHICS.sub("", text)
    text = _GENERATION.sub(lambda match: match.group(1) or "", text)
    text = _CORE_COUNT.sub("", text)
    text = " ".join(_FILLER.sub(" ", text).split())
    text = _STEPPING_ZERO.sub(r"\1", text)
    text = _VERSION.sub(r"\1 v\2", text)
    text = _OLD_CORE.sub(r"\1-\2", text)
    text = re.sub(r"^amd amd\b", "amd", text)
    if _AMD_BRAND.match(text):
        return f"amd {text}"
    if _INTEL_BRAND.match(text):
        return f"intel {text}"
    return text
