"""What a plan knows beside its candidates, so that it can be asked things without profiles."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from flexecutor_energy.optimization.problem import METRICS, Metric
from flexecutor_energy.records.power_facts import PowerFacts, ProfilingSpent


@dataclass(frozen=True, slots=True)
class PlanContext:
    """Power model, profiling and margins behind a plan.

    Attributes
    ----------
    power : the power model behind the joules; None where it is not known
    profiling : what measuring the profiles took; None where it is not known
    margins : bounded metrics, such as ``time+cost`` → the factor that held-out runs stayed below
        in all of them at once, with the plan's confidence; empty where it is not known
    """

    power: PowerFacts | None = None
    profiling: ProfilingSpent | None = None
    margins: Mapping[str, float] = field(default_factory=dict)

    def margin(self, metrics: Collection[Metric]) -> float | None:
        """Return the factor for bounds on some metrics together; None where it is not known."""
        return self.margins.get(margin_key(metrics)) if metrics else 1.0


def margin_key(metrics: Collection[Metric]) -> str:
    """Return the name of a set of bounded metrics."""
    return "+".join(metric for metric in METRICS if metric in metrics)
