"""One configuration, as it is expected and as each held-out run would have had it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexecutor_energy.prediction.accounts import Accounts
from flexecutor_energy.prediction.conformal import FEW_RUNS, band, needed_runs
from flexecutor_energy.prediction.evidence import METRICS, common_runs, total
from flexecutor_energy.prediction.results import StagePrediction, stage_energy_j
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """What a stage may take in one configuration.

    Attributes
    ----------
    config, fan_in : the configuration, and the workers of the parents as far as given
    rows : the same as predictors see it, one row
    mean : target → array (1,), what is expected
    base : target → array (runs,), what the models expect that did not see a run; under
        conditions that were measured, the expectation itself
    drawn : target → array (runs,), the same times measured/predicted of that run
    extrapolated : whether this leaves what was measured
    """

    config: StageConfig
    fan_in: Mapping[str, int]
    rows: Rows
    mean: Mapping[str, FloatArray]
    base: Mapping[str, FloatArray]
    drawn: Mapping[str, FloatArray]
    extrapolated: bool


def stage_scenarios(
    model: StageModel,
    config: StageConfig,
    fan_in: Mapping[str, int],
    siblings: Sequence[StageModel],
) -> Scenarios:
    """Return the scenarios of a stage in one configuration.

    Parameters
    ----------
    model, config, fan_in : what is run
    siblings : all stages of the workflow; a stage without errors of its own borrows theirs

    Raises
    ------
    ConfigurationError
        The workers of a parent that matters are not given.
    """
    rows = model.rows([config], [fan_in])
    mean, base = model.evaluate(rows), model.alternatives(rows)
    seen = bool(model.seen(rows)[0])
    drawn = {}
    for target in mean:
        ratio = model.runs.ratio(target, seen=seen)
        if seen and np.sum(~np.isnan(ratio)) >= FEW_RUNS:
            base[target] = np.full(len(ratio), mean[target][0])
        else:
            ratio = model.runs.ratio(target)
        if np.all(np.isnan(ratio)):
            ratio = np.concatenate(
                [other.runs.ratio(target) for other in siblings if target in other.targets]
            )
            base[target] = np.full(len(ratio), mean[target][0])
        drawn[target] = base[target] * ratio
    outside = bool(model.extrapolated([config], [fan_in])[0])
    return Scenarios(config, dict(fan_in), rows, mean, base, drawn, outside)


def stage_prediction(
    stage: str, scenarios: Scenarios, accounts: Accounts, confidence: float
) -> StagePrediction:
    """Return the intervals of a stage for a single run."""
    bands = {
        target: band(
            float(mean[0]), scenarios.base[target], scenarios.drawn[target], confidence
        ).interval
        for target, mean in scenarios.mean.items()
    }
    seconds = bands["worker_seconds"]
    cost = accounts.stage_cost_usd(
        stage, np.array([seconds.mean, seconds.low, seconds.high]), scenarios.rows
    )
    return StagePrediction(
        stage=stage,
        config=scenarios.config,
        fan_in=scenarios.fan_in,
        time=bands["time"],
        worker_seconds=seconds,
        cpu_time=bands.get("cpu_time"),
        energy=_energy_interval(stage, scenarios, accounts.scope, confidence),
        energy_dynamic=bands.get("energy_dynamic"),
        energy_idle=bands.get("energy_idle"),
        energy_startup=bands.get("energy_startup"),
        cost=Interval(float(cost[0]), float(cost[1]), float(cost[2]), confidence),
        extrapolated=scenarios.extrapolated,
    )


def _energy_interval(
    stage: str, scenarios: Scenarios, scope: str, confidence: float
) -> Interval | None:
    mean = stage_energy_j(scenarios.mean, scope, stage)
    base = stage_energy_j(scenarios.base, scope, stage)
    drawn = stage_energy_j(scenarios.drawn, scope, stage)
    if mean is None or base is None or drawn is None:
        return None
    return band(float(mean[0]), base, drawn, confidence).interval


def cautions(scenarios: Mapping[str, Scenarios], accounts: Accounts) -> list[str]:
    """Return what to know about each stage: extrapolation, and the memory billed."""
    notes = []
    for stage, scenario in scenarios.items():
        config = scenario.config
        if scenario.extrapolated:
            notes.append(f"{stage}: {config}, parents {scenario.fan_in or 'none'}: never measured")
        if note := accounts.pricing.memory_note(config.cpu, config.memory):
            notes.append(f"{stage}: {note}")
    return notes


def workflow_intervals(
    scenarios: Mapping[str, Scenarios],
    models: Mapping[str, StageModel],
    accounts: Accounts,
    confidence: float,
) -> tuple[dict[str, Interval], list[str]]:
    """Return metric → interval for a single run of the workflow, and what to know about it.

    The errors of all stages in one run are drawn together, since stages of a run are
    correlated. ``energy`` is absent if a stage has none.
    """
    common = common_runs(models)
    count = len(next(iter(common.values())))
    if count < FEW_RUNS:
        note = f"{count} runs cover all stages: the errors of stages are taken to coincide"
        return _coinciding(scenarios, accounts, confidence), [note]
    rows = {stage: s.rows for stage, s in scenarios.items()}
    mean = {stage: s.mean for stage, s in scenarios.items()}
    base = {stage: _taken(s.base, common[stage]) for stage, s in scenarios.items()}
    drawn = {stage: _taken(s.drawn, common[stage]) for stage, s in scenarios.items()}
    found: dict[str, Interval] = {}
    enough = True
    for metric in METRICS:
        expected = total(metric, mean, accounts, rows)
        center = total(metric, base, accounts, rows)
        seen = total(metric, drawn, accounts, rows)
        if expected is None or center is None or seen is None:
            continue
        banded = band(float(expected[0]), center, seen, confidence)
        found[metric] = banded.interval
        enough = enough and banded.enough
    if enough:
        return found, []
    note = (
        f"{count} held-out runs cannot support {confidence:.0%}, which needs "
        f"{needed_runs(confidence)}; the widest error seen is used"
    )
    return found, [note]


def _taken(
    values: Mapping[str, FloatArray], index: npt.NDArray[np.int64]
) -> dict[str, FloatArray]:
    return {
        target: column[index] if len(column) > index.max() else np.full(len(index), np.nan)
        for target, column in values.items()
    }


def _coinciding(
    scenarios: Mapping[str, Scenarios], accounts: Accounts, confidence: float
) -> dict[str, Interval]:
    """Return intervals in which all stages are at their low ends at once, or at their high."""
    rows = {stage: s.rows for stage, s in scenarios.items()}
    ends: dict[str, dict[str, dict[str, FloatArray]]] = {"mean": {}, "low": {}, "high": {}}
    for stage, s in scenarios.items():
        bands = {
            target: band(float(mean[0]), s.base[target], s.drawn[target], confidence).interval
            for target, mean in s.mean.items()
        }
        for end, values in ends.items():
            values[stage] = {t: np.array([getattr(b, end)]) for t, b in bands.items()}
    found = {}
    for metric in METRICS:
        mean, low, high = (total(metric, values, accounts, rows) for values in ends.values())
        if mean is not None and low is not None and high is not None:
            found[metric] = Interval(float(mean[0]), float(low[0]), float(high[0]), confidence)
    return found
