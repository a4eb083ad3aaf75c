"""The problem as a (mixed-integer) linear program, solved by HiGHS through SciPy.

Variables are the shares x_ic of the kept candidates, the starts S_i and the makespan M::

    Σ_c x_ic = 1                       S_i + Σ_c t_ic x_ic ≤ S_j  for each edge, ≤ M for sinks
    Σ e x + P·M ≤ max_energy …         Σ_{c: label f} x_ic = Σ_{c: label f} x_pc  for each link
    Σ u t x ≤ capacity · M             (a relaxation of what a schedule must keep)

Rows are scaled to the order of one, so that HiGHS' absolute tolerances mean the same for
microdollars and for megajoules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, hstack

from flexecutor_energy.optimization.certificate import Multipliers
from flexecutor_energy.optimization.objective import Weights, bounded
from flexecutor_energy.optimization.problem import (
    Choice,
    FloatArray,
    IntArray,
    Label,
    Metric,
    Problem,
)
from flexecutor_energy.optimization.rows import Rows
from flexecutor_energy.optimization.silence import stdout_to_stderr

SOLVER = "highs"
SOLVER_VERSION = f"scipy {scipy.__version__}"
SMALLEST_BOUND = 1e-6
"""Bounds below this share of a single candidate's value are scaled by the latter."""

OBJECTIVE_SCALE = 1e5
"""The scaled objective: HiGHS stops at an absolute gap of 1e-6, so at 1e-11 of this."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The linear relaxation.

    Attributes
    ----------
    bound : its value, a lower bound on the objective
    multipliers : what proves it
    shares : for each stage the share of each of its candidates in the program; None where it was
        not solved in time
    starts_s : start of each stage, and the makespan, seconds; None likewise
    """

    bound: float
    multipliers: Multipliers
    shares: tuple[FloatArray, ...] | None = None
    starts_s: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Branched:
    """What branch-and-bound found: a choice (or none in time) and the bound it claims."""

    choice: Choice | None
    claimed: float


class LinearProgram:
    """The program over the kept candidates of a problem; any objective can be minimised on it.

    Parameters
    ----------
    problem : the problem
    kept : the candidate indices of each stage that may be chosen, none of them empty
    """

    def __init__(self, problem: Problem, kept: Sequence[IntArray]) -> None:
        self._problem, self._kept = problem, kept
        ends = np.cumsum([0, *(len(candidates) for candidates in kept)])
        self._blocks = [np.arange(*ends[i : i + 2], dtype=np.intp) for i in problem.stages]
        self._start = int(ends[-1])
        self._makespan = self._start + len(kept)
        self._width = self._makespan + 1
        self._second = _typical_makespan(problem, kept)
        self._flow: list[tuple[int, int]] = []
        self._prices: list[tuple[Metric, float]] = []
        self._area: float | None = None
        self._labels: list[tuple[int, Label]] = []
        upper, equal = Rows(), Rows()
        self._add_precedence(upper)
        self._add_bounds(upper)
        self._add_area(upper)
        for block in self._blocks:
            equal.add([block], [np.ones(len(block))], 1.0)
        self._add_links(equal)
        self._upper, self._upper_right = upper.matrix(self._width), np.array(upper.right)
        self._equal, self._equal_right = equal.matrix(self._width), np.array(equal.right)

    def relax(self, weights: Weights, time_limit_s: float) -> Relaxation | None:
        """Solve the linear relaxation; None where not even that keeps the bounds."""
        objective = self._objective(weights)
        scale = _scale(objective)
        # the stubs of linprog know neither sparse matrices nor an array of bounds
        upper: Any = self._upper
        equal: Any = self._equal
        ranges: Any = self._ranges()
        answer = linprog(
            objective / scale,
            A_ub=upper,
            b_ub=self._upper_right,
            A_eq=equal,
            b_eq=self._equal_right,
            bounds=ranges,
            method="highs",
            options={"time_limit": max(time_limit_s, 0.01)},
        )
        if answer.status == 2:
            return None
        if answer.status != 0 or answer.x is None:
            return self.unrelaxed(weights)
        upper_prices = -scale * answer.ineqlin.marginals
        equal_prices = -scale * answer.eqlin.marginals
        return Relaxation(
            float(answer.fun or 0.0) * scale,
            self._multipliers(weights, upper_prices, equal_prices),
            tuple(answer.x[block] for block in self._blocks),
            answer.x[self._start :] * self._second,
        )

    def unrelaxed(self, weights: Weights) -> Relaxation:
        """Return the relaxation that says nothing: its bound is zero."""
        return Relaxation(0.0, Multipliers.none(self._problem, weights))

    def minimise(
        self,
        weights: Weights,
        *,
        gap: float,
        time_limit_s: float,
        typical: float,
        known: float | None = None,
    ) -> Branched | None:
        """Solve the integer program; None where no choice keeps the bounds.

        Parameters
        ----------
        weights : the objective
        gap : the relative gap at which to stop
        time_limit_s : seconds after which the best choice so far is returned
        typical : the order of magnitude of the objective, such as its linear bound
        known : objective of a plan that is known; only better ones are looked for
        """
        objective = self._objective(weights)
        scale = (typical if typical > 0 else _scale(objective)) / OBJECTIVE_SCALE
        objective, ranges = objective / scale, self._ranges()
        upper, equal = self._upper, self._equal
        integral = np.arange(self._width) < self._start
        if known is not None:
            # one more candidate, for all stages together: the plan that is known, at its price
            equal = _widened(equal, self._equal_right)
            upper = _widened(upper, self._upper_right)
            objective, integral = np.append(objective, known / scale), np.append(integral, True)
            ranges = np.vstack([ranges, [0.0, 1.0]])
        with stdout_to_stderr():
            answer = milp(
                objective,
                integrality=integral.astype(np.intp),
                bounds=Bounds(ranges[:, 0], ranges[:, 1]),
                constraints=[
                    LinearConstraint(upper, -np.inf, self._upper_right),
                    LinearConstraint(equal, self._equal_right, self._equal_right),
                ],
                options={"mip_rel_gap": gap, "time_limit": max(time_limit_s, 0.01)},
            )
        if answer.status == 2:
            return None
        claimed = answer.mip_dual_bound
        claimed = float(claimed) * scale if claimed is not None and np.isfinite(claimed) else 0.0
        if answer.x is None or (known is not None and answer.x[-1] > 0.5):
            return Branched(None, claimed)
        picked = [
            int(kept[np.argmax(answer.x[block])])
            for kept, block in zip(self._kept, self._blocks, strict=True)
        ]
        return Branched(tuple(picked), claimed)

    def _add_precedence(self, upper: Rows) -> None:
        stages = len(self._problem.times)
        self._flow += self._problem.edges
        self._flow += [(i, stages) for i in self._problem.stages if not self._problem.children[i]]
        durations = [
            times[own] / self._second
            for times, own in zip(self._problem.times, self._kept, strict=True)
        ]
        ends = np.array(self._flow, dtype=np.intp).reshape(-1, 2) + self._start
        signs = np.array([1.0, -1.0])
        for (i, _), columns in zip(self._flow, ends, strict=True):
            # S_end is the makespan: its column follows those of the starts
            upper.add([self._blocks[i], columns], [durations[i], signs], 0.0)

    def _add_bounds(self, upper: Rows) -> None:
        for metric in bounded(self._problem):
            row = self._objective(Weights.of(metric))
            limit = self._problem.limit(metric)
            unit = max(limit, _scale(row) * SMALLEST_BOUND)
            self._prices.append((metric, unit))
            used = np.flatnonzero(row)
            upper.add([used], [row[used] / unit], limit / unit)

    def _add_area(self, upper: Rows) -> None:
        problem = self._problem
        if problem.capacity is None or problem.cores is None:
            return
        self._area = problem.capacity * self._second
        areas = [
            problem.cores[i][kept] * problem.times[i][kept] / self._area
            for i, kept in enumerate(self._kept)
        ]
        end = np.array([self._makespan])
        upper.add([*self._blocks, end], [*areas, np.array([-1.0])], 0.0)

    def _add_links(self, equal: Rows) -> None:
        for number, link in enumerate(self._problem.couplings):
            above = _by_label(link.parent_labels, self._kept[link.parent])
            below = _by_label(link.child_labels, self._kept[link.child])
            for label in {**above, **below}:
                plus = self._blocks[link.child][below.get(label, [])]
                minus = self._blocks[link.parent][above.get(label, [])]
                self._labels.append((number, label))
                equal.add([plus, minus], [np.ones(len(plus)), -np.ones(len(minus))], 0.0)

    def _objective(self, weights: Weights) -> FloatArray:
        coefficients = np.zeros(self._width)
        problem = self._problem
        for values, weight in ((problem.energies, weights.energy), (problem.costs, weights.cost)):
            if weight and values is not None:
                for block, own, kept in zip(self._blocks, values, self._kept, strict=True):
                    coefficients[block] += weight * own[kept]
        coefficients[self._makespan] = weights.per_second(self._problem) * self._second
        return coefficients

    def _ranges(self) -> FloatArray:
        ranges = np.zeros((self._width, 2))
        ranges[: self._start, 1] = 1.0
        ranges[self._start :, 1] = np.inf
        return ranges

    def _multipliers(self, weights: Weights, upper: FloatArray, equal: FloatArray) -> Multipliers:
        flows, prices, area = np.split(
            np.maximum(upper, 0.0), np.cumsum([len(self._flow), len(self._prices)])
        )
        priced = {
            metric: float(price) / unit
            for (metric, unit), price in zip(self._prices, prices, strict=True)
        }
        links: list[list[tuple[Label, float]]] = [[] for _ in self._problem.links]
        for (number, label), price in zip(self._labels, equal[len(self._blocks) :], strict=True):
            if price:
                links[number].append((label, float(price)))
        return Multipliers(
            weights=weights,
            flow=tuple(
                (i, j, float(flow) / self._second)
                for (i, j), flow in zip(self._flow, flows, strict=True)
                if flow
            ),
            time_bound=priced.get("time", 0.0),
            energy_bound=priced.get("energy", 0.0),
            cost_bound=priced.get("cost", 0.0),
            area=0.0 if self._area is None else float(area[0]) / self._area,
            links=tuple(map(tuple, links)),
        )


def _by_label(labels: Sequence[Label], kept: IntArray) -> dict[Label, list[int]]:
    """Return the positions within `kept` of each label."""
    positions: dict[Label, list[int]] = {}
    for position, candidate in enumerate(kept):
        positions.setdefault(labels[candidate], []).append(position)
    return positions


def _widened(matrix: Any, column: FloatArray) -> Any:
    return csr_array(hstack([matrix, csr_array(column[:, None])]))


def _scale(coefficients: FloatArray) -> float:
    largest = float(np.max(np.abs(coefficients), initial=0.0))
    return largest if largest > 0 else 1.0


def _typical_makespan(problem: Problem, kept: Sequence[IntArray]) -> float:
    """Return the makespan of the fastest candidates, or one second where that is zero."""
    ends = [0.0] * len(kept)
    for stage in problem.order:
        begin = max((ends[parent] for parent in problem.parents[stage]), default=0.0)
        ends[stage] = begin + float(problem.times[stage][kept[stage]].min())
    return max(ends) or max(float(times.max()) for times in problem.times) or 1.0
