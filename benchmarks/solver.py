"""How the solver's gap and time grow with the size and the shape of a workflow.

    python benchmarks/solver.py --sizes 4x24 10x50 30x100 --shapes chain fork-join layered

Stages are drawn with a speed-up law per stage (work, parallel share, cost of each worker) over
random configurations, so that no two stages have the same trade-off. Each line is one instance:
least energy under a deadline of ``--slack`` times the fastest plan, with idle power.
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from flexecutor_energy.errors import GapError
from flexecutor_energy.optimization import Problem, solve, verify

CPU = (0.5, 1.0, 2.0, 4.0)
MOST_WORKERS = 32

Edges = list[tuple[int, int]]


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


SHAPES: dict[str, Callable[[int, np.random.Generator], Edges]] = {
    "chain": chain,
    "fork-join": fork_join,
    "layered": layered,
}


def instance(shape: str, stages: int, configurations: int, seed: int) -> Problem:
    """Return a workflow without bounds, the same for the same arguments."""
    generator = np.random.default_rng([seed, stages, configurations])
    times, energies, costs = [], [], []
    for _ in range(stages):
        cpu = generator.choice(CPU, configurations)
        workers = generator.integers(1, MOST_WORKERS + 1, configurations)
        work, share = generator.uniform(5, 60), generator.uniform(0.6, 0.95)
        start, per_worker = generator.uniform(0.5, 2), generator.uniform(0.02, 0.08)
        noise = generator.uniform(0.97, 1.03, configurations)
        seconds = (work / (cpu * workers) ** share + per_worker * workers + start) * noise
        times.append(seconds)
        energies.append(2.0 * cpu * workers * seconds + 5.0 * workers)
        costs.append(1.7e-5 * cpu * workers * seconds)
    edges = SHAPES[shape](stages, generator)
    return Problem(times, energies, costs, edges, idle_power_w=3.0)


def measure(problem: Problem, arguments: argparse.Namespace) -> str:
    """Solve one instance and return its line of the table."""
    begin = time.perf_counter()
    fastest = solve(problem, "time", time_limit_s=arguments.time_limit).makespan_s
    bounded = problem.with_bounds({"time": arguments.slack * fastest})
    solving = time.perf_counter()
    try:
        solution = solve(bounded, arguments.objective, arguments.gap, arguments.time_limit)
    except GapError:
        return f"{solving - begin:>9.2f}{time.perf_counter() - solving:>9.2f}  no plan in time"
    checking = time.perf_counter()
    certificate = solution.certificate
    verification = verify(bounded.to_data(), solution.choice, certificate)
    end = time.perf_counter()
    proved = 1 - verification.proved_bound / certificate.objective
    return (
        f"{solving - begin:>9.2f}{checking - solving:>9.2f}{end - checking:>9.2f}"
        f"{certificate.gap:>10.3%}{max(proved, 0):>10.3%}  "
        f"{certificate.solver}{'' if verification.ok else ' NOT VERIFIED'}"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["4x24", "10x50", "30x100"])
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--objective", default="energy", choices=["energy", "cost", "edp"])
    parser.add_argument("--slack", type=float, default=1.5, help="deadline / fastest makespan")
    parser.add_argument("--gap", type=float, default=0.005, help="relative gap to stop at")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each solve")
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    print("seconds: to the fastest plan, to solve, to verify; gap: claimed, proved without solver")
    print(
        f"{'shape':<11}{'stages':>7}{'configs':>8}{'seed':>5}{'fastest':>9}{'solve':>9}"
        f"{'verify':>9}{'gap':>10}{'proved':>10}  by"
    )
    for size in chosen.sizes:
        stages, configurations = (int(part) for part in size.split("x"))
        for shape in chosen.shapes:
            for seed in chosen.seeds:
                line = measure(instance(shape, stages, configurations, seed), chosen)
                print(f"{shape:<11}{stages:>7}{configurations:>8}{seed:>5}{line}", flush=True)


if __name__ == "__main__":
    main()
