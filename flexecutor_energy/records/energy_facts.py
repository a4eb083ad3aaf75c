"""Where the joules of profiles come from, in words and numbers."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from flexecutor_energy.records.run import Profile


@dataclass(frozen=True, slots=True)
class EnergyFacts:
    """What profiles say about their energy.

    Attributes
    ----------
    methods : by which the joules came about, empty where none were measured
    boundaries : what they enclose
    sources : constants or counters behind them
    band : ends of the widest 80 % band, as multiples of a figure; None where none is known
    known : whether every processor's own constants were used
    idle_power_w : median of what the hosts draw without load; None where not known
    reasons : why energy was not measured
    """

    methods: tuple[str, ...]
    boundaries: tuple[str, ...]
    sources: tuple[str, ...]
    band: tuple[float, float] | None
    known: bool
    idle_power_w: float | None
    reasons: tuple[str, ...]

    @property
    def modelled(self) -> bool:
        """Whether any joule was modelled and not measured."""
        return "model" in self.methods

    def describe(self) -> str:
        """Return one line on where the joules come from."""
        if not self.methods:
            return f"unmeasured ({'; '.join(self.reasons) or 'the profiles do not say why'})"
        words = ["modelled" if m == "model" else f"measured ({m})" for m in self.methods]
        words += self.boundaries
        if self.band is not None:
            low, high = (f"{end - 1:+.0%}".replace("%", " %") for end in self.band)
            words.append(f"80 % band {low} to {high}")
        if not self.known:
            words.append("processor unknown, default constants")
        return ", ".join(words)


def energy_facts(profiles: Iterable[Profile]) -> EnergyFacts:
    """Return what the runs of several profiles say about their energy."""
    metas = [run.meta for profile in profiles for run in profile.runs]
    measured = [meta for meta in metas if meta.get("method")]
    bands = [tuple(meta["uncertainty"]["band"]) for meta in measured if _has_band(meta)]
    idle = [meta["idle_power_w"] for meta in measured if meta.get("idle_power_w") is not None]
    return EnergyFacts(
        methods=_distinct(meta.get("method") for meta in measured),
        boundaries=_distinct(meta.get("boundary") for meta in measured),
        sources=_distinct(meta.get("energy_source") for meta in measured),
        band=(min(b[0] for b in bands), max(b[1] for b in bands)) if bands else None,
        known=all(meta.get("uncertainty", {}).get("known", True) for meta in measured),
        idle_power_w=statistics.median(idle) if idle else None,
        reasons=_distinct(meta.get("energy_reason") for meta in metas),
    )


def _has_band(meta: object) -> bool:
    uncertainty = meta.get("uncertainty") if hasattr(meta, "get") else None
    return isinstance(uncertainty, dict) and len(uncertainty.get("band") or ()) == 2


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))
