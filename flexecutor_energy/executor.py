"""Flexecutor's own entry points, so that its users' scripts read as before."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from flexecutor_energy.dag import DAG
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.prediction.results import WorkflowPrediction
from flexecutor_energy.records.run import Profile
from flexecutor_energy.storage.keeper import default_bucket
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.stage import Stage

P = ParamSpec("P")
R = TypeVar("R")


class DAGExecutor:
    """Runs a DAG as Flexecutor's class of this name does.

    Parameters
    ----------
    dag : the workflow
    executor : a ``lithops.FunctionExecutor``, whose configuration is used; a backend name or
        object; None means Lithops as it is configured
    scheduler : accepted for compatibility; configurations come from ``optimize``
    """

    def __init__(self, dag: DAG, executor: Any = None, scheduler: Any = None) -> None:
        if scheduler is not None:
            raise ConfigurationError(
                "schedulers are replaced by optimize(objective=…, max_time=…); leave it out"
            )
        self._dag = dag
        self._backend = _backend_of(executor)

    def profile(
        self,
        config_space: ConfigSpace | Iterable[StageConfig],
        stage: Stage | None = None,
        num_reps: int = 1,
        **options: Any,
    ) -> dict[str, Profile]:
        """Measure the configurations, of all stages or of one.

        With ``stage``, the other stages run in their ``resource_config``, or with one worker.
        """
        if isinstance(config_space, ConfigSpace):
            space = config_space
        else:
            space = ConfigSpace.of(config_space)
        if stage is not None:
            own = {stage.stage_id: ConfigSpace.of(space.for_stage(stage.stage_id))}
            first = space.for_stage(stage.stage_id)[0]
            rest = {
                other.stage_id: ConfigSpace.of(
                    [other.resource_config or StageConfig(first.cpu, 1, first.memory)]
                )
                for other in self._dag.stages
                if other is not stage
            }
            space = ConfigSpace(stages={**own, **rest})
        options.setdefault("backend", self._backend)
        return self._dag.profile(space, reps=num_reps, **options)

    def train(self, stage: Stage | None = None) -> TrainReport:
        """Fit predictors to the profiles; of all stages, whichever is named."""
        del stage
        return self._dag.train()

    def predict(self, configs: Mapping[str, StageConfig], **options: Any) -> WorkflowPrediction:
        """Return what one run in these configurations is expected to take."""
        return self._dag.predict(configs, **options)

    def optimize(self, objective: Any = "energy", **options: Any) -> Plan:
        """Choose configurations; see ``DAG.optimize``."""
        return self._dag.optimize(objective, **options)

    def execute(
        self, plan: Plan | None = None, num_workers: int | None = None, **options: Any
    ) -> DAGRun:
        """Run the workflow; ``num_workers`` gives stages without a configuration one cpu each."""
        if plan is None and num_workers is not None:
            for stage in self._dag.stages:
                stage.resource_config = stage.resource_config or StageConfig(1, num_workers)
        options.setdefault("backend", self._backend)
        return self._dag.execute(plan, **options)

    def shutdown(self) -> None:
        """Do nothing: backends are closed after each call."""


def _backend_of(executor: Any) -> Any:
    if executor is None:
        return "lithops"
    config = getattr(executor, "config", None)
    return dict(config) if isinstance(config, Mapping) else executor


def flexorchestrator(bucket: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that runs a function with ``bucket`` as the default bucket.

    Data that names no bucket lies there while the function runs.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            token = default_bucket.set(bucket or None)
            try:
                return function(*args, **kwargs)
            finally:
                default_bucket.reset(token)

        return wrapper

    return decorate
