"""What the solver is asked: candidates per stage, precedence, bounds and links, as arrays."""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.errors import ConfigurationError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]
Label = int | float | str
Metric = Literal["energy", "time", "cost"]
Choice = tuple[int, ...]

TOLERANCE = 1e-9
"""A bound counts as kept up to this relative excess, everywhere: model, proof and check."""

NEXT_TO_NOTHING = sys.float_info.min
"""The bound that stands for zero, since bounds are positive."""

METRICS: tuple[Metric, ...] = ("time", "energy", "cost")


class Link(NamedTuple):
    """A child whose candidates were valued for one label (fan-in) of its parent each.

    Attributes
    ----------
    parent, child : stage indices
    parent_labels, child_labels : one label for each candidate of that stage; the chosen
        candidates of both stages must carry equal labels
    """

    parent: int
    child: int
    parent_labels: tuple[Label, ...]
    child_labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One discrete choice per stage, coupled by precedence, idle power, bounds and links.

    With ``x`` the choice and ``M`` the makespan, energy is ``Σ e + idle_power_w · M`` and cost
    is ``Σ k + host_price_usd_s · M``.

    Attributes
    ----------
    times : for each stage an array of seconds, one per candidate
    energies : likewise joules above idle; None where no energy was measured
    costs : likewise USD; None where no price is known
    edges : pairs ``(i, j)``: stage j starts when stage i has finished
    idle_power_w : watts that the hosts draw while the workflow runs
    max_time, max_energy, max_cost : bounds in seconds, joules, USD; None for no bound
    host_price_usd_s : USD per second of makespan
    cores : for each stage the cores each candidate occupies while it runs
    capacity : cores of the hosts together; None for no limit
    links : ``(parent, child, parent_labels, child_labels)``, see `Link`
    order : stage indices, parents before children (derived)
    parents, children : neighbours of each stage (derived)

    Raises
    ------
    ConfigurationError
        A shape, a value, a bound, an edge or a link makes no sense.
    """

    times: Sequence[FloatArray]
    energies: Sequence[FloatArray] | None
    costs: Sequence[FloatArray] | None
    edges: Sequence[tuple[int, int]]
    idle_power_w: float = 0.0
    max_time: float | None = None
    max_energy: float | None = None
    max_cost: float | None = None
    host_price_usd_s: float = 0.0
    cores: Sequence[FloatArray] | None = None
    capacity: float | None = None
    links: Sequence[Link | tuple[int, int, Sequence[Label], Sequence[Label]]] = ()
    order: tuple[int, ...] = field(init=False, repr=False)
    parents: tuple[tuple[int, ...], ...] = field(init=False, repr=False)
    children: tuple[tuple[int, ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        times = _arrays("times", self.times, None)
        sizes = [len(values) for values in times]
        self._set("times", times)
        for name in ("energies", "costs", "cores"):
            given = getattr(self, name)
            self._set(name, None if given is None else _arrays(name, given, sizes))
        for name in ("idle_power_w", "host_price_usd_s"):
            self._set(name, _number(name, getattr(self, name), positive=False))
        for name in ("max_time", "max_energy", "max_cost", "capacity"):
            given = getattr(self, name)
            self._set(name, None if given is None else _number(name, given, positive=True))
        if self.capacity is not None and self.cores is None:
            raise ConfigurationError(
                f"capacity={self.capacity:g} needs cores=[…]: the cores of each candidate"
            )
        self._set("edges", _edges(self.edges, len(times)))
        parents: list[list[int]] = [[] for _ in times]
        children: list[list[int]] = [[] for _ in times]
        for i, j in self.edges:
            parents[j].append(i)
            children[i].append(j)
        self._set("parents", tuple(map(tuple, parents)))
        self._set("children", tuple(map(tuple, children)))
        self._set("order", _topological(self.parents, self.children))
        self._set(
            "links", tuple(_link(number, raw, sizes) for number, raw in enumerate(self.links))
        )

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def stages(self) -> range:
        """Stage indices."""
        return range(len(self.times))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of candidates of each stage."""
        return tuple(len(values) for values in self.times)

    @property
    def couplings(self) -> tuple[Link, ...]:
        """The links in their checked form."""
        return tuple(link for link in self.links if isinstance(link, Link))

    def bound(self, metric: Metric) -> float | None:
        """Return the bound on a metric as it was asked for."""
        bounds = {"time": self.max_time, "energy": self.max_energy, "cost": self.max_cost}
        return bounds[metric]

    def limit(self, metric: Metric) -> float:
        """Return the bound with its tolerance, or infinity."""
        bound = self.bound(metric)
        return math.inf if bound is None else bound * (1 + TOLERANCE)

    def with_bounds(self, bounds: Mapping[Metric, float | None]) -> "Problem":
        """Return the problem with other bounds on some metrics; None lifts a bound."""
        return replace(
            self,
            max_time=bounds.get("time", self.max_time),
            max_energy=bounds.get("energy", self.max_energy),
            max_cost=bounds.get("cost", self.max_cost),
        )

    def values(self, metric: Metric) -> Sequence[FloatArray] | None:
        """Return the candidates' values of a metric; None where it is not known."""
        return {"time": self.times, "energy": self.energies, "cost": self.costs}[metric]

    def per_second(self, metric: Metric) -> float:
        """Return what a second of makespan adds to a metric."""
        rates = {"time": 1.0, "energy": self.idle_power_w, "cost": self.host_price_usd_s}
        return rates[metric]

    def to_data(self) -> dict[str, Any]:
        """Return the problem as plain numbers and lists: what certificates are checked against."""

        def lists(arrays: Sequence[FloatArray] | None) -> list[list[float]] | None:
            return None if arrays is None else [array.tolist() for array in arrays]

        return {
            "times": lists(self.times),
            "energies": lists(self.energies),
            "costs": lists(self.costs),
            "cores": lists(self.cores),
            "edges": [list(edge) for edge in self.edges],
            "idle_power_w": self.idle_power_w,
            "host_price_usd_s": self.host_price_usd_s,
            "max_time": self.max_time,
            "max_energy": self.max_energy,
            "max_cost": self.max_cost,
            "capacity": self.capacity,
            "links": [
                [link.parent, link.child, list(link.parent_labels), list(link.child_labels)]
                for link in self.couplings
            ],
        }


def _arrays(name: str, given: Any, sizes: list[int] | None) -> tuple[FloatArray, ...]:
    arrays = []
    for stage, values in enumerate(given):
        try:
            array = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{name} of stage {stage} are not all numbers; leave out candidates that failed"
            ) from error
        if array.ndim != 1 or array.size == 0:
            raise ConfigurationError(
                f"{name} of stage {stage} must be a list of at least one number, one for each "
                f"candidate; its shape is {array.shape}"
            )
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
        if bad.size:
            raise ConfigurationError(
                f"{name} of stage {stage}, candidate {bad[0]}: {array[bad[0]]} is not a finite "
                "non-negative number; leave out candidates that failed"
            )
        array.setflags(write=False)
        arrays.append(array)
    if sizes is None and not arrays:
        raise ConfigurationError("the problem has no stages; give at least one")
    if sizes is not None and [len(array) for array in arrays] != sizes:
        raise ConfigurationError(
            f"{name} have {[len(array) for array in arrays]} candidates per stage, "
            f"but times have {sizes}; they must agree"
        )
    return tuple(arrays)


def _number(name: str, given: Any, *, positive: bool) -> float:
    number = float(given) if isinstance(given, int | float | np.number) else math.nan
    if not math.isfinite(number) or number < 0 or (positive and number == 0):
        kind = "positive" if positive else "non-negative"
        remedy = "; leave it out for no bound" if positive else ""
        raise ConfigurationError(f"{name}={given!r} must be a finite {kind} number{remedy}")
    return number


def _edges(given: Iterable[Sequence[int]], stages: int) -> tuple[tuple[int, int], ...]:
    edges = []
    for edge in given:
        i, j = (int(end) for end in edge)
        if not (0 <= i < stages and 0 <= j < stages):
            raise ConfigurationError(f"edge ({i}, {j}) names a stage outside 0…{stages - 1}")
        edges.append((i, j))
    return tuple(dict.fromkeys(edges))


def _topological(
    parents: tuple[tuple[int, ...], ...], children: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    waiting = [len(above) for above in parents]
    order = [stage for stage, count in enumerate(waiting) if count == 0]
    for stage in order:  # grows while it is walked
        for child in children[stage]:
            waiting[child] -= 1
            if waiting[child] == 0:
                order.append(child)
    if len(order) < len(parents):
        stuck = sorted(set(range(len(parents))) - set(order))
        raise ConfigurationError(
            f"the edges form a cycle through some of the stages {stuck}; remove one of its edges"
        )
    return tuple(order)


def _link(number: int, raw: Sequence[Any], sizes: list[int]) -> Link:
    parent, child = int(raw[0]), int(raw[1])
    if parent == child or not (0 <= parent < len(sizes) and 0 <= child < len(sizes)):
        raise ConfigurationError(
            f"link {number} couples stages {parent} and {child}; "
            f"name two different stages of 0…{len(sizes) - 1}"
        )
    labels = [tuple(map(_label, raw[2])), tuple(map(_label, raw[3]))]
    for stage, own in zip((parent, child), labels, strict=True):
        if len(own) != sizes[stage]:
            raise ConfigurationError(
                f"link {number} has {len(own)} labels for stage {stage}, "
                f"which has {sizes[stage]} candidates; give one for each"
            )
    return Link(parent, child, *labels)


def _label(given: Any) -> Label:
    label = given.item() if isinstance(given, np.generic) else given
    if not isinstance(label, int | float | str) or label != label:
        raise ConfigurationError(f"link label {given!r} must be a number or a text")
    return label
