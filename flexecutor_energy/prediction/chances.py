"""What a run of a workflow may take: every held-out run, imagined in other configurations.

Stages of one run are slow together, so each run's deviations of all stages are kept as one
vector. Which stages weigh most differs between plans, and so does how far each configuration is
from what was measured: the factor that a plan's bounds need is its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.prediction.accounts import Accounts
from flexecutor_energy.prediction.conformal import (
    FEW_RUNS,
    UNMEASURED_RATIO,
    Bound,
    check_confidence,
    upper_bound,
)
from flexecutor_energy.prediction.doubt import doubts
from flexecutor_energy.prediction.evidence import METRICS, common_runs, total
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.workflow.config import StageConfig

Chosen = Mapping[str, tuple[StageConfig, Mapping[str, int]]]
"""Stage → its configuration, and the workers of its parents."""

Ratios = Mapping[str, Mapping[str, FloatArray]]
"""Stage → metric → array (runs,)."""

_METRIC_OF = {"time": "time", "worker_seconds": "cost"}  # all other targets: energy


@dataclass(frozen=True, slots=True, eq=False)
class _Imagined:
    """A stage as it is predicted, and as each held-out run would have made it.

    Attributes
    ----------
    rows : its configuration
    mean : target → array (1,)
    ratios : metric → array (runs,), measured over predicted; NaN where unknown
    """

    rows: Rows
    mean: Mapping[str, FloatArray]
    ratios: Mapping[str, FloatArray]

    def drawn(self, runs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Return target → array (runs,), given the ratios of this stage that are drawn."""
        ratio = {target: runs.get(_METRIC_OF.get(target, "energy")) for target in self.mean}
        return {t: self.mean[t] * (1.0 if r is None else r) for t, r in ratio.items()}


class Chances:
    """How often runs of a workflow keep bounds, whatever its stages run as.

    Parameters
    ----------
    stages : the model of each
    metrics : the quantities that are bounded: ``time``, ``energy``, ``cost``
    accounts : how stages add up

    Raises
    ------
    ConfigurationError
        A metric is not known.
    MissingEnergyError
        Energy is asked for, and a stage was profiled without; `WorkflowModel.chances` names all.
    """

    def __init__(
        self, stages: Mapping[str, StageModel], metrics: Collection[str], accounts: Accounts
    ) -> None:
        for name in metrics:
            if name not in METRICS:
                raise ConfigurationError(
                    f"metric {name!r} is not known; known are: {', '.join(METRICS)}"
                )
        self._stages, self._accounts = stages, accounts
        # the makespan carries idle power and the price of a machine
        self._doubts = {n: doubts(stages, n, accounts.scope) for n in {"time", *metrics}}
        self._common = common_runs(stages)
        self._seen: dict[tuple[str, StageConfig, tuple[tuple[str, int], ...]], _Imagined] = {}

    def bound(self, chosen: Chosen, metrics: Collection[str], confidence: float) -> Bound:
        """Return the factor that measured/predicted of a run keeps below with ``confidence``.

        Parameters
        ----------
        chosen : what each stage runs as
        metrics : those, of the ones given at the start, that are to be kept at once
        confidence : share of runs
        """
        check_confidence(confidence)
        stages = {name: self._imagined(name, *how) for name, how in chosen.items()}
        needed = {"time", *metrics}
        runs = self._runs({name: {m: s.ratios[m] for m in needed} for name, s in stages.items()})
        if runs is None:
            return Bound(UNMEASURED_RATIO, 0, enough=False)
        rows = {name: stage.rows for name, stage in stages.items()}
        mean = {name: stage.mean for name, stage in stages.items()}
        drawn = {name: stage.drawn(runs[name]) for name, stage in stages.items()}
        worst = np.ones(1)
        for metric in metrics:
            took, expected = (total(metric, v, self._accounts, rows) for v in (drawn, mean))
            if took is not None and expected is not None and expected[0] > 0:
                worst = np.maximum(worst, took / expected[0])
        return upper_bound(worst, confidence)

    def _imagined(self, stage: str, config: StageConfig, fan_in: Mapping[str, int]) -> _Imagined:
        key = stage, config, tuple(sorted(fan_in.items()))
        if key not in self._seen:
            model = self._stages[stage]
            rows = model.rows([config], [fan_in])
            ratios = {metric: table[stage].ratios(rows) for metric, table in self._doubts.items()}
            self._seen[key] = _Imagined(rows, model.evaluate(rows), ratios)
        return self._seen[key]

    def _runs(self, ratios: Ratios) -> Ratios | None:
        """Return the runs that are drawn, in one order for all stages; None where none can be.

        Where few runs cover all stages, all stages are taken to be off alike.
        """
        known = {
            s: np.all([~np.isnan(r) for r in own.values()], axis=0) for s, own in ratios.items()
        }
        telling = [stage for stage, mask in known.items() if np.any(mask)]
        if not telling:
            return None
        shared = np.all([known[s][self._common[s]] for s in telling], axis=0)
        if np.sum(shared) >= FEW_RUNS or len(ratios) == 1:
            index = {s: self._common[s][shared] for s in telling}
            drawn = {s: {m: r[index[s]] for m, r in ratios[s].items()} for s in telling}
        else:
            count = min(int(np.sum(known[s])) for s in telling)
            ranks = np.arange(1, count + 1) / count
            drawn = {
                s: {m: np.quantile(r[known[s]], ranks) for m, r in ratios[s].items()}
                for s in telling
            }
        # a stage that was never held out is as far off as the worst of the others
        return {s: drawn.get(s) or _worst(drawn.values()) for s in ratios}


def _worst(stages: Collection[Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
    return {
        metric: np.max([own[metric] for own in stages], axis=0) for metric in next(iter(stages))
    }
