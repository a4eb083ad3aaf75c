"""One open backend on one open storage: where runs of workflows happen."""

import contextlib
import datetime
import logging
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import Engine, RunOptions
from flexecutor_energy.execution.events import Observer
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.ledger import Ledger, TreeMeter, ledger_of
from flexecutor_energy.execution.metering import check_energy, meter, meter_choice
from flexecutor_energy.execution.sampling import HostSamplers
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.hardware.calibrations import load_calibrations
from flexecutor_energy.storage.select import Storage
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workspace import Workspace, write_atomically

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Session:
    """Runs workflows on an open backend and storage.

    Attributes
    ----------
    storage : where the data of stages lies
    backend : where stages run
    workspace : where logs of workers go
    """

    storage: Storage
    backend: Backend
    workspace: Workspace
    _samplers: HostSamplers = field(default_factory=HostSamplers)

    def run(
        self,
        graph: StageGraph,
        configs: Mapping[str, StageConfig],
        trace: RunTrace,
        options: RunOptions,
        observers: Iterable[Observer] = (),
        cancel: threading.Event | None = None,
    ) -> Ledger:
        """Run a workflow once, filling ``trace``, and return where its CPU time went.

        Missing output buckets are created. The logs of failed stages, and of workers that
        printed something, are kept whatever happens.
        """
        for bucket in self._output_buckets(graph):
            self.storage.ensure_bucket(bucket)
        engine = Engine(self.backend, self.storage.store, self.storage.bucket, observers)
        tree = TreeMeter(self._server_pids)
        choice = options.meter if self.backend.on_this_host else None
        try:
            with self._samplers.during(choice, trace):
                engine.run(graph, configs, trace, options, cancel)
        finally:
            self._keep_logs(graph.name, trace)
        return ledger_of(trace, tree)

    def metered(self, options: RunOptions, energy: str) -> RunOptions:
        """Return the options of a run whose energy is measured by a method.

        Raises
        ------
        EnergyUnavailableError
            It was asked for by name, and cannot be read on the host of driver and workers.
        ConfigurationError
            There is no such method.
        """
        check_energy(energy, here=self.backend.on_this_host)
        return replace(options, meter=meter_choice(energy))

    def joules(self, trace: RunTrace, ledger: Ledger | None, energy: str) -> RunEnergy:
        """Return the joules of a run that has ended, however it did."""
        storage_s = ledger.storage_s if ledger is not None else 0.0
        measured = {} if energy == "off" else load_calibrations(self.workspace)
        return meter(trace, storage_s, energy, calibrations=measured)

    def close(self) -> None:
        """End what reading the host's counters keeps running."""
        self._samplers.close()

    def remove_outputs(self, graph: StageGraph, run_id: str, keep: Iterable[str] = ()) -> None:
        """Delete what a run wrote, but for the data whose ids are in ``keep``."""
        kept = set(keep)
        for stage in graph.stages:
            for data in stage.outputs:
                if data.data_id not in kept:
                    bucket = data.bucket or self.storage.bucket
                    self.storage.store.delete_prefix(bucket, f"{data.prefix}/{run_id}/")

    def _output_buckets(self, graph: StageGraph) -> set[str]:
        return {d.bucket or self.storage.bucket for s in graph.stages for d in s.outputs}

    def _server_pids(self) -> tuple[int, ...]:
        return self.storage.server.pids() if self.storage.server is not None else ()

    def _keep_logs(self, dag: str, trace: RunTrace) -> None:
        folder = self.workspace.runs(dag) / trace.run_id / "logs"
        texts = {
            f"{stage.stage_id}-{report.worker_id}-{report.attempt}.log": report.logs
            for stage in trace.stages.values()
            for report in (*stage.reports, *stage.wasted)
            if report.logs.strip()
        }
        for stage_id, error in trace.failures.items():
            texts[f"{stage_id}-failed.log"] = f"{error}\n"
        for name, text in texts.items():
            write_atomically(folder / name.replace("/", "_"), self.storage.spec.redact(text))


@contextlib.contextmanager
def open_session(backend: Any, storage: Storage, workspace: Workspace) -> Iterator[Session]:
    """Open a backend on an open storage, and close the backend if this call opened it.

    Parameters
    ----------
    backend : a name, a Lithops configuration, or a backend object
    storage : where data lies; stays open
    workspace : folder of profiles, models and runs

    Raises
    ------
    ConfigurationError
        Workers run elsewhere and could not reach the storage.
    """
    logger.info("storage: %s", storage.describe())
    runner = open_backend(backend)
    try:
        _check_reach(storage, runner)
        session = Session(storage, runner, workspace)
        with contextlib.closing(session):
            yield session
    finally:
        if runner is not backend:
            runner.close()


def _check_reach(storage: Storage, backend: Backend) -> None:
    if not backend.on_this_host and storage.spec.reach != "network":
        raise ConfigurationError(
            f"workers of {backend.name} run on other hosts and cannot reach {storage.describe()}; "
            "name a store on the network: S3_ENDPOINT, --storage, or a section of the Lithops "
            "configuration"
        )
    if storage.spec.reach == "process":
        raise ConfigurationError(
            "workers are other processes and cannot see a store in memory; use 'file'"
        )


def new_run_id() -> str:
    """Return an id that sorts by time and that no two runs share."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    return f"{now}-{secrets.token_hex(4)}"
