"""Configurations of all stages of a workflow: those set on them, and whether each has one."""

from collections.abc import Mapping

from flexecutor_energy.errors import ConfigurationError, UnknownStageError
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph


def set_configs(graph: StageGraph) -> dict[str, StageConfig]:
    """Return the configurations that are set on stages, by stage; not every stage needs one."""
    return {s.stage_id: s.resource_config for s in graph.stages if s.resource_config is not None}


def all_set_configs(graph: StageGraph) -> dict[str, StageConfig]:
    """Return the configuration that is set on each stage.

    Raises
    ------
    ConfigurationError
        A stage has none.
    """
    configs = set_configs(graph)
    unset = [stage_id for stage_id in graph.stage_ids if stage_id not in configs]
    if unset:
        raise ConfigurationError(
            f"no configuration for {', '.join(unset)}; call optimize, give a plan, or set "
            "resource_config = StageConfig(cpu=…, workers=…, memory=…) on the stage"
        )
    return configs


def check_configs(graph: StageGraph, configs: Mapping[str, StageConfig]) -> None:
    """Check that every stage has a configuration, and that no other is named.

    Raises
    ------
    UnknownStageError, ConfigurationError
    """
    for stage_id in configs:
        if stage_id not in graph.stage_ids:
            raise UnknownStageError(stage_id, graph.stage_ids, "the configurations")
    missing = [stage_id for stage_id in graph.stage_ids if stage_id not in configs]
    if missing:
        raise ConfigurationError(
            f"no configuration for {', '.join(missing)}; every stage needs one"
        )
