"""Power curves from published figures, and whose figures they are.

``tdp_curve``
    the published thermal design power times the shape measured by Teads;
``coefficient_curve``
    watts per hardware thread of a micro-architecture (Cloud Carbon Footprint);
``default_curve``
    watts per hardware thread of an average server, for a processor that nobody knows.

Sources of the constants:

* Shape: Teads Engineering, *Estimating AWS EC2 Instances Power Consumption* (2021): package power
  at 0/10/50/100 % load is 0.12/0.32/0.75/1.02 of TDP, measured with RAPL on bare-metal servers.
* Band of ``tdp``: 10th and 90th percentile of wall power over TDP at the same loads, see
  ``specpower.py``. The band is therefore what **the wall of
  real servers** shows for a given TDP, and it holds 80 % of them at these loads by construction;
  the shape in the middle is that of the **package**, and misses the wall by 27 % on average. The
  band is so lopsided because idle servers draw more than their package and half-loaded ones less.
* Coefficients: see ``hardware/data/coefficients.csv``.
* Default: mean of Cloud Carbon Footprint, 0.74 W idle and 3.5 W busy per thread. Its band is the
  5th to 95th percentile over 139 SPECpower_ssj2008 results published from 2017 to 2026 (one a
  system and processor): 0.22–1.57 W idle, 1.16–6.16 W busy per thread. That holds more than 80 %
  of those servers, on purpose: an unknown processor need not be one of them.
"""

import math

from flexecutor_energy.energy import specpower
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.errors import ConfigurationError

TEADS_SHAPE = (0.12, 0.32, 0.75, 1.02)
DEFAULT_THREAD_W = ((0.74, 0.22, 1.57), (3.5, 1.16, 6.16))
"""Mean, low and high watts of one hardware thread of an unknown server, idle and busy."""

TDP_SOURCE = "TDP × Teads shape 0.12/0.32/0.75/1.02 (2021); band: SPECpower p10–p90 since 2017"
DEFAULT_SOURCE = (
    "0.74–3.5 W per thread (Cloud Carbon Footprint mean); band: SPECpower p5–p95 since 2017"
)


def tdp_curve(
    cpu: str, tdp_w: float, *, threads: int | None = None, source: str = ""
) -> PowerCurve:
    """Return the curve of one package from its thermal design power.

    Parameters
    ----------
    cpu : name of the processor
    tdp_w : thermal design power, watts
    threads : hardware threads of the package, where known
    source : where the TDP comes from

    Raises
    ------
    ConfigurationError
        The power is not positive.
    """
    if not 0 < tdp_w < math.inf:
        raise ConfigurationError(f"TDP of {cpu!r} must be positive, not {tdp_w}")
    origin = f" ({source})" if source else ""
    return PowerCurve(
        cpu=cpu,
        kind="tdp",
        boundary="package",
        known=True,
        source=f"{tdp_w:g} W{origin}; {TDP_SOURCE}",
        loads=specpower.LOADS,
        mean_w=tuple(tdp_w * share for share in TEADS_SHAPE),
        low_w=tuple(tdp_w * share for share in specpower.P10),
        high_w=tuple(tdp_w * share for share in specpower.P90),
        threads=threads,
    )


def coefficient_curve(
    cpu: str,
    *,
    min_w: float,
    max_w: float,
    source: str,
    threads: int | None = None,
    measured: bool = True,
) -> PowerCurve:
    """Return the curve of a micro-architecture from its watts per hardware thread, at the wall.

    Parameters
    ----------
    cpu : name of the processor
    min_w, max_w : watts of one hardware thread, idle and busy
    source : whose figures they are
    threads : hardware threads of the package; None gives the curve of one thread
    measured : False if the table took the figures from another architecture, which gives the
        band of the default. A measured one gets the spread that servers of one TDP have around
        their median.
    """
    if measured:
        bands = [
            (specpower.P10[at] / specpower.MEDIAN[at], specpower.P90[at] / specpower.MEDIAN[at])
            for at in (0, -1)
        ]
    else:
        bands = [(low / mean, high / mean) for mean, low, high in DEFAULT_THREAD_W]
    ends = (min_w, max_w)
    curve = PowerCurve(
        cpu=cpu,
        kind="coefficients",
        boundary="wall",
        known=True,
        source=f"{min_w:g}–{max_w:g} W per thread ({source})",
        loads=(0.0, 1.0),
        mean_w=ends,
        low_w=tuple(watts * low for watts, (low, _) in zip(ends, bands, strict=True)),
        high_w=tuple(watts * high for watts, (_, high) in zip(ends, bands, strict=True)),
        threads=1,
    )
    return curve if threads is None else curve.scaled(threads)


def default_curve(cpu: str, threads: float = 1) -> PowerCurve:
    """Return the curve for a processor that nobody knows: an average server, the widest band.

    Parameters
    ----------
    cpu : the name that was looked for
    threads : hardware threads to stand for
    """
    idle, busy = DEFAULT_THREAD_W
    return PowerCurve(
        cpu=cpu,
        kind="default",
        boundary="wall",
        known=False,
        source=DEFAULT_SOURCE,
        loads=(0.0, 1.0),
        mean_w=(idle[0], busy[0]),
        low_w=(idle[1], busy[1]),
        high_w=(idle[2], busy[2]),
        threads=1,
    ).scaled(threads)
