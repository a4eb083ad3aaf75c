"""How well stage times are predicted on the reference profiles.

    python -m benchmarks.prediction [--seeds 12]

Prints, for each stage, the error on configurations left out of training (mean absolute
percentage error): each family alone, and the choice among them, made without the configuration
that it then predicts. Then how often intervals hold held-out runs, what remains with only eight
profiled configurations, beyond the corner of what was profiled, and on the other repetitions
when models learn from every second one.
"""

import argparse
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.records.store import load_profile
from flexecutor_energy.workflow.config import StageConfig

PROFILES = Path(__file__).parent.parent / "profiles" / "reference"
PARENTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "jolteon_ml": {
        "stage1": ["stage0"],
        "stage2": ["stage0", "stage1"],
        "stage3": ["stage0", "stage2"],
    },
    "aws_titanic_x86": {},
    "aws_titanic_arm": {},
}
FAMILIES = ("phases", "hybrid", "physics", "lean", "gaussian", "ridge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12, help="random choices of 8 configurations")
    seeds = parser.parse_args().seeds
    for workflow, parents in PARENTS.items():
        profiles = {p.stem: load_profile(p) for p in sorted((PROFILES / workflow).glob("*.json"))}
        start = perf_counter()
        model, report = train_profiles(profiles, parents, dag=workflow)
        seconds = perf_counter() - start
        print(f"\n{workflow}: trained in {seconds:.1f} s; held-out error in %")
        print(f"{'stage':<8}" + "".join(f"{name:>9}" for name in FAMILIES) + f"{'chosen':>18}")
        for name, stage in report.stages.items():
            errors = "".join(f"{100 * stage.errors['time'][f]:9.1f}" for f in FAMILIES)
            chosen = f"{stage.predictor} {100 * (stage.mape_time or np.nan):5.1f}"
            print(f"{name:<8}{errors}{chosen:>18}")
        print_held_out(model, profiles, parents, seeds)
        print(f"median of stages {100 * (report.median_mape_time or np.nan):.1f} %")
        for level in (0.9, 0.95):
            shares = {n: s.coverages[level] or np.nan for n, s in report.stages.items()}
            worst = min(shares, key=lambda name: shares[name])
            print(
                f"intervals at {level:.0%} hold {100 * np.mean(list(shares.values())):.0f} % of "
                f"held-out runs; worst stage {worst}: {100 * shares[worst]:.0f} %"
            )
        ratios = np.concatenate([stage.runs.ratio("time") for stage in model.stages.values()])
        print(f"widest held-out measured/predicted: {np.max(ratios):.2f}, {np.min(ratios):.2f}")
        print_repeated(profiles, parents)
        factors = [model.bound_factor("time", seen=seen) for seen in (False, True)]
        print(
            f"bound factor of the makespan at 95 %: {factors[0]:.2f}, "
            f"of measured configurations {factors[1]:.2f}"
        )


def print_held_out(
    model: WorkflowModel,
    profiles: Mapping[str, Profile],
    parents: Mapping[str, Sequence[str]],
    seeds: int,
) -> None:
    """Print errors with few configurations, and beyond the corner, for each stage."""
    for name, stage in model.stages.items():
        known = set(stage.configs)
        few = []
        for seed in range(seeds if len(known) > 8 else 0):
            order = np.random.default_rng(seed).permutation(len(stage.configs))
            kept = {stage.configs[i] for i in order[:8]}
            few.append(error_without(name, profiles, parents, kept))
        cpus, workers = (sorted({getattr(c, a) for c in known}) for a in ("cpu", "workers"))
        below = {c for c in known if c.cpu < cpus[-2:][0] or c.workers < workers[-2:][0]}
        corner = error_without(name, profiles, parents, below)
        eight = f"{100 * np.mean(few):.1f} %" if few else "-"
        print(f"{name}: with 8 random configurations {eight}, largest corner {100 * corner:.1f} %")


def print_repeated(
    profiles: Mapping[str, Profile], parents: Mapping[str, Sequence[str]], level: float = 0.9
) -> None:
    """Train on every other repetition, and print how the remaining ones are predicted."""
    halves: tuple[dict[str, Profile], dict[str, Profile]] = ({}, {})
    for name, profile in profiles.items():
        order = Counter[StageConfig]()
        sides: tuple[list[StageRun], list[StageRun]] = ([], [])
        for run in profile.runs:
            sides[order[run.config] % 2].append(run)
            order[run.config] += 1
        for half, runs in zip(halves, sides, strict=True):
            half[name] = replace(profile, runs=tuple(runs))
    model, _ = train_profiles(halves[0], parents, dag="half")
    for name, profile in halves[1].items():
        errors, inside = [], []
        for run in profile.runs:
            time = model.predict_stage(name, run.config, run.fan_in, confidence=level).time
            errors.append(abs((run.time_s or np.nan) / time.mean - 1))
            inside.append((run.time_s or np.nan) in time)
        print(
            f"{name}: other repetitions of measured configurations {100 * np.mean(errors):.1f} %, "
            f"{100 * np.mean(inside):.0f} % inside {level:.0%} intervals"
        )


def error_without(
    stage: str,
    profiles: Mapping[str, Profile],
    parents: Mapping[str, Sequence[str]],
    kept: Collection[StageConfig],
) -> float:
    """Return the error on the configurations of a stage that are not kept for training."""
    profile = profiles[stage]
    seen = tuple(run for run in profile.runs if run.config in kept)
    hidden: dict[tuple[StageConfig, tuple[tuple[str, int], ...]], list[StageRun]] = {}
    for run in profile.runs:
        if run.config not in kept:
            hidden.setdefault((run.config, tuple(run.fan_in.items())), []).append(run)
    before = parents.get(stage, ())
    subset = {name: profiles[name] for name in before} | {stage: replace(profile, runs=seen)}
    model, _ = train_profiles(subset, {stage: before}, dag="part")
    predicted = model.predict_table(stage, [c for c, _ in hidden], [dict(f) for _, f in hidden])
    measured = [np.mean([run.time_s or np.nan for run in runs]) for runs in hidden.values()]
    return float(np.mean(np.abs(predicted.time_s / np.array(measured) - 1)))


if __name__ == "__main__":
    main()
