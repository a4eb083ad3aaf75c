"""What one run took: of the single process, and of a workflow."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.shipped import MEMORY_MB
from flexecutor_energy.execution.native import NativeRun
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.worlds import World
from flexecutor_energy.records.power_facts import PowerFacts

MACHINERY = ("startup", "engine", "storage")


@dataclass(frozen=True, slots=True)
class Took:
    """What a run took, by one process or by a workflow.

    Attributes
    ----------
    time_s, cpu_s : seconds, and CPU seconds of functions alone
    energy_j : joules by method; of a workflow with the start of its workers
    machinery_cpu_s, machinery_j : CPU seconds and joules of ``MACHINERY``; of the single process
        its own start-up, which is in none of the others
    """

    time_s: float
    cpu_s: float
    energy_j: Mapping[str, float | None]
    machinery_cpu_s: Mapping[str, float]
    machinery_j: Mapping[str, float]

    @classmethod
    def of_native(cls, run: NativeRun) -> "Took":
        """Return what the single process took."""
        startup_j = {"startup": next(iter(run.startup_j.values()), None) or 0.0}
        return cls(run.time_s, run.cpu_s, run.energy_j, {"startup": run.startup_cpu_s}, startup_j)

    @classmethod
    def of_run(cls, run: DAGRun) -> "Took":
        """Return what a run of the workflow took."""
        ledger, rows = run.ledger, run.energy_detail.rows
        cpu = {"startup": ledger.startup_s, "engine": ledger.engine_s, "storage": ledger.storage_s}
        joules = {row: rows.get(row, 0.0) for row in MACHINERY}
        return cls(run.time, ledger.workers_s, run.energy_by_method, cpu, joules)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run of a workflow took, and what its joules are made of.

    Attributes
    ----------
    took : time, CPU time and joules
    reserved_core_s : cores of each worker × the seconds it lasted, added up
    energy_j : joules, scope ``provisioned``; ``idle_j`` of them for idle power
    foreign : share of the machine's CPU time that nothing of the run used; None if unknown
    """

    took: Took
    reserved_core_s: float
    energy_j: float
    idle_j: float
    foreign: float | None = None

    @property
    def time_s(self) -> float:
        """Seconds of the run."""
        return self.took.time_s

    @property
    def cpu_s(self) -> float:
        """CPU seconds of functions and of the start of their workers."""
        return self.took.cpu_s + self.took.machinery_cpu_s["startup"]

    @classmethod
    def of(cls, run: DAGRun, power: PowerFacts | None) -> "Seen":
        """Return what a run took; raises ValueError where its energy was not measured."""
        if run.energy is None:
            raise ValueError(f"the energy of {run.dag} was not measured")
        idle_j = 0.0
        for stage_id, stage in run.stages.items():
            share = power.startup_idle.get(stage_id, 0.0) if power is not None else 0.0
            for worker in stage.workers:
                idle_j += (worker.energy_idle_j or 0.0) + share * (worker.energy_startup_j or 0.0)
        reserved = sum(
            stage.config.cpu * (worker.duration_s or 0.0)
            for stage in run.stages.values()
            for worker in stage.workers
        )
        foreign = run.energy_detail.foreign_share
        return cls(Took.of_run(run), reserved, run.energy, idle_j, foreign)

    def in_world(self, world: World, power: PowerFacts) -> float:
        """Return the joules that another power model would give."""
        idle = world.watts[0] / power.idle_w if power.idle_w else 1.0
        dynamic = (world.watts[-1] - world.watts[0]) / (power.full_w - power.idle_w)
        memory_j = world.memory_w_gb * self.reserved_core_s * MEMORY_MB / 1024
        return idle * self.idle_j + dynamic * (self.energy_j - self.idle_j) + memory_j
