"""How a figure of energy came about, in the words that stand beside it wherever it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.errors import EnergyFormatError
from flexecutor_energy.quantities import Interval


@dataclass(frozen=True, slots=True)
class EnergyMethod:
    """Method, boundary and uncertainty of a figure, as profiles store them.

    Attributes
    ----------
    method : ``rapl``, ``perf``, ``model`` or ``replay``
    boundary : what the joules enclose: ``package``, ``package+dram``, ``wall`` …
    known : False if the default of an unknown processor was used
    source : constants and whose they are, or the counter that was read
    form : ``counter`` (measured), ``host`` (a host modelled from its pooled load) or ``linear``
        (joules per CPU second, because the host cannot be seen)
    band : low and high end of the 80 % band, as multiples of the figure; None where no band is
        known, which is not the same as none
    """

    method: str
    boundary: str
    known: bool
    source: str
    form: str
    band: tuple[float, float] | None = None

    @property
    def modelled(self) -> bool:
        """Whether no energy was measured."""
        return self.form != "counter"

    def describe(self) -> str:
        """Return one line for people, such as ``modelled, wall, -66 % to +74 %``."""
        words = ["modelled" if self.modelled else f"measured ({self.method})", self.boundary]
        if self.band is not None:
            low, high = self.band
            words.append(f"{low - 1:+.0%} to {high - 1:+.0%}".replace("%", " %"))
        if not self.known:
            words.append("processor unknown")
        return ", ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as profiles store them."""
        return asdict(self) | {"band": None if self.band is None else list(self.band)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EnergyMethod":
        """Return what ``to_dict`` wrote.

        Raises
        ------
        EnergyFormatError
            A field is missing or too many.
        """
        try:
            band = data["band"]
            fields: dict[str, Any] = dict(data)
            fields["band"] = None if band is None else (float(band[0]), float(band[1]))
            return cls(**fields)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EnergyFormatError(f"this is not an energy method: {error!r}") from error


def modelled(
    curve: PowerCurve, energy: Interval | None = None, *, form: str = "host"
) -> EnergyMethod:
    """Describe energy that was modelled with a power curve.

    Parameters
    ----------
    curve : the curve that was used
    energy : the modelled joules with their band (see ``modelled_energy``); None takes the band
        of the curve at half load
    form : ``host`` or ``linear``
    """
    if energy is None or energy.mean <= 0:
        band = curve.relative_band()
    else:
        band = (energy.low / energy.mean, energy.high / energy.mean)
    return EnergyMethod(
        method="model",
        boundary=curve.boundary,
        known=curve.known,
        source=f"{curve.cpu}: {curve.source}",
        form=form,
        band=band,
    )


def together(hows: Sequence[EnergyMethod]) -> EnergyMethod:
    """Describe energy that is a sum over hosts: the widest band, every source.

    Parameters
    ----------
    hows : of each host, one or more
    """
    bands = [how.band for how in hows]
    known = [band for band in bands if band is not None]
    return EnergyMethod(
        method=" and ".join(dict.fromkeys(how.method for how in hows)),
        boundary=" and ".join(sorted({how.boundary for how in hows})),
        known=all(how.known for how in hows),
        source="; ".join(dict.fromkeys(how.source for how in hows)),
        form=" and ".join(sorted({how.form for how in hows})),
        band=(min(band[0] for band in known), max(band[1] for band in known))
        if len(known) == len(bands)
        else None,
    )
