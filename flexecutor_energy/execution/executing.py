"""One run of a workflow for its results: execute, meter, keep what is final, write it down."""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence

from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.run import DAGRun, finished_run
from flexecutor_energy.execution.session import Session, new_run_id
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workspace import Workspace, write_atomically


def execute_once(
    session: Session,
    graph: StageGraph,
    configs: Mapping[str, StageConfig],
    *,
    options: RunOptions,
    pricing: Pricing,
    energy: str = "auto",
    keep_intermediates: bool = False,
    observers: Iterable[Observer] = (),
    cancel: threading.Event | None = None,
) -> DAGRun:
    """Run a workflow and return its outcome.

    Data that other stages read is dropped at the end, also of a run that failed, unless
    ``keep_intermediates``; what no stage reads is the result and stays.

    Raises
    ------
    StageFailedError, RunCancelledError, StorageError
    """
    options = session.metered(options, energy)
    trace = RunTrace(new_run_id())
    kept_data = _kept_data(graph, keep_intermediates)
    try:
        ledger = session.run(graph, configs, trace, options, observers, cancel)
    finally:
        session.remove_outputs(graph, trace.run_id, keep=kept_data)
    joules = session.joules(trace, ledger, energy)
    kept = _kept_objects(graph, trace, kept_data)
    return finished_run(graph.name, trace, ledger, joules, pricing, session.storage, kept)


def save_run(workspace: Workspace, run: DAGRun) -> None:
    """Write a run's outcome to ``runs/<dag>/<run id>/run.json``."""
    path = workspace.runs(run.dag) / run.run_id / "run.json"
    write_atomically(path, json.dumps(run.to_dict(), indent=1) + "\n")


def _kept_data(graph: StageGraph, keep_intermediates: bool) -> set[str]:
    read = {data.data_id for stage in graph.stages for data in stage.inputs}
    written = {data.data_id for stage in graph.stages for data in stage.outputs}
    return written if keep_intermediates else written - read


def _kept_objects(
    graph: StageGraph, trace: RunTrace, kept_data: set[str]
) -> dict[str, Sequence[ObjectRef]]:
    kept: dict[str, Sequence[ObjectRef]] = {}
    for stage in graph.stages:
        refs = [
            ref
            for data in stage.outputs
            if data.data_id in kept_data
            for ref in trace.stages[stage.stage_id].outputs(data.data_id)
        ]
        if refs or not stage.outputs:
            kept[stage.stage_id] = refs
    return kept
