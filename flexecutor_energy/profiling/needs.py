"""What is still to be measured of a stage."""

from collections import Counter
from dataclasses import dataclass, field

from flexecutor_energy.workflow.config import StageConfig


@dataclass(slots=True)
class StageNeeds:
    """What is still to be measured of one stage.

    Attributes
    ----------
    stage_id : the stage
    left : repetitions that each configuration still needs
    runs : repetitions that each configuration has had, old ones included
    infeasible : configurations that failed
    """

    stage_id: str
    left: dict[StageConfig, int]
    runs: Counter[StageConfig] = field(default_factory=Counter)
    infeasible: set[StageConfig] = field(default_factory=set)

    @property
    def total_left(self) -> int:
        """Repetitions still needed, over all configurations."""
        return sum(self.left.values())

    @property
    def feasible(self) -> list[StageConfig]:
        """Configurations that have not failed."""
        return [config for config in self.left if config not in self.infeasible]
