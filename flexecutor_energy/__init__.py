"""Run workflows on Lithops with the least energy under a deadline or a budget.

Names are loaded when they are first used: workers import parts of this package, and importing
one of them must load nothing heavy.
"""

from typing import TYPE_CHECKING

from flexecutor_energy.exports import exporting
from flexecutor_energy.version import __version__

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


__getattr__ = exporting(
    __name__,
    {
        ".dag": ("DAG",),
        ".errors": ("FlexecutorEnergyError", "InfeasibleError"),
        ".executor": ("DAGExecutor", "flexorchestrator"),
        ".optimization.plan": ("Plan",),
        ".workflow.chunking": ("Chunker", "ChunkerType", "ChunkerTypeEnum"),
        ".workflow.config": ("ConfigSpace", "StageConfig"),
        ".workflow.context": ("StageContext",),
        ".workflow.data": ("FlexData", "ReadStrategy", "StrategyEnum"),
        ".workflow.stage": ("Stage",),
    },
)
