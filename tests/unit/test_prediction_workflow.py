"""Predictions of whole workflows: sums, scopes, intervals, bounds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flexecutor_energy.errors import (
    ConfigurationError,
    CycleError,
    MissingEnergyError,
    UnknownStageError,
)
from flexecutor_energy.prediction import WorkflowModel, train_profiles
from flexecutor_energy.prediction.conformal import UNMEASURED_RATIO
from flexecutor_energy.pricing import AWS_LAMBDA_X86, host_pricing
from flexecutor_energy.records.run import Profile
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import (
    JOLTEON_PARENTS,
    STARTUP_J,
    grid,
    made_profile,
    reference,
    trained_reference,
    work,
)

CONFIG = StageConfig(1, 2, 1024)
DIAMOND = {"b": ["a"], "c": ["a"], "d": ["b", "c"]}


def diamond(**options: object) -> WorkflowModel:
    profiles = {
        name: made_profile(grid(), stage=name, seed=number, **options)  # type: ignore[arg-type]
        for number, name in enumerate("abcd")
    }
    return train_profiles(profiles, DIAMOND, dag="diamond")[0]


@pytest.fixture(scope="module")
def model() -> WorkflowModel:
    return diamond()


@pytest.fixture(scope="module")
def jolteon() -> WorkflowModel:
    return trained_reference("jolteon_ml")[0]


def everywhere(config: StageConfig) -> dict[str, StageConfig]:
    return dict.fromkeys("abcd", config)


def test_the_makespan_is_the_longest_path(model: WorkflowModel) -> None:
    configs = everywhere(CONFIG) | {"c": StageConfig(0.5, 1, 1024)}
    prediction = model.predict(configs)
    path = [prediction.stages[stage].time.mean for stage in ("a", "c", "d")]
    assert prediction.time.mean == pytest.approx(sum(path))
    assert prediction.stages["b"].time.mean < prediction.stages["c"].time.mean


def test_edges_can_be_given(model: WorkflowModel) -> None:
    prediction = model.predict(everywhere(CONFIG), edges=[])
    longest = max(stage.time.mean for stage in prediction.stages.values())
    assert prediction.time.mean == pytest.approx(longest)


def test_energy_and_cost_are_sums_over_stages(model: WorkflowModel) -> None:
    prediction = model.predict(everywhere(CONFIG))
    stages = prediction.stages.values()
    assert prediction.energy is not None
    assert prediction.energy.mean == pytest.approx(sum(s.energy.mean for s in stages if s.energy))
    assert prediction.cost.mean == pytest.approx(sum(s.cost.mean for s in stages))


def test_the_cost_of_a_stage_is_its_billed_seconds_at_the_listed_price(
    model: WorkflowModel,
) -> None:
    stage = model.predict(everywhere(CONFIG)).stages["a"]
    expected = AWS_LAMBDA_X86.stage_cost(stage.worker_seconds.mean, 1024, workers=2)
    assert stage.cost.mean == pytest.approx(expected)
    assert stage.worker_seconds.mean == pytest.approx(2 * sum(work(CONFIG)), rel=0.05)


def test_requests_to_the_object_store_are_charged_where_they_are_known(
    model: WorkflowModel,
) -> None:
    plain = model.predict(everywhere(CONFIG))
    charged = model.predict(everywhere(CONFIG), requests={"a": (2, 100)})
    assert charged.cost.mean - plain.cost.mean == pytest.approx(2 * 5e-6 + 100 * 4e-7)


def test_a_machine_is_charged_for_the_makespan(model: WorkflowModel) -> None:
    prediction = model.predict(everywhere(CONFIG), pricing=host_pricing(3.6))
    assert prediction.cost.mean == pytest.approx(prediction.time.mean * 0.001)
    assert prediction.hypothetical == ""


def test_a_cloud_price_on_times_from_elsewhere_is_labelled(model: WorkflowModel) -> None:
    assert "hypothetical" in model.predict(everywhere(CONFIG)).hypothetical


def test_scopes_differ_by_idle_power_and_the_start_of_workers(model: WorkflowModel) -> None:
    configs = everywhere(CONFIG)
    marginal = model.predict(configs, scope="marginal").energy
    provisioned = model.predict(configs, scope="provisioned").energy
    host = model.predict(configs, scope="host", idle_power_w=50.0)
    assert marginal is not None
    assert provisioned is not None
    assert host.energy is not None
    stages = model.predict(configs).stages.values()
    idle = sum(stage.energy_idle.mean for stage in stages if stage.energy_idle)
    startup = sum(stage.energy_startup.mean for stage in stages if stage.energy_startup)
    assert startup == pytest.approx(4 * 2 * STARTUP_J, rel=0.05)
    assert provisioned.mean == pytest.approx(marginal.mean + idle + startup)
    assert host.energy.mean == pytest.approx(marginal.mean + startup + 50.0 * host.time.mean)


def test_scope_host_needs_the_idle_power(model: WorkflowModel) -> None:
    with pytest.raises(ConfigurationError, match="idle_power_w"):
        model.predict(everywhere(CONFIG), scope="host")
    with pytest.raises(ConfigurationError, match="at least 0 watts"):
        model.predict(everywhere(CONFIG), scope="host", idle_power_w=-1.0)


def test_energy_is_none_as_soon_as_one_stage_has_none() -> None:
    profiles = {
        "a": made_profile(grid(), stage="a"),
        "b": made_profile(grid(), stage="b", energy=False),
    }
    model, report = train_profiles(profiles, {"b": ["a"]}, dag="d")
    prediction = model.predict({"a": CONFIG, "b": CONFIG})
    assert prediction.energy is None
    assert prediction.stages["a"].energy is not None
    assert "energy: not b was profiled with it" in report.notes
    with pytest.raises(MissingEnergyError, match="b"):
        model.bound({"a": CONFIG, "b": CONFIG}, ["energy"])


def test_every_stage_needs_a_configuration(model: WorkflowModel) -> None:
    with pytest.raises(ConfigurationError, match="no configuration for d"):
        model.predict(dict.fromkeys("abc", CONFIG))
    with pytest.raises(UnknownStageError, match="'ghost'"):
        model.predict(everywhere(CONFIG) | {"ghost": CONFIG})
    with pytest.raises(UnknownStageError, match="'ghost'"):
        model.predict_stage("ghost", CONFIG)


def test_senseless_arguments_are_refused(model: WorkflowModel) -> None:
    with pytest.raises(ConfigurationError, match="confidence"):
        model.predict(everywhere(CONFIG), confidence=1.0)
    with pytest.raises(ConfigurationError, match="scope 'total'"):
        model.predict(everywhere(CONFIG), scope="total")
    with pytest.raises(ConfigurationError, match="metric 'speed'"):
        model.bound(everywhere(CONFIG), ["speed"])
    with pytest.raises(UnknownStageError):
        model.predict(everywhere(CONFIG), edges=[("a", "ghost")])
    with pytest.raises(CycleError):
        model.predict(everywhere(CONFIG), edges=[("a", "b"), ("b", "a")])


def test_fan_in_is_taken_from_the_configurations_of_the_parents(jolteon: WorkflowModel) -> None:
    def plan(workers: int) -> dict[str, StageConfig]:
        return {
            "stage0": StageConfig(1.0, 1, 1792),
            "stage1": StageConfig(1.0, 16, 1792),
            "stage2": StageConfig(1.0, workers, 1792),
            "stage3": StageConfig(1.0, 1, 1792),
        }

    few, many = (jolteon.predict(plan(workers)).stages["stage3"] for workers in (4, 32))
    assert few.fan_in == {"stage0": 1, "stage2": 4}
    assert many.time.mean > 2 * few.time.mean


def test_other_edges_change_the_makespan_and_not_the_stages(jolteon: WorkflowModel) -> None:
    plan = {stage: StageConfig(1.0, 1, 1792) for stage in jolteon.stages}
    chain, loose = jolteon.predict(plan), jolteon.predict(plan, edges=[])
    assert chain.stages["stage3"].time == loose.stages["stage3"].time
    assert loose.time.mean < chain.time.mean


def test_a_parent_that_matters_must_be_given(jolteon: WorkflowModel) -> None:
    with pytest.raises(ConfigurationError, match="'stage2'"):
        jolteon.predict_stage("stage3", StageConfig(1.0, 1, 1792))


def test_what_was_never_measured_is_marked(jolteon: WorkflowModel) -> None:
    config = StageConfig(1.0, 1, 1792)
    assert not jolteon.predict_stage("stage3", config, {"stage2": 8}).extrapolated
    assert jolteon.predict_stage("stage3", config, {"stage2": 64}).extrapolated
    assert jolteon.predict_stage("stage3", StageConfig(1.5, 1, 1792), {"stage2": 8}).extrapolated
    table = jolteon.predict_table(
        "stage3", [config, config], [{"stage2": 8}, {"stage2": 8, "stage0": 3}]
    )
    assert table.extrapolated.tolist() == [False, True]


def test_extrapolation_and_billed_memory_are_said(model: WorkflowModel) -> None:
    notes = model.predict(everywhere(CONFIG) | {"b": StageConfig(3, 3, 0)}).notes
    assert any(note.startswith("b:") and "never measured" in note for note in notes)
    assert any("5307 MB a worker are billed" in note for note in notes)


def test_a_table_agrees_with_single_predictions(jolteon: WorkflowModel) -> None:
    configs = [StageConfig(c / 7, w, 256 * w) for c in range(3, 20) for w in range(1, 12)]
    table = jolteon.predict_table("stage2", configs, {"stage0": 1, "stage1": 8})
    for index in (0, 50, len(configs) - 1):
        single = jolteon.predict_stage("stage2", configs[index], {"stage0": 1, "stage1": 8})
        assert table.time_s[index] == pytest.approx(single.time.mean)
        assert table.worker_seconds[index] == pytest.approx(single.worker_seconds.mean)
    assert table.energy_j() is None


def test_a_table_has_energy_by_scope(model: WorkflowModel) -> None:
    table = model.predict_table("a", grid())
    marginal, provisioned = table.energy_j("marginal"), table.energy_j()
    assert marginal is not None
    assert provisioned is not None
    assert np.all(provisioned > marginal)
    with pytest.raises(ConfigurationError):
        table.energy_j("everything")


def test_a_stage_tells_how_far_off_its_predictions_were(model: WorkflowModel) -> None:
    stage = model.stages["a"]
    for metric in ("time", "energy", "cost"):
        ratios = stage.ratio(metric)
        assert ratios.shape == (18,)
        assert np.median(ratios) == pytest.approx(1.0, abs=0.1)
    assert not np.array_equal(stage.ratio("energy"), stage.ratio("energy", scope="marginal"))
    assert np.isfinite(stage.ratio("energy", seen=True)).all()


def test_an_empty_table_is_empty(model: WorkflowModel) -> None:
    assert len(model.predict_table("a", []).time_s) == 0


def test_intervals_hold_their_mean_and_grow_with_confidence(model: WorkflowModel) -> None:
    wide = model.predict(everywhere(CONFIG), confidence=0.9)
    narrow = model.predict(everywhere(CONFIG), confidence=0.5)
    for big, small in (
        (wide.time, narrow.time),
        (wide.cost, narrow.cost),
        (wide.stages["a"].time, narrow.stages["a"].time),
    ):
        assert big.low <= small.low <= small.mean <= small.high <= big.high
        assert big.mean == small.mean
        assert (big.level, small.level) == (0.9, 0.5)


def test_intervals_hold_new_runs_about_as_often_as_they_say() -> None:
    factors = np.random.default_rng(3).lognormal(0, 0.1, size=400)
    profile = made_profile(grid(workers=(1, 2, 4, 8)), reps=3, noise=0.1)
    model, _ = train_profiles({"s": profile}, {}, dag="d")
    interval = model.predict_stage("s", CONFIG, confidence=0.9).time
    share = np.mean([sum(work(CONFIG)) * factor in interval for factor in factors])
    assert 0.8 <= share <= 0.98


def shared_noise(sign: int) -> dict[str, Profile]:
    """Return two stages whose errors go together (+1) or against each other (-1) in a run."""
    generator = np.random.default_rng(5)
    shocks = {f"run-{n}-{r}": float(generator.normal(0, 0.15)) for n in range(9) for r in range(4)}
    return {
        "a": made_profile(grid(), stage="a", reps=4, factor_of=lambda r: math.exp(shocks[r])),
        "b": made_profile(
            grid(), stage="b", reps=4, factor_of=lambda r: math.exp(sign * shocks[r])
        ),
    }


def test_errors_that_stages_of_a_run_share_are_kept_together() -> None:
    together, against = (
        train_profiles(shared_noise(sign), {"b": ["a"]}, dag="d")[0] for sign in (1, -1)
    )
    configs = {"a": CONFIG, "b": CONFIG}
    wide, narrow = (model.predict(configs, confidence=0.9).time for model in (together, against))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    factors = [model.bound(configs, confidence=0.9).factor for model in (together, against)]
    assert factors[0] - 1 > 3 * (factors[1] - 1)


def test_one_configuration_counts_as_measured() -> None:
    profile = made_profile([CONFIG], reps=20, noise=0.05)
    model, _ = train_profiles({"s": profile}, {}, dag="d")
    stage = model.stages["s"]
    rows = stage.rows([CONFIG, StageConfig(2, 2, 1024)], [{}, {}])
    assert stage.seen(rows).tolist() == [True, False]
    assert model.bound({"s": CONFIG}).enough
    assert model.bound({"s": CONFIG}).factor < model.bound({"s": StageConfig(2, 2, 1024)}).factor


def test_without_run_ids_errors_are_taken_to_coincide() -> None:
    model = diamond(run_ids=False)
    prediction = model.predict(everywhere(CONFIG))
    assert any("taken to coincide" in note for note in prediction.notes)
    highs = [prediction.stages[stage].time.high for stage in ("a", "b", "c", "d")]
    assert prediction.time.high == pytest.approx(highs[0] + max(highs[1:3]) + highs[3])


def test_few_runs_are_said_and_give_the_widest_error() -> None:
    model = diamond(reps=1, noise=0.05)
    prediction = model.predict(everywhere(CONFIG))
    assert any("9 held-out runs cannot support 95%" in note for note in prediction.notes)
    bound = model.bound(everywhere(CONFIG), confidence=0.95)
    assert (bound.runs, bound.enough) == (9, False)
    assert bound.factor == model.bound(everywhere(CONFIG), confidence=0.9).factor


def configs_of_a_run(model: WorkflowModel, number: int = 0) -> dict[str, StageConfig]:
    """Return what the stages ran as in one run of the sweep."""
    return {
        stage: own.configs[min(number, len(own.configs) - 1)]
        for stage, own in model.stages.items()
    }


def test_a_bound_factor_is_at_least_one_and_grows_with_confidence(jolteon: WorkflowModel) -> None:
    configs = configs_of_a_run(jolteon)
    levels = (0.05, 0.5, 0.8, 0.9, 0.95)
    factors = [jolteon.bound(configs, confidence=level).factor for level in levels]
    assert factors[0] == 1.0
    assert factors == sorted(factors)
    assert 1.0 < factors[-1] < 1.3


def test_a_stage_that_never_ran_so_needs_a_larger_bound_factor(jolteon: WorkflowModel) -> None:
    seen = configs_of_a_run(jolteon)
    partly = seen | {"stage1": StageConfig(3, seen["stage1"].workers, 3000)}
    unseen = {stage: StageConfig(3, config.workers, 3000) for stage, config in seen.items()}
    factors = [jolteon.bound(configs).factor for configs in (seen, partly, unseen)]
    assert factors[0] < min(factors[1:])


def test_several_bounds_are_kept_at_once(model: WorkflowModel) -> None:
    configs, metrics = everywhere(CONFIG), ("time", "energy", "cost")
    alone = [model.bound(configs, [metric], 0.9).factor for metric in metrics]
    assert model.bound(configs, metrics, 0.9).factor >= max(alone)


def test_a_bound_from_one_half_of_the_runs_is_kept_by_the_other_half() -> None:
    profiles = reference("jolteon_ml")
    first = {stage: half(profile, "r1") for stage, profile in profiles.items()}
    model, _ = train_profiles(first, JOLTEON_PARENTS, dag="ml")
    second = {
        stage: {run.run_id: run for run in half(profile, "r2").runs}
        for stage, profile in profiles.items()
    }
    kept, factors = [], []
    for run_id in second["stage1"]:
        runs = {stage: table[run_id] for stage, table in second.items()}
        took = sum(run.time_s or 0.0 for run in runs.values())  # the stages form a chain
        configs = {stage: run.config for stage, run in runs.items()}
        factors.append(model.bound(configs, confidence=0.9).factor)
        kept.append(took <= factors[-1] * model.predict(configs).time.mean)
    assert len(kept) == 23
    assert np.mean(kept) >= 0.9
    assert np.median(factors) < 1.5


def half(profile: Profile, prefix: str) -> Profile:
    runs = tuple(run for run in profile.runs if str(run.run_id).startswith(prefix))
    return replace(profile, runs=runs)


def test_without_common_runs_all_stages_are_taken_to_be_off_alike() -> None:
    apart, together = (diamond(run_ids=known, reps=4, noise=0.1) for known in (False, True))
    factors = [
        model.bound(everywhere(CONFIG), confidence=0.9).factor for model in (apart, together)
    ]
    assert factors[0] > factors[1] > 1


def test_nothing_measured_twice_means_an_assumed_factor() -> None:
    profiles = {"s": made_profile([CONFIG], reps=1)}
    model, _ = train_profiles(profiles, {}, dag="d")
    assert model.bound({"s": CONFIG}).factor == UNMEASURED_RATIO
    time = model.predict({"s": CONFIG}).time
    assert time.high == pytest.approx(time.mean * UNMEASURED_RATIO)
