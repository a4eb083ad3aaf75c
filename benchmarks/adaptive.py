"""How little adaptive profiling needs to measure, on runs that are replayed.

    python -m benchmarks.adaptive [--quick] [--seeds 50]

Each sampler measures one configuration of every stage a run; after some runs the plan that this
supports (least joules within 1.5 times the fastest makespan) is compared with the best plan of
the truth. Regret is the share of joules lost plus the share by which the deadline is exceeded.
``adaptive`` chooses by ``decision.RegretRule`` and stops at an estimated regret of 3 %, or when
what could change the plan was measured three times (``kept``: the share of sweeps, in %, that end
with no more than that in truth; ``sure``: that end since they estimate so; ``held``: of these);
``random`` is an ordinary sweep, whose order is random and balanced; ``lhs`` is a Latin hypercube
of each size. Plans are made by the same rule for all three, and figures are 90th percentiles over
seeds. Seconds are those of the stages, one after another; ``<`` tells a ratio to random sampling
that had not come there after the whole grid. See ``benchmarks.replay`` and
``benchmarks.made_truths`` for the workflows: no run is executed, and a star marks joules that were
made up.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import process_time

import numpy as np

from benchmarks.drawn_workflows import DESIGNS
from benchmarks.made_truths import Lawful, Synthetic
from benchmarks.replay import Recorded, Truth
from flexecutor_energy.decision import RegretRule
from flexecutor_energy.decision.losses import regret_of
from flexecutor_energy.optimization.objective import Objective
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.profiling.adaptive import AdaptiveSchedule
from flexecutor_energy.profiling.guide import Advice, Guide
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig

EPSILON, SLACK, SHARE = 0.03, 1.5, 0.3
LEAST = 4


@dataclass
class Path:
    """One sweep: what was known of the plan after each run, and at its end."""

    seconds: list[float]
    regret: dict[int, float]
    cpu_s: float = 0.0
    sure: bool = False  # ended since its own estimate was small

    def at(self, runs: int) -> float:
        """Return the regret after so many runs; of a sweep that ended, at its end."""
        known = [count for count in self.regret if count <= runs]
        return self.regret[max(known)] if known else np.inf

    def spent(self, runs: int) -> float:
        """Return the seconds of so many runs, or of all where there were fewer."""
        return float(np.sum(self.seconds[:runs]))


class Replay:
    """Sweeps of one truth."""

    def __init__(self, truth: Truth, objective: Objective) -> None:
        self.truth = truth
        self.request = truth.request(objective, SLACK)
        self.best = truth.best(self.request)

    def regret(self, configs: Mapping[str, StageConfig]) -> float:
        """Return the true regret of a plan."""
        ours = self.truth.totals(self.request, configs)
        return regret_of(self.request, ours, self.best)

    def rule(self, seed: int) -> RegretRule:
        """Return the rule that plans, and that the adaptive sweep follows."""
        return RegretRule(self.truth.graph, self.truth.space, self.request, seed)

    def adaptive(self, seed: int) -> Path:
        """Return a sweep that stops by its own estimate."""
        rule, path, cpu_s = self.rule(seed), Path([], {}), []

        def watched(profiles: Mapping[str, Profile]) -> Advice:
            begin = process_time()
            advice = rule(profiles)
            cpu_s.append(process_time() - begin)
            path.regret[len(path.seconds)] = self.regret(advice.planned)
            return advice

        truth = self.truth
        guide = AdaptiveSchedule(truth.graph, truth.space, watched, 3, {}, EPSILON, seed)
        self._play(guide, seed, path, truth.grid)
        assert guide.regret is not None  # also after the last run
        path.cpu_s = float(np.mean(cpu_s))
        path.sure = guide.regret.upper <= EPSILON
        return path

    def random(self, seed: int, sizes: Sequence[int]) -> Path:
        """Return an ordinary sweep, judged after some numbers of runs."""
        path = Path([], {})
        guide = Schedule(self.truth.graph, self.truth.space, 3, {}, seed)
        self._play(guide, seed, path, max(sizes), sizes)
        return path

    def hypercube(self, seed: int, size: int) -> Path:
        """Return a Latin hypercube of a size."""
        chance, path = np.random.default_rng([seed, size]), Path([], {})
        spaces = {
            stage: ConfigSpace.of(latin(self.truth.space.for_stage(stage), size, chance))
            for stage in self.truth.graph.stage_ids
        }
        guide = Schedule(self.truth.graph, ConfigSpace(stages=spaces), 1, {}, seed)
        self._play(guide, seed, path, size, [size])
        return path

    def _play(
        self, guide: Guide, seed: int, path: Path, most: int, judged: Sequence[int] = ()
    ) -> None:
        truth, generator = self.truth, np.random.default_rng([seed, 7])
        runs: dict[str, list[StageRun]] = {stage: [] for stage in truth.graph.stage_ids}
        rule = self.rule(seed)
        while len(path.seconds) < most and (configs := guide.next_configs()) is not None:
            seconds = 0.0
            for stage, config in configs.items():
                fan_in = {p: configs[p].workers for p in truth.parents.get(stage, ())}
                run = truth.run(stage, config, fan_in, generator)
                run = replace(run, meta={**run.meta, "run_id": f"r{len(path.seconds)}"})
                guide.measured(stage, config, run)
                runs[stage].append(run)
                seconds += run.time_s or 0.0
            path.seconds.append(seconds)
            if len(path.seconds) in judged:
                known = {s: Profile(truth.graph.name, s, tuple(r)) for s, r in runs.items()}
                path.regret[len(path.seconds)] = self.regret(rule(known).planned)


def latin(
    configs: tuple[StageConfig, ...], size: int, chance: np.random.Generator
) -> list[StageConfig]:
    """Return a Latin hypercube of cpu and workers, snapped to the configurations there are."""
    points = np.log([[c.cpu, c.workers] for c in configs])
    points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-9)
    cells = np.stack([chance.permutation(size) for _ in range(2)], axis=1)
    wanted = (cells + chance.uniform(size=cells.shape)) / size
    chosen: list[int] = []
    for place in wanted:
        apart = np.sum((points - place) ** 2, axis=1)
        if len(chosen) < len(configs):
            apart[chosen] = np.inf
        chosen.append(int(np.argmin(apart)))
    return [configs[i] for i in dict.fromkeys(chosen)]


def sizes_of(grid: int) -> list[int]:
    """Return the numbers of runs at which plans of the other samplers are judged."""
    shares = (SHARE, 0.45, 0.6, 0.8, 1.0)
    return sorted({max(LEAST, int(share * grid)) for share in shares})


def needed(regrets: Mapping[int, FloatArray]) -> int | None:
    """Return the least number of runs from which the 90th percentile stays within bounds."""
    found = None
    for size in sorted(regrets, reverse=True):
        if np.quantile(regrets[size], 0.9) > EPSILON:
            break
        found = size
    return found


def report(truth: Truth, objective: Objective, seeds: int) -> None:
    """Print one line of the table."""
    replay = Replay(truth, objective)
    sizes = sizes_of(truth.grid)
    adaptive = [replay.adaptive(seed) for seed in range(seeds)]
    random = [replay.random(seed, sizes) for seed in range(seeds)]
    cubes = {n: [replay.hypercube(seed, n) for seed in range(seeds)] for n in sizes}
    every = range(LEAST, truth.grid + 1)
    ours = needed({n: np.array([p.at(n) for p in adaptive]) for n in every})
    theirs = needed({n: np.array([p.at(n) for p in random]) for n in sizes})
    cube = needed({n: np.array([p.at(n) for p in cubes[n]]) for n in sizes})
    share = max(LEAST, int(SHARE * truth.grid))
    near = max(n for n in sizes if n <= share)
    at = [
        np.quantile([p.at(share) for p in adaptive], 0.9),
        np.quantile([p.at(near) for p in random], 0.9),
        np.quantile([p.at(near) for p in cubes[near]], 0.9),
    ]
    ends = np.array([p.at(truth.grid) for p in adaptive])
    used = np.array([len(p.seconds) for p in adaptive])
    sure = np.array([p.sure for p in adaptive])
    held = f"{100 * np.mean(ends[sure] <= EPSILON):.0f}" if np.any(sure) else "-"
    spent = [
        None if ours is None else np.mean([p.spent(ours) for p in adaptive]),
        None if theirs is None else np.mean([p.spent(theirs) for p in random]),
        None if cube is None else np.mean([p.spent(cube) for p in cubes[cube]]),
    ]
    least = spent[1] or np.mean([p.spent(truth.grid) for p in random])
    ratio = "-" if spent[0] is None else f"{'' if spent[1] else '<'}{spent[0] / least:.2f}"
    print(
        f"{truth.name:<24}{truth.grid:>5}"
        + "".join(f"{100 * value:>7.1f}" for value in at)
        + "".join(f"{'-' if n is None else n:>6}" for n in (ours, theirs, cube))
        + "".join(f"{'-' if s is None else round(float(s)):>7}" for s in spent)
        + f"{ratio:>7}"
        + f"{np.median(used):>6.0f}{np.quantile(used, 0.9):>5.0f}"
        + f"{100 * np.median(ends):>7.1f}{100 * np.quantile(ends, 0.9):>7.1f}"
        + f"{100 * np.mean(ends <= EPSILON):>6.0f}{100 * np.mean(sure):>6.0f}{held:>6}"
        + f"{np.mean([p.cpu_s for p in adaptive]):>7.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="8 seeds, fewer workflows")
    parser.add_argument("--only", default="", help="workflows whose name contains this")
    given = parser.parse_args()
    seeds = 8 if given.quick else given.seeds
    truths: list[Truth] = [Recorded(w) for w in WORKFLOW_NAMES]
    truths += [Lawful(design, 0) for design in DESIGNS if design.name in DRAWN_NAMES]
    truths += [Synthetic(w, s) for s in range(1 if given.quick else 2) for w in WORKFLOW_NAMES]
    print(
        f"{'':<24}{'':>5}{'p90 regret at 30 %':>21}{'runs to p90≤3 %':>18}{'seconds':>21}"
        f"{'':>7}{'at the stop':>43}"
    )
    print(
        f"{'truth':<24}{'grid':>5}{'adapt':>7}{'rand':>7}{'lhs':>7}{'adapt':>6}{'rand':>6}"
        f"{'lhs':>6}{'adapt':>7}{'rand':>7}{'lhs':>7}{'ratio':>7}{'runs':>6}{'p90':>5}{'med':>7}"
        f"{'p90':>7}{'kept':>6}{'sure':>6}{'held':>6}{'CPU s':>7}"
    )
    for truth in truths:
        if given.only in truth.name:
            report(truth, "energy", seeds)


WORKFLOW_NAMES = ("aws_titanic_x86", "aws_titanic_arm", "jolteon_ml", "ml_2core_vm")
DRAWN_NAMES = ("ten reps", "cluster", "one host")

if __name__ == "__main__":
    main()
