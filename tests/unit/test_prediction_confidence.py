"""Bounds for whole runs: errors that stages of a run share must be resampled together."""

import math
from dataclasses import replace
from functools import cache

import numpy as np

from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.records.run import Profile
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile, work

STAGES = "abcd"
CHAIN = {"b": ["a"], "c": ["b"], "d": ["c"]}
CONFIG = StageConfig(1, 2, 1024)
SHARED, OWN = 0.15, 0.05  # standard deviations of the logarithm
REPS = 8


# what the share of runs that keep a 95 % bound may miss by, with so many to learn from
LUCK = 2 * math.sqrt(0.05 * 0.95 / (9 * REPS))


@cache
def profiles() -> dict[str, Profile]:
    """Return a chain whose stages are slow in the same runs."""
    generator = np.random.default_rng(11)
    ids = [f"run-{number}-{rep}" for number in range(9) for rep in range(REPS)]
    together = dict(zip(ids, generator.normal(0, SHARED, len(ids)), strict=True))

    def slowness(run_id: str) -> float:
        return math.exp(together[run_id] + generator.normal(0, OWN))

    return {
        stage: made_profile(grid(), stage=stage, reps=REPS, factor_of=slowness, energy=False)
        for stage in STAGES
    }


@cache
def trained() -> WorkflowModel:
    return train_profiles(profiles(), CHAIN, dag="d")[0]


def torn_apart(profile: Profile, seed: int) -> Profile:
    """Return the profile as if each run of the stage belonged to another run of the workflow."""
    ids = np.random.default_rng(seed).permutation([run.run_id or "" for run in profile.runs])
    runs = (
        replace(run, meta={**run.meta, "run_id": str(run_id)})
        for run, run_id in zip(profile.runs, ids, strict=True)
    )
    return replace(profile, runs=tuple(runs))


def share_kept(model: WorkflowModel, factor: float) -> float:
    """Return how many new runs stay below the prediction times the factor."""
    generator = np.random.default_rng(12)
    together = generator.normal(0, SHARED, (4000, 1))
    factors = np.exp(together + generator.normal(0, OWN, (4000, len(STAGES))))
    took = np.sum(factors * sum(work(CONFIG)), axis=1)
    expected = model.predict(dict.fromkeys(STAGES, CONFIG)).time.mean
    return float(np.mean(took <= factor * expected))


def factor_of(model: WorkflowModel) -> float:
    return model.bound(dict.fromkeys(STAGES, CONFIG), ["time"], 0.95).factor


def test_a_bound_is_kept_by_new_runs_where_stages_are_slow_together() -> None:
    assert share_kept(trained(), factor_of(trained())) >= 0.95 - LUCK


def test_errors_resampled_stage_by_stage_would_break_the_bound() -> None:
    apart = {s: torn_apart(profile, seed) for seed, (s, profile) in enumerate(profiles().items())}
    independent, _ = train_profiles(apart, CHAIN, dag="d")
    factors = [factor_of(model) for model in (trained(), independent)]
    assert factors[1] - 1 < 0.75 * (factors[0] - 1)
    assert share_kept(trained(), factors[1]) < 0.95 - LUCK
