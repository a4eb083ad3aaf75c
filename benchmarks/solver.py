"""How the solver's gap and time grow with the size, the shape and the hardness of a workflow.

    python benchmarks/solver.py --sizes 10x50 30x50 100x50 300x50 1000x50 --time-limit 15
    python benchmarks/solver.py --kinds noise steps --slacks 1.05 1.2 1.5 2

Each line is one instance: least energy under a deadline of ``slack`` times the fastest plan, with
idle power. The kinds of candidates, from kind to hard:

- ``law``: a speed-up law per stage (work, parallel share, cost of each worker) with 3 % noise;
- ``convex``: energy falls with a power of time, nearly all candidates on their convex hull;
- ``line``: energy falls linearly with time, up to noise: many neighbours are worth the same;
- ``steps``: four distinct speeds a stage, so that slack comes in large pieces;
- ``concave``: all candidates but two lie above their convex hull, where relaxations are wrong;
- ``noise``: time and energy have nothing to do with each other.

Where several sizes are asked for, a last line says how time and gap grow from each to the next.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization import Problem, solve, verify

CPU = (0.5, 1.0, 2.0, 4.0)
MOST_WORKERS = 32

Edges = list[tuple[int, int]]
Stage = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Seconds, joules and USD of the candidates."""


def chain(stages: int, generator: np.random.Generator) -> Edges:
    del generator
    return [(i, i + 1) for i in range(stages - 1)]


def fork_join(stages: int, generator: np.random.Generator) -> Edges:
    del generator
    middle = range(1, stages - 1)
    return [(0, i) for i in middle] + [(i, stages - 1) for i in middle]


def layered(stages: int, generator: np.random.Generator) -> Edges:
    width = max(2, round(stages**0.5))
    layers = [range(begin, min(begin + width, stages)) for begin in range(0, stages, width)]
    edges = []
    for above, below in pairwise(layers):
        for child in below:
            parents = generator.choice(above, size=min(2, len(above)), replace=False)
            edges += [(int(parent), child) for parent in parents]
    return edges


def barriers(stages: int, generator: np.random.Generator) -> Edges:
    """Layers in which every stage waits for the whole layer before it."""
    del generator
    width = max(2, round(stages**0.5))
    layers = [range(begin, min(begin + width, stages)) for begin in range(0, stages, width)]
    return [(i, j) for above, below in pairwise(layers) for i in above for j in below]


SHAPES: dict[str, Callable[[int, np.random.Generator], Edges]] = {
    "chain": chain,
    "fork-join": fork_join,
    "layered": layered,
    "barriers": barriers,
}


def law(count: int, generator: np.random.Generator) -> Stage:
    cpu = generator.choice(CPU, count)
    workers = generator.integers(1, MOST_WORKERS + 1, count)
    work, share = generator.uniform(5, 60), generator.uniform(0.6, 0.95)
    start, per_worker = generator.uniform(0.5, 2), generator.uniform(0.02, 0.08)
    noise = generator.uniform(0.97, 1.03, count)
    seconds = (work / (cpu * workers) ** share + per_worker * workers + start) * noise
    joules = 2.0 * cpu * workers * seconds + 5.0 * workers
    return seconds, joules, 1.7e-5 * cpu * workers * seconds


def convex(count: int, generator: np.random.Generator) -> Stage:
    seconds = np.exp(generator.uniform(0, 3.4, count)) * generator.uniform(0.5, 2)
    joules = 100 * seconds ** -generator.uniform(0.3, 1.5) * generator.uniform(1, 1.1, count)
    return seconds, joules, _priced(joules, generator)


def line(count: int, generator: np.random.Generator) -> Stage:
    slowness = generator.uniform(0, 1, count)
    seconds = 1 + generator.uniform(5, 50) * slowness
    joules = 5 + generator.uniform(30, 120) * (1 - slowness) + generator.uniform(0, 3, count)
    return seconds, joules, _priced(joules, generator)


def steps(count: int, generator: np.random.Generator) -> Stage:
    speeds = generator.uniform(1, 40, 4)
    seconds = generator.choice(speeds, count) * generator.uniform(1, 1.02, count)
    joules = 300 / seconds * generator.uniform(0.7, 1.3, count)
    return seconds, joules, _priced(joules, generator)


def concave(count: int, generator: np.random.Generator) -> Stage:
    slowness = generator.uniform(0, 1, count)
    seconds = 1 + generator.uniform(5, 50) * slowness
    joules = 1 + generator.uniform(30, 120) * (1 - slowness ** generator.uniform(1.5, 3))
    return seconds, joules, _priced(joules, generator)


def noise(count: int, generator: np.random.Generator) -> Stage:
    seconds, joules = generator.uniform(1, 60, (2, count))
    return seconds, joules, _priced(joules, generator)


def _priced(joules: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    return 1e-6 * joules * generator.uniform(0.8, 1.2, len(joules))


KINDS: dict[str, Callable[[int, np.random.Generator], Stage]] = {
    "law": law,
    "convex": convex,
    "line": line,
    "steps": steps,
    "concave": concave,
    "noise": noise,
}


def instance(
    shape: str, stages: int, configurations: int, seed: int, kind: str = "law"
) -> Problem:
    """Return a workflow without bounds, the same for the same arguments."""
    generator = np.random.default_rng([seed, stages, configurations])
    drawn = [KINDS[kind](configurations, generator) for _ in range(stages)]
    times, energies, costs = (list(column) for column in zip(*drawn, strict=True))
    edges = SHAPES[shape](stages, generator)
    return Problem(times, energies, costs, edges, idle_power_w=3.0)


def fastest(problem: Problem) -> float:
    """Return the makespan of the fastest plan, seconds."""
    ends = [0.0] * len(problem.times)
    for stage in problem.order:
        begin = max((ends[parent] for parent in problem.parents[stage]), default=0.0)
        ends[stage] = begin + float(problem.times[stage].min())
    return max(ends)


class Measured(NamedTuple):
    """What solving one instance took (s) and left (None without a plan), and its line."""

    seconds: float
    gap: float | None
    line: str


def measure(problem: Problem, slack: float, arguments: argparse.Namespace) -> Measured:
    """Solve one instance."""
    bounded = problem.with_bounds({"time": slack * fastest(problem)})
    begin = time.perf_counter()
    try:
        solution = solve(bounded, arguments.objective, arguments.gap, arguments.time_limit)
    except GapError:
        seconds = time.perf_counter() - begin
        return Measured(seconds, None, f"{seconds:>9.2f}  no plan in time")
    checking = time.perf_counter()
    certificate = solution.certificate
    verification = verify(bounded.to_data(), solution.choice, certificate)
    end = time.perf_counter()
    proved = 1 - verification.proved_bound / certificate.objective
    line = (
        f"{checking - begin:>9.2f}{end - checking:>9.2f}"
        f"{certificate.gap:>10.3%}{max(proved, 0):>10.3%}  "
        f"{certificate.solver}{'' if verification.ok else ' NOT VERIFIED'}"
    )
    return Measured(checking - begin, certificate.gap, line)


def growth(measured: Mapping[str, Sequence[Measured]]) -> str:
    """Say by what factor the time grows from size to size, and by how much the gap."""
    found = []
    for (_, small), (size, large) in pairwise(measured.items()):
        factor = sum(own.seconds for own in large) / sum(own.seconds for own in small)
        gaps = [
            fmean(own.gap for own in each if own.gap is not None)
            for each in (small, large)
            if any(own.gap is not None for own in each)
        ]
        more = f", gap {gaps[1] - gaps[0]:+.3%}" if len(gaps) == 2 else ""
        found.append(f"to {size} time x{factor:.1f}{more}")
    return "; ".join(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["10x50", "30x50", "100x50"])
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["law"])
    parser.add_argument(
        "--slacks", nargs="+", type=float, default=[1.2], help="deadline / fastest makespan"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--objective", default="energy", choices=["energy", "cost", "edp"])
    parser.add_argument("--gap", type=float, default=0.005, help="relative gap to stop at")
    parser.add_argument("--time-limit", type=float, default=15.0, help="seconds for each solve")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    print("seconds: to solve, to verify; gap: claimed, proved without trust in the search")
    print(
        f"{'shape':<11}{'kind':<9}{'stages':>7}{'configs':>8}{'slack':>6}{'seed':>5}"
        f"{'solve':>9}{'verify':>9}{'gap':>10}{'proved':>10}  by"
    )
    for shape in chosen.shapes:
        for kind in chosen.kinds:
            for slack in chosen.slacks:
                measured: dict[str, list[Measured]] = {}
                for size in chosen.sizes:
                    stages, configurations = (int(part) for part in size.split("x"))
                    for seed in chosen.seeds:
                        problem = instance(shape, stages, configurations, seed, kind)
                        found = measure(problem, slack, chosen)
                        measured.setdefault(size, []).append(found)
                        print(
                            f"{shape:<11}{kind:<9}{stages:>7}{configurations:>8}{slack:>6g}"
                            f"{seed:>5}{found.line}",
                            flush=True,
                        )
                if len(measured) > 1:
                    print(f"{shape:<11}{kind:<9}  growth: {growth(measured)}", flush=True)


if __name__ == "__main__":
    main()
