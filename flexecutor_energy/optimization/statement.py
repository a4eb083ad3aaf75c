"""A problem in whole numbers, as the checker reads it, with what precedence says about it."""

from fractions import Fraction
from graphlib import TopologicalSorter
from itertools import chain
from math import floor
from typing import Any

from flexecutor_energy.optimization.rational import places, whole

SLACK = Fraction(1, 10**9)
"""The relative tolerance up to which bounds count as kept."""

METRICS = ("time", "energy", "cost")


class Statement:
    """``Problem.to_data()`` in whole numbers of ``2**-shift``; unknown values count as zero.

    Attributes
    ----------
    t, e, k, u : seconds, joules, USD and cores of the candidates of each stage
    idle, rent : watts, and USD per second, of the makespan
    limits : the bounds by metric, with their tolerance
    capacity : cores, with their tolerance; 0 for no limit
    edges, links : as given
    above, order : parents of each stage, and the stages with parents before children
    head, tail : the longest path before and after each stage, of the fastest candidates
    after : the stages that follow each stage, as the bits of a number
    horizon : a time at which every plan that keeps the bounds can have ended
    alone : the candidates that break no bound beside the best that all others can do
    """

    def __init__(self, data: Any) -> None:
        zeros = [[0] * len(row) for row in data["times"]]
        tables = [data[key] or zeros for key in ("times", "energies", "costs", "cores")]
        rates = data["idle_power_w"], data["host_price_usd_s"]
        self.shift = places(chain(rates, *chain(*tables)))
        self.t, self.e, self.k, self.u = (
            [[whole(x, self.shift) for x in row] for row in table] for table in tables
        )
        self.idle, self.rent = (whole(x, self.shift) for x in rates)
        self.limits = {m: Fraction(v) * (1 + SLACK) for m in METRICS if (v := data[f"max_{m}"])}
        self.capacity = Fraction(data["capacity"] or 0) * (1 + SLACK)
        self.edges, self.links = {(i, j) for i, j in data["edges"]}, data["links"]
        self._order()
        longest = Fraction(sum(max(row) for row in self.t), 1 << self.shift)
        self.horizon = min(longest, self.limits.get("time", longest))
        self.alone = self._alone()

    def totals(self, choice: Any, starts: Any = None) -> tuple[dict[str, Fraction], list[str]]:
        """Return time, energy and cost of a choice, and what it breaks."""
        one, tables = 1 << self.shift, zip(self.t, self.e, self.k, self.u, choice, strict=True)
        rows = ([Fraction(column[c], one) for column in columns] for *columns, c in tables)
        t, e, k, u = zip(*rows, strict=True)
        blur, begin, broken = SLACK * sum(t), dict[int, Fraction](), list[str]()
        for i in self.order:
            ready = max((begin[j] + t[j] for j in self.above[i]), default=Fraction(0))
            begin[i] = ready if starts is None else Fraction(starts[i])
            broken += [f"stage {i} starts too early"] if begin[i] < ready - blur else []
        span = max(begin[i] + t[i] for i in begin)
        energy, cost = (sum(x, rate * span / one) for x, rate in ((e, self.idle), (k, self.rent)))
        total = {"time": span, "energy": energy, "cost": cost}
        broken += [f"max_{m} is broken" for m, limit in self.limits.items() if total[m] > limit]
        for p, c, above, below in self.links:
            broken += [] if above[choice[p]] == below[choice[c]] else [f"{p}, {c} do not match"]
        for now in [x + blur for x in begin.values()] if self.capacity else ():
            busy = sum(u[j] for j, x in begin.items() if x <= now < x + t[j])
            broken += ["too many cores are in use at once"] if busy > self.capacity else []
        return total, broken

    def _order(self) -> None:
        stages = range(len(self.t))
        self.above: dict[int, list[int]] = {i: [] for i in stages}
        below: dict[int, list[int]] = {i: [] for i in stages}
        for i, j in self.edges:
            self.above[j].append(i)
            below[i].append(j)
        self.order = tuple(TopologicalSorter(self.above).static_order())
        fast = [min(row) for row in self.t]
        self.head, self.tail, self.after = ([0] * len(fast) for _ in range(3))
        for i in self.order:
            self.head[i] = max((self.head[j] + fast[j] for j in self.above[i]), default=0)
        for i in reversed(self.order):
            self.tail[i] = max((self.tail[j] + fast[j] for j in below[i]), default=0)
            for j in below[i]:
                self.after[i] |= self.after[j] | 1 << j

    def _alone(self) -> list[list[int]]:
        one = 1 << self.shift
        rates = {"time": one, "energy": self.idle, "cost": self.rent}
        nothing = [[0] * len(row) for row in self.t]
        added = {"time": nothing, "energy": self.e, "cost": self.k}
        most = {m: floor(limit * one * one) for m, limit in self.limits.items()}
        least = {m: sum(map(min, added[m])) for m in most}
        found = []
        for i, row in enumerate(self.t):
            fits = [not self.capacity or u <= self.capacity * one for u in self.u[i]]
            for m, limit in most.items():
                own, rate = added[m][i], rates[m]
                room = limit - (least[m] - min(own)) * one - rate * (self.head[i] + self.tail[i])
                fits = [
                    f and x * one + rate * t <= room
                    for f, x, t in zip(fits, own, row, strict=True)
                ]
            found.append([c for c, fit in enumerate(fits) if fit] or [*range(len(row))])
        return found
