"""What a sweep believes of configurations, run or not, after few runs."""

from dataclasses import replace

import numpy as np
import pytest

from flexecutor_energy.prediction.beliefs import Beliefs, believed
from flexecutor_energy.prediction.rows import Rows
from flexecutor_energy.prediction.samples import collect
from flexecutor_energy.records.run import Profile
from tests.unit.prediction_profiles import grid, made_profile

GRID = grid(workers=(1, 2, 4, 8))
DRAWS = 200


def beliefs(profile: Profile, scope: str = "provisioned", seed: int = 0) -> Beliefs:
    """Return what is believed of every configuration of the grid."""
    generator = np.random.default_rng(seed)
    return believed(collect(profile, ()), Rows.of(GRID), DRAWS, generator, scope)


def truth(metric: str) -> np.ndarray:
    """Return what the configurations of the grid take in the mean of many runs."""
    whole = collect(made_profile(GRID, reps=8, seed=9), ()).values
    order = [collect(made_profile([c], reps=8, seed=9), ()).values[metric].mean() for c in GRID]
    assert len(order) == len(whole[metric])
    return np.array(order)


def test_what_was_run_is_doubted_less_than_what_was_not() -> None:
    few = GRID[::3]
    own = beliefs(made_profile(few, reps=3))
    seen = np.array([config in few for config in GRID])
    assert np.max(own.doubt[seen]) < np.median(own.doubt[~seen])
    assert beliefs(made_profile(few, reps=3)).doubt == pytest.approx(own.doubt)


def test_draws_hold_the_truth_about_as_often_as_they_claim() -> None:
    inside = []
    for seed in range(6):
        own = beliefs(made_profile(GRID[seed % 3 :: 3], reps=1, seed=seed))
        low, high = np.quantile(own.drawn["time"], [0.05, 0.95], axis=0)
        inside.append(np.mean((truth("time") >= low) & (truth("time") <= high)))
    assert np.mean(inside) > 0.75


def test_more_runs_bring_what_is_expected_closer_to_the_truth() -> None:
    errors = []
    for configs, reps in ((GRID[::5], 1), (GRID, 4)):
        expected = beliefs(made_profile(configs, reps=reps)).expected
        errors.append(float(np.mean(np.abs(expected["time"] / truth("time") - 1))))
    assert errors[1] < errors[0]
    assert errors[1] < 0.03


def test_a_single_run_is_enough_to_believe_something_of_everything() -> None:
    own = beliefs(made_profile(GRID[:1], reps=1))
    for values in (*own.expected.values(), *own.drawn.values()):
        assert np.all(np.isfinite(values))
        assert np.all(values > 0)
    assert np.max(own.doubt) > 0.3


def test_no_worker_is_billed_for_longer_than_the_slowest_runs() -> None:
    own = beliefs(made_profile(GRID[::2], reps=2))
    workers = np.array([config.workers for config in GRID])
    assert np.all(own.drawn["worker_seconds"] <= own.drawn["time"] * workers * (1 + 1e-9))


def test_joules_are_believed_where_they_were_measured() -> None:
    profile = made_profile(GRID[::2], reps=2)
    assert np.all(beliefs(profile).drawn["energy"] > beliefs(profile, "marginal").drawn["energy"])
    bare = [
        replace(
            run,
            workers=tuple(
                replace(
                    w,
                    energy_j=None,
                    energy_dynamic_j=None,
                    energy_idle_j=None,
                    energy_startup_j=None,
                )
                for w in run.workers
            ),
        )
        for run in profile.runs
    ]
    assert "energy" not in beliefs(replace(profile, runs=tuple(bare))).expected
