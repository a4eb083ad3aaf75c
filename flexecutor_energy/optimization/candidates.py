"""The candidates of every stage, valued by the predictors.

A stage whose time depends on how many workers its parents ran has one candidate for each of
its configurations and each of these counts; links make sure that the choice agrees.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.table import Candidate, StageOptions, Table
from flexecutor_energy.prediction.results import Scope, StageTable
from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.prediction.workflow_model import WorkflowModel
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage

_MOST_CANDIDATES = 20_000
_MB_PER_GB = 1000

FanIn = Mapping[str, int]


def candidate_table(
    graph: StageGraph,
    model: WorkflowModel,
    space: ConfigSpace | None,
    failed: Mapping[str, Collection[StageConfig]],
    *,
    scope: Scope,
    pricing: Pricing,
    confidence: float,
    startup_idle: Mapping[str, float] | None = None,
) -> Table:
    """Return the candidates of every stage with predicted time, energy and cost.

    Parameters
    ----------
    graph : the workflow
    model : its predictors; they say which parents' workers matter
    space : configurations to choose from; None means, per stage, the profiled pairs of cpu and
        memory with the profiled worker counts
    failed : configurations that failed when they were profiled: never candidates
    scope : whose joules ``energy`` is; in ``host`` the hosts' idle power is not in it
    pricing : price list
    confidence : level of the intervals
    startup_idle : stage → share of idle energy in the joules of starting its workers; without it
        candidates do not say which of their joules are dynamic

    Raises
    ------
    ConfigurationError
        A stage has no candidate, or more than can be weighed.
    """
    if space is not None:
        space.check_stages(graph.stage_ids)
    configs = {
        stage.stage_id: _configs(
            stage,
            model.stage(stage.stage_id),
            space.for_stage(stage.stage_id) if space is not None else None,
            failed.get(stage.stage_id, ()),
        )
        for stage in graph.stages
    }
    return tuple(
        _options(
            stage_id,
            configs,
            model,
            _Terms(scope, pricing, confidence, (startup_idle or {}).get(stage_id)),
        )
        for stage_id in graph.stage_ids
    )


@dataclass(frozen=True, slots=True)
class _Terms:
    """How candidates of one stage are valued, see `candidate_table`."""

    scope: Scope
    pricing: Pricing
    confidence: float
    startup_idle: float | None


def _configs(
    stage: Stage,
    model: StageModel,
    wanted: Sequence[StageConfig] | None,
    failed: Collection[StageConfig],
) -> list[StageConfig]:
    found = profiled_grid(model.configs) if wanted is None else wanted
    clamped = dict.fromkeys(stage.clamped(config) for config in found)
    left = [config for config in clamped if config not in failed]
    if not left:
        raise ConfigurationError(
            f"every configuration of stage {stage.stage_id!r} in the space failed when it was "
            "profiled; give more memory or a longer timeout and profile again"
        )
    return left


def profiled_grid(measured: Sequence[StageConfig]) -> list[StageConfig]:
    """Return the measured pairs of cpu and memory × the measured worker counts."""
    sizes = dict.fromkeys((config.cpu, config.memory) for config in measured)
    counts = sorted({config.workers for config in measured})
    return [StageConfig(cpu, w, memory) for (cpu, memory), w in product(sizes, counts)]


def _options(
    stage_id: str,
    configs: Mapping[str, Sequence[StageConfig]],
    model: WorkflowModel,
    terms: _Terms,
) -> StageOptions:
    parents = model.stage(stage_id).parents
    counts = [sorted({config.workers for config in configs[parent]}) for parent in parents]
    fan_ins = [dict(zip(parents, labels, strict=True)) for labels in product(*counts)]
    if len(fan_ins) * len(configs[stage_id]) > _MOST_CANDIDATES:
        raise ConfigurationError(
            f"stage {stage_id!r} would have {len(fan_ins) * len(configs[stage_id])} candidates "
            f"({len(configs[stage_id])} configurations × {len(fan_ins)} combinations of its "
            f"parents' workers), more than {_MOST_CANDIDATES}; give a smaller space"
        )
    pairs = [(config, fan_in) for config in configs[stage_id] for fan_in in fan_ins]
    values = model.predict_table(stage_id, [c for c, _ in pairs], [f for _, f in pairs])
    valuation = _Valuation(model.stage(stage_id), values, terms)
    return StageOptions(
        stage_id,
        tuple(
            valuation.candidate(index, config, fan_in or None)
            for index, (config, fan_in) in enumerate(pairs)
        ),
    )


class _Valuation:
    """Puts means, bands and prices on the candidates of one stage."""

    def __init__(self, model: StageModel, values: StageTable, terms: _Terms) -> None:
        self._model, self._values = model, values
        self._energy_j = values.energy_j(terms.scope)
        self._dynamic_j = _dynamic_j(values, terms)
        self._pricing = terms.pricing
        self._confidence = terms.confidence
        self._spread = {
            metric: held_out_band(model.ratio(metric, scope=terms.scope), terms.confidence)
            for metric in ("time", "energy", "cost")
        }

    def candidate(self, index: int, config: StageConfig, fan_in: FanIn | None) -> Candidate:
        """Return one candidate."""
        memory_mb = self._pricing.billed_memory_mb(config.cpu, config.memory)
        seconds = float(self._values.worker_seconds[index])
        requests = self._model.expected_requests(config.workers, fan_in or {})
        cost = self._pricing.stage_cost(seconds, memory_mb, config.workers, *requests)
        energy = None
        if self._energy_j is not None:
            energy = self._interval("energy", float(self._energy_j[index]))
        dynamic_j = None if self._dynamic_j is None else float(self._dynamic_j[index])
        return Candidate(
            cpu=config.cpu,
            memory=config.memory,
            workers=config.workers,
            time=self._interval("time", float(self._values.time_s[index])),
            energy=energy,
            cost=self._interval("cost", cost),
            fan_in=fan_in,
            extrapolated=bool(self._values.extrapolated[index]),
            dynamic_j=dynamic_j,
            memory_gb_s=config.memory / _MB_PER_GB * seconds,
        )

    def _interval(self, metric: str, mean: float) -> Interval:
        low, high = self._spread[metric]
        return Interval(mean, mean * low, mean * high, self._confidence)


def _dynamic_j(values: StageTable, terms: _Terms) -> FloatArray | None:
    """Return the dynamic joules in those of the scope; None where parts are not known."""
    if values.energy_dynamic_j is None or terms.startup_idle is None:
        return None
    if terms.scope == "marginal" or values.energy_startup_j is None:
        return values.energy_dynamic_j
    return values.energy_dynamic_j + values.energy_startup_j * (1 - terms.startup_idle)


def held_out_band(ratios: FloatArray, level: float) -> tuple[float, float]:
    """Return the ends of a band, as multiples of a prediction, from measured/predicted.

    The ⌈(m + 1)(1 ± level)/2⌉-th smallest of m held-out ratios; the widest where m is too small.
    """
    known = np.sort(ratios[~np.isnan(ratios)])
    if len(known) == 0:
        return 1.0, 1.0
    tail = (1.0 - level) / 2
    low = max(int(np.floor((len(known) + 1) * tail)), 1)
    high = min(int(np.ceil((len(known) + 1) * (1 - tail))), len(known))
    return min(float(known[low - 1]), 1.0), max(float(known[high - 1]), 1.0)
