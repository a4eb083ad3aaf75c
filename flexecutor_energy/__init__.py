"""Run workflows on Lithops with the least energy under a deadline or a budget.

Names are loaded when they are first used: workers import parts of this package, and importing
one of them must load nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexecutor_energy.version import __version__

_HOMES = {
    "Chunker": "workflow.chunking",
    "ChunkerType": "workflow.chunking",
    "ChunkerTypeEnum": "workflow.chunking",
    "ConfigSpace": "workflow.config",
    "DAG": "dag",
    "DAGExecutor": "executor",
    "FlexData": "workflow.data",
    "FlexecutorEnergyError": "errors",
    "InfeasibleError": "errors",
    "Plan": "optimization.plan",
    "ReadStrategy": "workflow.data",
    "Stage": "workflow.stage",
    "StageConfig": "workflow.config",
    "StageContext": "workflow.context",
    "StrategyEnum": "workflow.data",
    "flexorchestrator": "executor",
}

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG
    from flexecutor_energy.errors import FlexecutorEnergyError, InfeasibleError
    from flexecutor_energy.executor import DAGExecutor, flexorchestrator
    from flexecutor_energy.optimization.plan import Plan
    from flexecutor_energy.workflow.chunking import Chunker, ChunkerType, ChunkerTypeEnum
    from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
    from flexecutor_energy.workflow.context import StageContext
    from flexecutor_energy.workflow.data import FlexData, ReadStrategy, StrategyEnum
    from flexecutor_energy.workflow.stage import Stage

__all__ = [
    "DAG",
    "Chunker",
    "ChunkerType",
    "ChunkerTypeEnum",
    "ConfigSpace",
    "DAGExecutor",
    "FlexData",
    "FlexecutorEnergyError",
    "InfeasibleError",
    "Plan",
    "ReadStrategy",
    "Stage",
    "StageConfig",
    "StageContext",
    "StrategyEnum",
    "__version__",
    "flexorchestrator",
]


def __getattr__(name: str) -> Any:
    """Load an exported name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flexecutor_energy' has no attribute {name!r}")
    return getattr(import_module(f"flexecutor_energy.{_HOMES[name]}"), name)
