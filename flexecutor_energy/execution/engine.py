"""Runs a graph of stages over a backend: a stage starts the moment its parents have finished."""

import resource
import threading
from collections.abc import Iterable, Mapping

from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.events import Event, Observer
from flexecutor_energy.execution.run_loop import Place, RunLoop, RunOptions
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.graph import StageGraph

__all__ = ["Engine", "RunOptions"]


class Engine:
    """Runs graphs on one backend and one object store.

    Parameters
    ----------
    backend : an open backend
    store : the driver's own client of the object store
    bucket : the bucket of data that names none
    observers : told of each event, in the driver's thread
    """

    def __init__(
        self, backend: Backend, store: ObjectStore, bucket: str, observers: Iterable[Observer] = ()
    ) -> None:
        self._place = Place(backend, store, bucket)
        self._observers = tuple(observers)

    def run(
        self,
        graph: StageGraph,
        configs: Mapping[str, StageConfig],
        trace: RunTrace,
        options: RunOptions | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Run all stages once, filling ``trace`` as they finish.

        Parameters
        ----------
        graph : the workflow, validated
        configs : resources of every stage of the graph
        trace : what has finished stands there also when this call raises
        options : timeouts, retries, isolation
        cancel : set by another thread to stop the run

        Raises
        ------
        StageFailedError
            A stage failed for good (not with ``keep_going``: see ``trace.failures``).
        BucketMissingError, InputMissingError
            An external input is missing; nothing was run.
        RunCancelledError
            ``cancel`` was set.
        """
        backend = self._place.backend
        before = _own_cpu_s(), backend.own_cpu_s()
        run = RunLoop(self._place, graph, configs, trace, options or RunOptions(), self._tell)
        try:
            run.to_end(cancel)
        except BaseException:
            run.abandon()
            backend.cancel()
            raise
        finally:
            trace.driver_cpu_s = _own_cpu_s() - before[0]
            after = backend.own_cpu_s()
            if before[1] is not None and after is not None:
                # a runner that had to be killed may take what it used along
                trace.backend_cpu_s = max(after - before[1], 0.0)

    def _tell(self, event: Event) -> None:
        for observer in self._observers:
            observer(event)


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
