"""Workflows whose stages do nothing, for the reference profiles that were measured of others.

They are found as ``tests.unit.report_workflow:vm`` and ``:jolteon``.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from flexecutor_energy import DAG, Plan, Stage, StageConfig, StageContext
from flexecutor_energy.cli import app
from flexecutor_energy.optimization.audit import Audit, Comparison, StageAudit
from flexecutor_energy.quantities import Interval
from tests.unit.prediction_profiles import JOLTEON_PARENTS, REFERENCE

VM = "tests.unit.report_workflow:vm"
JOLTEON = "tests.unit.report_workflow:jolteon"
VM_PARENTS = {
    "train": ["pca"],
    "aggregate": ["pca", "train"],
    "test": ["pca", "aggregate"],
}


def nothing(context: StageContext) -> None:
    del context


def vm(workspace: Any = None) -> DAG:
    """Return the workflow of `ml_2core_vm`, whose profiles hold modelled energy."""
    return _dag("ml_2core_vm", ["pca", "train", "aggregate", "test"], VM_PARENTS, workspace)


def jolteon(workspace: Any = None) -> DAG:
    """Return the workflow of `jolteon_ml`, whose profiles hold no energy."""
    return _dag("jolteon_ml", [f"stage{i}" for i in range(4)], JOLTEON_PARENTS, workspace)


def _dag(name: str, ids: list[str], parents: dict[str, list[str]], workspace: Any) -> DAG:
    one_worker = {"pca", "test", "stage0", "stage3"}
    stages = {i: Stage(i, nothing, max_concurrency=1 if i in one_worker else 1024) for i in ids}
    for child, before in parents.items():
        for parent in before:
            stages[parent] >> stages[child]
    return DAG(name, workspace=workspace).add_stages(stages.values())


def measured_workspace(folder: Path, dag: DAG) -> Path:
    """Copy the reference profiles of a workflow into a workspace and train on them."""
    shutil.copytree(REFERENCE / dag.name, folder / "profiles" / dag.name)
    dag.train(include_stale=True)
    return folder


def keep_plan(folder: Path, plan: Plan) -> None:
    """Keep a plan where commands look for the newest."""
    path = folder / "runs" / plan.dag / "plan.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(plan.to_json())


def keep_run(
    folder: Path,
    plan: Plan,
    run_id: str,
    *,
    factor: float = 1.0,
    factors: dict[str, float] | None = None,
    configs: dict[str, StageConfig] | None = None,
    audited: bool = True,
) -> Path:
    """Write the run.json of a run that took this many times what the plan predicts.

    Parameters
    ----------
    factor, factors : of the whole run, and of single stages
    configs : what really ran, if it was not the plan
    audited : whether the run followed the plan
    """
    stages = {}
    for stage_id, stage in plan.stages.items():
        off = (factors or {}).get(stage_id, factor)
        stages[stage_id] = {
            "config": list((configs or plan.configs)[stage_id].key),
            "time_s": stage.time.mean * off,
            "energy_j": None if stage.energy is None else stage.energy.mean * off,
            "cost_usd": stage.cost.mean * off if stage.cost else 0.0,
            "started_s": stage.start_s * factor,
            "finished_s": stage.start_s * factor + stage.time.mean * off,
        }
    how = {"method": "model", "boundary": "wall", "known": False, "form": "host"}
    run = {
        "run_id": run_id,
        "dag": plan.dag,
        "backend": "lithops:localhost",
        "time_s": plan.time.mean * factor,
        "energy_j": None if plan.energy is None else plan.energy.mean * factor,
        "energy_method": {**how, "source": "a test", "band": [0.33, 1.8]}
        if plan.energy is not None
        else None,
        "energy_reason": "" if plan.energy is not None else "energy was switched off",
        "energy_rows_j": {},
        "cost_usd": plan.cost.mean * factor if plan.cost else 0.0,
        "stages": stages,
        "outputs": {},
        "ledger": {"workers_s": 1.0, "startup_s": 2.0, "total_s": 3.1, "coverage": 0.97},
        "audit": _audit(plan, factor, factors or {}).to_dict() if audited else None,
    }
    path = folder / "runs" / plan.dag / run_id / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(run))
    return path


def _audit(plan: Plan, factor: float, factors: dict[str, float]) -> Audit:
    def beside(predicted: Interval | None, off: float) -> Comparison:
        return Comparison(predicted, None if predicted is None else predicted.mean * off)

    return Audit(
        time=beside(plan.time, factor),
        energy=beside(plan.energy, factor),
        cost=beside(plan.cost, factor),
        stages={
            name: StageAudit(
                *(
                    beside(interval, factors.get(name, factor))
                    for interval in (stage.time, stage.energy, stage.cost)
                )
            )
            for name, stage in plan.stages.items()
        },
        kept={} if plan.terms.max_time is None else {"max_time": factor <= 1.0},
        differing={},
    )


def invoke(command: str, name: str, folder: Path, *arguments: str) -> Result:
    """Run a command on one of these workflows."""
    target = ("--dag", name, "--workspace", str(folder))
    return CliRunner().invoke(app, [command, *arguments, *target])
