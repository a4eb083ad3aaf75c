"""Check a plan and its lower bound in exact rational arithmetic, without a solver.

Any multipliers φ, λ, α ≥ 0 and ν bound ``w_E·E + w_K·K + w_T·M`` from below (weak duality).
With ``a = w_E + λ_E``, ``b = w_K + λ_K``, idle power P, host price ρ, capacity C and H, the sum
of the longest durations, the bound is::

    Σ_i min_c [a·e_ic + b·k_ic + (out_i + α·u_ic)·t_ic ± ν]    in_i, out_i: flow φ through stage i
      + H·Σ_i min(0, out_i - in_i)                             as a start lies in [0, H]
      + H·min(0, a·P + b·ρ + w_T + λ_T - flow to the end - α·C)     and so does the makespan
      - λ_T·max_time - λ_E·max_energy - λ_K·max_cost

For ``edp`` each set of multipliers proves a half-plane of (E, M), and ``E·M`` is least at a
corner of their intersection. What a search claims beyond that, `refute` searches again.
"""

from dataclasses import dataclass
from fractions import Fraction
from graphlib import TopologicalSorter
from typing import Any

from flexecutor_energy.optimization import refute
from flexecutor_energy.optimization.fingerprint import fingerprint
from flexecutor_energy.optimization.rational import least_product, rounded_down

SLACK = Fraction(1, 10**9)  # the relative tolerance up to which bounds count as kept
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
    if bound < goal and name != "edp" and proofs:
        better, done = refute.search(problem, name, proofs[0], goal, max_steps)
        bound = goal if done and better is None else bound
        found += [] if better is None else [f"the lower bound is wrong: {better} is below it"]
    return Verification(not found, rounded_down(bound), float(value), tuple(found))


class Exact:
    """A problem in rational numbers; values that are not known count as zero."""

    def __init__(self, data: Any) -> None:
        zeros = [[0] * len(row) for row in data["times"]]
        tables = (data[key] or zeros for key in ("times", "energies", "costs", "cores"))
        self.t, self.e, self.k, self.u = ([[*map(Fraction, row)] for row in t] for t in tables)
        self.idle, self.rent = Fraction(data["idle_power_w"]), Fraction(data["host_price_usd_s"])
        self.limits = {m: Fraction(v) * (1 + SLACK) for m in WEIGHTS if (v := data[f"max_{m}"])}
        self.capacity = Fraction(data["capacity"] or 0) * (1 + SLACK)
        self.edges, self.links = {(i, j) for i, j in data["edges"]}, data["links"]
        self.above = {j: [i for i, k in self.edges if k == j] for j in range(len(self.t))}
        self.order = tuple(TopologicalSorter(self.above).static_order())

    def totals(self, choice: Any, starts: Any = None) -> tuple[dict[str, Fraction], list[str]]:
        """Return time, energy and cost of a choice, and what it breaks."""
        rows = zip(self.t, self.e, self.k, self.u, choice, strict=True)
        t, e, k, u = zip(*([column[c] for column in columns] for *columns, c in rows), strict=True)
        blur, begin, broken = SLACK * sum(t), dict[int, Fraction](), list[str]()
        for i in self.order:
            ready = max((begin[j] + t[j] for j in self.above[i]), default=Fraction(0))
            begin[i] = ready if starts is None else Fraction(starts[i])
            broken += [f"stage {i} starts too early"] if begin[i] < ready - blur else []
        span = max(begin[i] + t[i] for i in begin)
        energy, cost = sum(e, self.idle * span), sum(k, self.rent * span)
        total = {"time": span, "energy": energy, "cost": cost}
        broken += [f"max_{m} is broken" for m, limit in self.limits.items() if total[m] > limit]
        for p, c, above, below in self.links:
            broken += [] if above[choice[p]] == below[choice[c]] else [f"{p}, {c} do not match"]
        for now in [x + blur for x in begin.values()] if self.capacity else ():
            busy = sum(u[j] for j, x in begin.items() if x <= now < x + t[j])
            broken += ["too many cores are in use at once"] if busy > self.capacity else []
        return total, broken

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
        right = m.weights[1] == 0 if name == "edp" else m.weights == WEIGHTS[name]
        return None if right else "the multipliers are for another objective"

    def dual(self, m: Any) -> tuple[Fraction, list[list[tuple[Fraction, int]]]]:
        """Return the bound of a set of multipliers, and each candidate's excess over it."""
        w_e, w_k, w_t, l_e, l_k, l_t, area = map(
            Fraction, (*m.weights, m.energy_bound, m.cost_bound, m.time_bound, m.area)
        )
        a, b, stages = w_e + l_e, w_k + l_k, len(self.t)
        into, out, zero = [Fraction(0)] * (stages + 1), [Fraction(0)] * stages, Fraction(0)
        for i, j, phi in m.flow:  # j is the number of stages for flow to the end
            out[i], into[j] = out[i] + Fraction(phi), into[j] + Fraction(phi)
        cells = [
            [a * e + b * k + (phi + area * u) * t for t, e, k, u in zip(*rows, strict=True)]
            for *rows, phi in zip(self.t, self.e, self.k, self.u, out, strict=True)
        ]
        for (parent, child, *labels), prices in zip(self.links, m.links, strict=False):
            for sign, i, own in zip((-1, 1), (parent, child), labels, strict=True):
                price = {label: sign * Fraction(nu) for label, nu in prices}
                cells[i] = [x + price.get(y, 0) for x, y in zip(cells[i], own, strict=True)]
        priced = {"time": l_t, "energy": l_e, "cost": l_k}
        bound, excess = -sum((priced[m] * x for m, x in self.limits.items()), zero), []
        for i, row in enumerate(cells):
            alone = [c for c in range(len(row)) if self.admits(i, c)] or range(len(row))
            bound += (least := min(row[c] for c in alone))
            excess.append(sorted((row[c] - least, c) for c in alone))
        free = a * self.idle + b * self.rent + w_t + l_t - into[stages] - area * self.capacity
        short = sum((min(zero, out[i] - into[i]) for i in range(stages)), min(zero, free))
        return bound + short * sum(max(row) for row in self.t), excess

    def admits(self, i: int, c: int) -> bool:
        """Tell whether a candidate breaks no bound by itself."""
        own = {"time": self.t[i][c], "energy": self.e[i][c], "cost": self.k[i][c]}
        fits = not self.capacity or self.u[i][c] <= self.capacity
        return fits and all(own[name] <= limit for name, limit in self.limits.items())

    def proved_bound(self, name: str, proofs: Any) -> Fraction:
        """Return what sets of multipliers prove together; one with a flaw proves nothing."""
        sound = [(m.weights, self.dual(m)[0]) for m in proofs if not self.flaw(name, m)]
        if name != "edp":
            return max([Fraction(0), *(bound for _, bound in sound)])
        return least_product([(Fraction(w[0]), Fraction(w[2]), bound) for w, bound in sound])
