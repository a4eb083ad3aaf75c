"""What profiles and workflow say beside predictions, for plans to explain themselves with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flexecutor_energy.records.energy_facts import energy_facts
from flexecutor_energy.records.power_facts import (
    PowerFacts,
    ProfilingSpent,
    power_facts,
    profiling_spent,
)
from flexecutor_energy.records.run import Profile
from flexecutor_energy.workflow.config import StageConfig


@dataclass(frozen=True, slots=True)
class Background:
    """What a plan is made before.

    Attributes
    ----------
    energy_source : where the profiles' joules come from, in words
    power : the power model behind them; None where profiles do not show it
    profiling : what measuring the profiles took; None where nobody says
    defaults : the configurations that were set on stages, which would run without a plan
    """

    energy_source: str = ""
    power: PowerFacts | None = None
    profiling: ProfilingSpent | None = None
    defaults: Mapping[str, StageConfig] = field(default_factory=dict)

    @classmethod
    def of(
        cls, profiles: Mapping[str, Profile], defaults: Mapping[str, StageConfig]
    ) -> "Background":
        """Return what profiles say, with the configurations that were set on stages."""
        return cls(
            energy_source=energy_facts(profiles.values()).describe(),
            power=power_facts(profiles),
            profiling=profiling_spent(profiles.values()),
            defaults=defaults,
        )
