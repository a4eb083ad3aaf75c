"""Check a plan and its lower bound in exact rational arithmetic, without a solver.

Any multipliers φ, λ, α ≥ 0 and ν bound ``w_E·E + w_K·K + w_T·M`` from below (weak duality).
With ``a = w_E + λ_E``, ``b = w_K + λ_K``, idle power P, host price ρ, capacity C and H, a time
at which every plan has ended, the bound is::

    Σ_i min_c [a·e_ic + b·k_ic + (out_i + α·u_ic)·t_ic ± ν]    in_i, out_i: flow φ through stage i
      + H·Σ_i min(0, out_i - in_i)                             as a start lies in [0, H]
      + H·min(0, a·P + b·ρ + w_T + λ_T - flow to the end - α·C)     and so does the makespan
      - λ_T·max_time - λ_E·max_energy - λ_K·max_cost

The same holds for blocks of stages with their frontiers (see `blocks`) instead of stages. Each c
runs over the candidates that break no bound beside the best that all others can do. For ``edp``
each set of multipliers proves a half-plane of (E, M), and ``E·M`` is least at a corner of their
intersection. What a search claims beyond that, `refute` searches again.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from flexecutor_energy.optimization import refute
from flexecutor_energy.optimization.blocks import Block, Frontier, arrange, frontiers
from flexecutor_energy.optimization.fingerprint import fingerprint
from flexecutor_energy.optimization.rational import least_product, places, rounded_down, whole
from flexecutor_energy.optimization.statement import SLACK, Statement

WEIGHTS = {"energy": (1, 0, 0), "cost": (0, 1, 0), "time": (0, 0, 1)}


@dataclass(frozen=True, slots=True)
class Verification:
    """`ok` when nothing is wrong; `proved_bound` holds, whatever a solver claimed."""

    ok: bool
    proved_bound: float
    plan_objective: float
    problems: tuple[str, ...]


def verify(data: Any, choice: Any, certificate: Any, max_steps: int = 50_000) -> Verification:
    """Recompute the plan and the bounds of a certificate, given ``Problem.to_data()``."""
    name, proofs, problem = certificate.objective_name, certificate.multipliers, Exact(data)
    totals, found = problem.totals(choice, certificate.starts_s)
    value = totals["energy"] * totals["time"] if name == "edp" else totals[name]
    found += [flaw for m in proofs if (flaw := problem.flaw(name, m))]
    bound = problem.proved_bound(name, proofs)
    proved, lower = Fraction(certificate.proved_bound), Fraction(certificate.lower_bound)
    claimed, off = Fraction(certificate.solver_claimed), Fraction(certificate.objective) - value
    checks = {
        "the input hash is that of another problem": certificate.input_hash == fingerprint(data),
        f"the plan's {name} is {float(value)!r}": abs(off) <= SLACK * value,
        f"the multipliers prove {float(bound)!r} only": proved <= bound,
        "the lower bound is neither proved nor claimed": lower <= max(bound, claimed),
        "a lower bound is above the plan": max(lower, claimed) <= value * (1 + SLACK),
    }
    found += [text for text, right in checks.items() if not right]
    goal = max(lower, claimed) * (1 - SLACK)
    over_stages = [m for m in proofs if not m.blocks]
    if bound < goal and name != "edp" and over_stages:
        better, done = refute.search(problem, name, over_stages[0], goal, max_steps)
        bound = goal if done and better is None else bound
        found += [] if better is None else [f"the lower bound is wrong: {better} is below it"]
    return Verification(not found, rounded_down(bound), float(value), tuple(found))


class Exact(Statement):
    """A problem whose plans and proofs can be checked."""

    def flaw(self, name: str, m: Any) -> str | None:
        """Return what makes multipliers useless as a proof for this objective."""
        prices = {"time": m.time_bound, "energy": m.energy_bound, "cost": m.cost_bound}
        flows, ends = [x for _, _, x in m.flow], {(i, len(self.t)) for i in self.order}
        known = {(i, j) for i, j, _ in m.flow} <= self.edges | ends and (
            not m.area or self.capacity
        )
        if not known or any(x and key not in self.limits for key, x in prices.items()):
            return "a multiplier prices an edge, a bound or a capacity that is not there"
        if not all(0 <= x < float("inf") for x in (*m.weights, *prices.values(), m.area, *flows)):
            return "a multiplier is negative or not finite"
        if (blocks := arrange(m.blocks, self.after)) is None:
            return "the blocks do not follow from the precedence"
        home = {i: block for block in blocks.values() for i in block.stages}
        pairs = [(home[i], home[j]) for i, j, _ in m.flow if j < len(self.t)]
        if m.blocks and not all(y.follows(x, self.after) for x, y in pairs):
            return "a flow joins blocks that do not follow each other"
        right = m.weights[1] == 0 if name == "edp" else m.weights == WEIGHTS[name]
        return None if right else "the multipliers are for another objective"

    def dual(self, m: Any) -> tuple[Fraction, list[list[tuple[int, int]]], int]:
        """Return the bound of multipliers, the excess of each candidate over it, and its unit."""
        prices = (*m.weights, m.energy_bound, m.cost_bound, m.time_bound, m.area)
        labelled = (nu for pairs in m.links for _, nu in pairs)
        fine = places((*prices, *labelled, *(phi for *_, phi in m.flow)))
        w_e, w_k, w_t, l_e, l_k, l_t, area = (whole(x, fine) for x in prices)
        a, b, one = w_e + l_e, w_k + l_k, 1 << self.shift
        cells = [
            [
                a * e + b * k + (area * u * t >> self.shift)
                for t, e, k, u in zip(*rows, strict=True)
            ]
            for rows in zip(self.t, self.e, self.k, self.u, strict=True)
        ]
        for (parent, child, *labels), pairs in zip(self.links, m.links, strict=False):
            for sign, i, own in zip((-one, one), (parent, child), labels, strict=True):
                price = {label: sign * whole(nu, fine) for label, nu in pairs}
                cells[i] = [x + price.get(y, 0) for x, y in zip(cells[i], own, strict=True)]
        blocks = arrange(m.blocks, self.after) or {}
        home = {i: number for number, block in blocks.items() for i in block.stages}
        into, out = dict.fromkeys((*blocks, None), 0), dict.fromkeys(blocks, 0)
        for i, j, phi in m.flow:  # to None where it ends
            out[home[i]] += whole(phi, fine)
            into[home.get(j)] += whole(phi, fine)
        table = zip(self.t, cells, self.alone, strict=True)
        rows = [[(t[c], v[c]) for c in own] for t, v, own in table]
        bound, excess = 0, []
        for number, frontier in frontiers(m.blocks, rows).items():
            worth = [v + out[number] * t for t, v in self.within(blocks[number], frontier)]
            bound += (least := min(worth))
            if not m.blocks:
                above = ((x - least, c) for x, c in zip(worth, self.alone[number], strict=True))
                excess.append(sorted(above))
        free = a * self.idle + b * self.rent + (w_t + l_t - into[None]) * one
        short = sum(min(0, out[number] - into[number]) for number in blocks)
        lost = short + min(Fraction(0), Fraction(free, one) - area * self.capacity)
        priced = {"time": l_t, "energy": l_e, "cost": l_k}
        paid = sum(priced[m] * limit for m, limit in self.limits.items())
        return (
            (Fraction(bound, one) + lost * self.horizon - paid) / (1 << fine),
            excess,
            one << fine,
        )

    def within(self, block: Block, frontier: Frontier) -> Frontier:
        """Return the points that leave time for what comes before and after the block."""
        if "time" not in self.limits or len(block.stages) == 1:
            return frontier
        rest = min(self.head[i] for i in block.first) + min(self.tail[i] for i in block.last)
        most = floor(self.limits["time"] * (1 << self.shift)) - rest
        return [(t, v) for t, v in frontier if t <= most] or frontier

    def proved_bound(self, name: str, proofs: Any) -> Fraction:
        """Return what sets of multipliers prove together; one with a flaw proves nothing."""
        sound = [(m.weights, self.dual(m)[0]) for m in proofs if not self.flaw(name, m)]
        if name != "edp":
            return max([Fraction(0), *(bound for _, bound in sound)])
        return least_product([(Fraction(w[0]), Fraction(w[2]), bound) for w, bound in sound])
