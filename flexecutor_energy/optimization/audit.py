"""Whether a run kept what its plan promised: measured against predicted."""

from dataclasses import dataclass
from typing import Any

from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.optimization.table import table_hash
from flexecutor_energy.quantities import Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """One predicted quantity beside its measurement.

    Attributes
    ----------
    predicted : mean and interval of one run; None where nothing was predicted
    measured : what the run took; None where unmeasured
    """

    predicted: Interval | None
    measured: float | None

    @property
    def ratio(self) -> float | None:
        """Measured over predicted mean; None where one of them is missing."""
        if self.predicted is None or self.measured is None or self.predicted.mean == 0:
            return None
        return self.measured / self.predicted.mean

    @property
    def inside(self) -> bool | None:
        """Whether the measurement lies in the interval; None where one of them is missing."""
        if self.predicted is None or self.measured is None:
            return None
        return self.measured in self.predicted

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "predicted": self.predicted.to_dict() if self.predicted is not None else None,
            "measured": self.measured,
            "ratio": self.ratio,
            "inside": self.inside,
        }


@dataclass(frozen=True, slots=True)
class StageAudit:
    """One stage of a run beside its plan; seconds, joules, USD."""

    time: Comparison
    energy: Comparison
    cost: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {name: getattr(self, name).to_dict() for name in ("time", "energy", "cost")}


@dataclass(frozen=True, slots=True)
class Audit:
    """A run beside its plan.

    Attributes
    ----------
    time, energy, cost : of the whole run; seconds, joules, USD
    stages : of each stage
    kept : each bound that was asked for, and whether the run kept it; None where unmeasured
    differing : stages that did not run in the planned configuration, and how they ran
    confidence : share of runs that should keep all bounds; None in files of older versions
    predictions : which candidates the plan chose from, as a hash: runs of plans with the same
        one were predicted alike; "" in files of older versions
    """

    time: Comparison
    energy: Comparison
    cost: Comparison
    stages: dict[str, StageAudit]
    kept: dict[str, bool | None]
    differing: dict[str, str]
    confidence: float | None = None
    predictions: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "time": self.time.to_dict(),
            "energy": self.energy.to_dict(),
            "cost": self.cost.to_dict(),
            "stages": {stage_id: stage.to_dict() for stage_id, stage in self.stages.items()},
            "kept": self.kept,
            "differing": self.differing,
            "confidence": self.confidence,
            "predictions": self.predictions,
        }


def audit(run: DAGRun, plan: Plan) -> Audit:
    """Compare a run with the plan it followed.

    In the scopes ``marginal`` and ``host`` a run's own joules (``provisioned``) are not what the
    plan predicts, so energy is compared in scope ``provisioned`` only.
    """
    same_scope = plan.terms.scope == "provisioned"
    energy = run.energy if same_scope else None
    stages = {
        stage_id: StageAudit(
            Comparison(planned.time, run.stages[stage_id].time),
            Comparison(planned.energy, run.stages[stage_id].energy if same_scope else None),
            Comparison(planned.cost, run.stages[stage_id].cost),
        )
        for stage_id, planned in plan.stages.items()
    }
    bounds = {
        "max_time": (plan.terms.max_time, run.time),
        "max_energy": (plan.terms.max_energy, energy),
        "max_cost": (plan.terms.max_cost, run.cost),
    }
    return Audit(
        time=Comparison(plan.time, run.time),
        energy=Comparison(plan.energy, energy),
        cost=Comparison(plan.cost, run.cost),
        stages=stages,
        kept={
            name: None if measured is None else measured <= bound
            for name, (bound, measured) in bounds.items()
            if bound is not None
        },
        differing={
            stage_id: str(run.stages[stage_id].config)
            for stage_id, config in plan.configs.items()
            if run.stages[stage_id].config != config
        },
        confidence=plan.terms.confidence,
        predictions=table_hash(plan.table),
    )
