"""What is known of one stage: predictors of its quantities, and how wrong they have been."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import MissingEnergyError
from flexecutor_energy.prediction.anchors import Anchors, no_anchors
from flexecutor_energy.prediction.confounding import Line, believed, on_lines
from flexecutor_energy.prediction.predictor import Predictor
from flexecutor_energy.prediction.requests import RequestCounts
from flexecutor_energy.prediction.results import stage_energy_j
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.usable_runs import ON_TIME, TARGETS, TOTALS
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class TargetModel:
    """Predictors of one quantity of a stage.

    Attributes
    ----------
    predictor : fitted on everything; predicts ``time``, and the others for one worker
    folds : group → a predictor that did not see that group
    """

    predictor: Predictor
    folds: Mapping[int, Predictor] = field(default_factory=dict)

    def without(self, group: int | None) -> Predictor:
        """Return a predictor that did not see a group; None: the one that saw everything."""
        if group is None:
            return self.predictor
        return self.folds.get(group, self.predictor)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutRuns:
    """The m measured runs of a stage, each with what models that did not see it predict.

    Attributes
    ----------
    run_ids : of the workflow runs, None where a profile does not say
    groups : array (m,), which runs were held out together
    conditions : array (m,), number of the condition of each run, as in ``StageModel.anchors``
    cpu, memory_mb, workers : arrays (m,), their configurations
    measured : target → array (m,); NaN where unmeasured
    predicted : target → array (m,), by models that saw no run of that configuration; NaN where
        there are none
    repeated : target → array (m,), with the other runs of that condition known; NaN where
        there are none
    stretch : power by which measured/predicted is widened, where errors on unseen configurations
        come from so few that their widest says little
    """

    run_ids: tuple[str | None, ...]
    groups: npt.NDArray[np.int64]
    conditions: npt.NDArray[np.int64]
    cpu: FloatArray
    memory_mb: FloatArray
    workers: FloatArray
    measured: Mapping[str, FloatArray]
    predicted: Mapping[str, FloatArray]
    repeated: Mapping[str, FloatArray]
    stretch: float = 1.0

    def ratio(self, target: str, *, seen: bool = False) -> FloatArray:
        """Return measured/predicted of each run: array (m,), NaN where unknown.

        Parameters
        ----------
        target : the quantity
        seen : of predictions that know the other runs of the condition
        """
        measured = self.measured[target]
        predicted = (self.repeated if seen else self.predicted)[target]
        both_zero = (measured == 0) & (predicted == 0)
        ratio: FloatArray = np.divide(
            measured,
            predicted,
            out=np.where(both_zero, 1.0, np.nan),
            where=(measured > 0) & (predicted > 0),
        )
        return ratio if seen or self.stretch == 1 else ratio**self.stretch


@dataclass(frozen=True, slots=True, eq=False)
class StageModel:
    """Predicts a stage's quantities for any configuration.

    Attributes
    ----------
    stage : its id
    parents : the parents whose worker counts are inputs of the prediction: those that were
        measured with more than one
    targets : ``time``, ``worker_seconds`` and, where measured, ``cpu_time``,
        ``energy_dynamic`` and ``energy_idle``, or ``energy`` where only their sum is known, and
        ``energy_startup``
    configs : the configurations that were measured
    failed : the configurations that failed whenever they were tried
    fan_in_range : parent → least and most workers it was measured with, also of parents whose
        count never varied
    runs : the evidence
    cores : cores of the hosts that all its workers shared; None where each had its own, or
        where it is not known
    anchors : the conditions that were measured
    lines : parent → how its workers went with those of this stage
    backends : where it was measured, as far as profiles say
    requests : those to the object store; None where they were not counted
    """

    stage: str
    parents: tuple[str, ...]
    targets: Mapping[str, TargetModel]
    configs: tuple[StageConfig, ...]
    fan_in_range: Mapping[str, tuple[float, float]]
    runs: HeldOutRuns
    anchors: Anchors = field(default_factory=no_anchors)
    lines: Mapping[str, Line] = field(default_factory=dict)
    cores: float | None = None
    failed: tuple[StageConfig, ...] = ()
    backends: tuple[str, ...] = ()
    requests: RequestCounts | None = None

    @property
    def has_energy(self) -> bool:
        """Whether joules were measured."""
        return "energy" in self.targets or {"energy_dynamic", "energy_idle"} <= set(self.targets)

    def rows(self, configs: Sequence[StageConfig], fan_ins: Sequence[Mapping[str, int]]) -> Rows:
        """Return configurations as predictors see them.

        Raises
        ------
        ConfigurationError
            The fan-in from a parent that matters is not given.
        """
        return Rows.of(configs, fan_ins, self.parents, self.cores)

    def rows_of(self, rows: Rows) -> Rows:
        """Return rows with the fan-in from the parents that matter, and from no others."""
        return replace(rows, fan_in={parent: rows.fan_in[parent] for parent in self.parents})

    def evaluate(self, rows: Rows, without: int | None = None) -> dict[str, FloatArray]:
        """Return target → array (rows,): whole-stage totals, ``time`` of the slowest worker.

        Parameters
        ----------
        rows : the configurations
        without : predict by the models that did not see this group
        """
        values: dict[str, FloatArray] = {}
        found = self.anchors.find(rows, without)
        rows = believed(rows, self.lines)
        for target in TARGETS:
            model = self.targets.get(target)
            if model is None:
                continue
            if target in ON_TIME:
                rows = rows.with_covariates(covariates(rows, values))
            value = model.without(without).predict(rows)
            value = value * rows.workers if target in TOTALS else value
            values[target] = self.anchors.pull(target, value, found)
            if target == "worker_seconds":  # nobody works longer than the slowest
                values[target] = np.minimum(values[target], values["time"] * rows.workers)
        return values

    def expected_requests(self, workers: int, fan_in: Mapping[str, int]) -> tuple[float, float]:
        """Return the (puts, gets) of a run to the object store; none where they are not known.

        Parameters
        ----------
        workers : of the stage
        fan_in : workers of the parents; those left out are taken as they were measured
        """
        if self.requests is None:
            return 0.0, 0.0
        usual = {parent: int(low) for parent, (low, _) in self.fan_in_range.items()}
        return self.requests.of(workers, {**usual, **fan_in})

    def measured_rows(self) -> Rows:
        """Return the n conditions that were measured, in the order of ``anchors``."""
        keys = np.array(list(self.anchors.places), dtype=float).reshape(-1, 3 + len(self.parents))
        fan_in = {parent: keys[:, 3 + i] for i, parent in enumerate(self.parents)}
        return Rows(keys[:, 0], keys[:, 1], keys[:, 2], fan_in, cores=self.cores)

    def untold(self, rows: Rows, metric: str, scope: str = "provisioned") -> FloatArray:
        """Return by how much it matters what sweeps did not tell apart: array (rows,).

        The logarithm of what is predicted over what would be if the parents had the workers that
        they had in sweeps beside so many of this stage; 0 for conditions that were measured.

        Parameters
        ----------
        rows : the configurations
        metric : ``time``, ``energy`` or ``cost`` (billed seconds)
        scope : of energy
        """
        if not self.lines:
            return np.zeros(len(rows))
        here, there = (
            self._metric(self.evaluate(table), metric, scope)
            for table in (rows, on_lines(rows, self.lines))
        )
        apart = np.abs(np.log(here / there))
        matters: FloatArray = np.where(self.seen(rows) | ~np.isfinite(apart), 0.0, apart)
        return matters

    def measured(self, metric: str, scope: str = "provisioned") -> FloatArray:
        """Return what each run took: array (runs,), NaN where unmeasured; as for ``ratio``."""
        return self._metric(self.runs.measured, metric, scope)

    def _metric(self, values: Mapping[str, FloatArray], metric: str, scope: str) -> FloatArray:
        if metric != "energy":
            return values["time" if metric == "time" else "worker_seconds"]
        joules = stage_energy_j(values, scope, self.stage)
        if joules is None:
            raise MissingEnergyError([self.stage])
        return joules

    def seen(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which rows were measured under exactly these conditions: array (rows,)."""
        return self.anchors.find(rows) >= 0

    def alternatives(self, rows: Rows) -> dict[str, FloatArray]:
        """Return what the models that did not see a run predict for one configuration.

        Parameters
        ----------
        rows : a single row

        Returns
        -------
        target → array (runs,)
        """
        ids, inverse = np.unique(self.runs.groups, return_inverse=True)
        by_group = [self.evaluate(rows, int(group)) for group in ids]
        return {
            target: np.array([values[target][0] for values in by_group])[inverse]
            for target in by_group[0]
        }

    def extrapolated(
        self, configs: Sequence[StageConfig], fan_ins: Sequence[Mapping[str, int]]
    ) -> npt.NDArray[np.bool_]:
        """Return which predictions leave what was measured: array (configs,).

        A configuration that never ran, or a parent with more or fewer workers than ever.
        """
        measured = set(self.configs)
        outside = [config not in measured for config in configs]
        for i, fan_in in enumerate(fan_ins):
            for parent, (low, high) in self.fan_in_range.items():
                outside[i] = outside[i] or not low <= fan_in.get(parent, low) <= high
        return np.array(outside, dtype=bool)

    def ratio(self, metric: str, *, scope: str = "provisioned", seen: bool = False) -> FloatArray:
        """Return measured/predicted of each run: array (runs,), NaN where unknown.

        Parameters
        ----------
        metric : ``time``, ``energy`` or ``cost`` (billed seconds)
        scope : of energy
        seen : of predictions that know the other runs of the condition
        """
        if metric != "energy":
            return self.runs.ratio("time" if metric == "time" else "worker_seconds", seen=seen)
        measured = stage_energy_j(self.runs.measured, scope, self.stage)
        known = self.runs.repeated if seen else self.runs.predicted
        predicted = stage_energy_j(known, scope, self.stage)
        unknown = np.full(len(self.runs.run_ids), np.nan)
        if measured is None or predicted is None:
            return unknown
        ratio: FloatArray = np.divide(measured, predicted, out=unknown, where=predicted > 0)
        return ratio if seen else ratio**self.runs.stretch


def covariates(rows: Rows, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return what cpu time and energy are predicted from: seconds of one worker.

    Where cpu time was not measured, all cores are taken to be busy all the time.
    """
    duration = values["worker_seconds"] / rows.workers
    busy = duration * rows.cpu
    cpu_time = values["cpu_time"] / rows.workers if "cpu_time" in values else busy
    return {"duration": duration, "cpu_time": np.where(np.isnan(cpu_time), busy, cpu_time)}
