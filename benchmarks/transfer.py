"""What a profile of another machine is worth: few new runs with it, and without.

    python -m benchmarks.transfer [--quick] [--seeds 30]

The same stage was measured on AWS Lambda with x86 and with arm processors. From one of them, a
few configurations of one run each are new; the other one's whole profile is the past. The error
is that of predicted stage times on all other configurations of the new machine (mean absolute
percentage error against the mean of their repetitions), then how many of their single runs lie
in the 95 % interval, and how wide that is (upper over lower end). ``unscaled`` takes the past
profile as if it were of this machine.
"""

import argparse
from dataclasses import replace

import numpy as np

from benchmarks.prediction import PROFILES
from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.past import Source
from flexecutor_energy.records.run import Profile
from flexecutor_energy.records.store import load_profile

NEW_RUNS = (1, 2, 3, 4, 6)
STAGE = "stage"
LEVEL = 0.95


def few(profile: Profile, count: int, generator: np.random.Generator) -> tuple[Profile, Profile]:
    """Return one run each of a few random configurations, and all runs of the others."""
    chosen = [profile.configs[i] for i in generator.permutation(len(profile.configs))[:count]]
    taken = []
    for config in chosen:
        runs = [run for run in profile.runs if run.config == config]
        taken.append(runs[int(generator.integers(len(runs)))])
    others = tuple(run for run in profile.runs if run.config not in chosen)
    return replace(profile, runs=tuple(taken)), replace(profile, runs=others)


def judged(model: WorkflowModel, hidden: Profile) -> tuple[float, float, float]:
    """Return the error on hidden configurations, and the coverage and width of intervals."""
    errors, inside, widths = [], [], []
    for config in hidden.configs:
        times = np.array([run.time_s or np.nan for run in hidden.runs if run.config == config])
        predicted = model.predict_stage(STAGE, config, confidence=LEVEL).time
        errors.append(abs(predicted.mean / np.mean(times) - 1))
        inside.append(np.mean((times >= predicted.low) & (times <= predicted.high)))
        widths.append(predicted.high / predicted.low)
    return float(np.mean(errors)), float(np.mean(inside)), float(np.median(widths))


def report(past: str, now: str, seeds: int) -> None:
    """Print the table of one direction."""
    old, new = (load_profile(PROFILES / name / f"{STAGE}.json") for name in (past, now))
    source = {STAGE: Source(past, old)}
    base, _ = train_profiles({STAGE: old}, {}, dag=past)
    print(f"\n{past} → {now}, {seeds} seeds; median (90th percentile)")
    print(
        f"{'new runs':>8}{'scratch':>16}{'transfer':>16}{'unscaled':>10}{'ratio':>7}"
        f"{'inside: scratch':>17}{'transfer':>10}{'width: scratch':>16}{'transfer':>10}"
    )
    for count in NEW_RUNS:
        rows = []
        for seed in range(seeds):
            known, hidden = few(new, count, np.random.default_rng([seed, count]))
            alone, _ = train_profiles({STAGE: known}, {}, dag=now)
            helped, _ = train_profiles({STAGE: known}, {}, dag=now, sources=source)
            rows.append([*judged(alone, hidden), *judged(helped, hidden), judged(base, hidden)[0]])
        table = np.array(rows)
        middle, high = np.median(table, axis=0), np.quantile(table, 0.9, axis=0)
        mean = np.mean(table, axis=0)
        print(
            f"{count:>8}"
            + "".join(f"{100 * middle[i]:>7.1f} ({100 * high[i]:5.1f})" for i in (0, 3))
            + f"{100 * middle[6]:>10.1f}{middle[3] / middle[0]:>7.2f}"
            + f"{100 * mean[1]:>16.0f}%{100 * mean[4]:>9.0f}%{middle[2]:>16.2f}{middle[5]:>10.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--quick", action="store_true", help="6 seeds")
    given = parser.parse_args()
    seeds = 6 if given.quick else given.seeds
    report("aws_titanic_x86", "aws_titanic_arm", seeds)
    report("aws_titanic_arm", "aws_titanic_x86", seeds)


if __name__ == "__main__":
    main()
