"""The shipped workflows, profiled, planned and run: what `native` and `savings` share.

Profiles lie in a workspace (`.flexecutor/benchmarks` by default), so that a second benchmark
measures nothing twice. Every workflow is profiled over one space: 0.5 and 1 core by 1, 2 and 4
workers, and 2 cores by 1 worker, at 1024 MB.
"""

import argparse
import contextlib
import importlib
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flexecutor_energy import DAG, ConfigSpace, Plan, StageConfig
from flexecutor_energy.errors import FlexecutorEnergyError, InfeasibleError, MissingExtraError
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.executing import execute_once
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.execution.session import Session, open_session
from flexecutor_energy.hardware.detect import detect_host
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.records.power_facts import PowerFacts, power_facts
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.workspace import Workspace

MEMORY_MB = 1024
DEFAULT = StageConfig(cpu=1, workers=1, memory=MEMORY_MB)
SPACE = ConfigSpace.of(
    [
        *ConfigSpace(cpu=[0.5, 1], memory=[MEMORY_MB], workers=[1, 2, 4]),
        StageConfig(cpu=2, workers=1, memory=MEMORY_MB),
    ]
)
SHIPPED = sorted(init.parent.name for init in Path("dags").glob("*/__init__.py"))
CONFIDENCES = (0.95, 0.8, 0.5)

Configs = Mapping[str, StageConfig]


@dataclass(frozen=True, slots=True)
class Shipped:
    """One workflow whose inputs are in place and whose predictors are trained.

    Attributes
    ----------
    name, module, dag : which
    session : where it runs
    size : of its input
    """

    name: str
    module: ModuleType
    dag: DAG
    session: Session
    size: Any

    def power(self) -> PowerFacts | None:
        """Return the power model behind its joules."""
        return power_facts(self.dag.profiles())

    def everywhere(self, config: StageConfig) -> Configs:
        """Return the same configuration for all stages."""
        return dict.fromkeys(self.dag.stage_ids, config)

    def run(self, configs: Configs, energy: str = "auto") -> DAGRun:
        """Run it once, check its answer, and remove what it wrote.

        Raises
        ------
        AssertionError
            The answer is wrong.
        """
        run = execute_once(
            self.session,
            self.dag,
            configs,
            options=RunOptions(),
            pricing=resolve_pricing(None),
            energy=energy,
        )
        self.module.check(self.module.answer(run), self.size)
        self.session.remove_outputs(self.dag, run.run_id)
        return run


def add_options(parser: argparse.ArgumentParser, reps: int) -> None:
    """Add the options that both benchmarks have."""
    parser.add_argument("--dags", default=",".join(SHIPPED), help="names, with commas between")
    parser.add_argument("--size", default="small")
    parser.add_argument("--backend", default="lithops", help="lithops, local, or a configuration")
    parser.add_argument("--workspace", default=".flexecutor/benchmarks")
    parser.add_argument("--profile-reps", type=int, default=2)
    parser.add_argument("--reps", type=int, default=reps, help="repetitions of each variant")
    parser.add_argument("--quick", action="store_true", help="two repetitions of everything")
    parser.add_argument("--seed", type=int, default=0, help="of the order")
    parser.add_argument("--json", metavar="FILE", help="where the figures go")


def shipped(options: argparse.Namespace) -> Iterator[Shipped]:
    """Yield each workflow, profiled as far as it was not; one that cannot run is told of."""
    workspace = Workspace.of(options.workspace)
    with (
        open_storage(None, workspace) as storage,
        open_session(options.backend, storage, workspace) as session,
    ):
        for name in options.dags.split(","):
            module = importlib.import_module(f"dags.{name}")
            try:
                dag = module.build(options.size, workspace.root)
            except MissingExtraError as missing:
                print(f"{name} is left out: {missing}")
                continue
            with contextlib.closing(dag):
                try:
                    module.prepare(options.size, workspace.root, storage)
                    dag.profile(
                        SPACE,
                        reps=min(options.reps, options.profile_reps),
                        backend=session.backend,
                        storage=storage,
                        progress=[_Said(name)],
                    )
                    dag.train()
                except FlexecutorEnergyError as error:
                    print(f"{name} is left out: {error}")
                    continue
                yield Shipped(name, module, dag, session, options.size)


class _Said:
    """Says how far a sweep is, now and then."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state: Any) -> None:
        if state.runs_done and not state.runs_done % 5:
            print(f"  profiling {self.name}: {state.runs_left} runs left", flush=True)


def planned(dag: DAG, objective: Any, deadline_s: float) -> Plan:
    """Return the best plan that keeps a deadline, at the highest confidence that can be had.

    Where not even half of the runs are expected to keep it, the fastest plan is returned.
    """
    for confidence in CONFIDENCES:
        try:
            return dag.optimize(objective, max_time=deadline_s, confidence=confidence, space=SPACE)
        except InfeasibleError:
            continue
    return dag.optimize("time", space=SPACE)


def uniform(work: Shipped, deadline_s: float) -> StageConfig:
    """Return the configuration of least predicted energy among those that all stages share.

    Where none is expected to keep the deadline, the one of least time.
    """
    found = {config: work.dag.predict(work.everywhere(config)) for config in SPACE}
    energy = {
        config: prediction.energy.mean
        for config, prediction in found.items()
        if prediction.energy is not None and prediction.time.mean <= deadline_s
    }
    if energy:
        return min(energy, key=energy.__getitem__)
    return min(found, key=lambda config: found[config].time.mean)


def clamped(work: Shipped, configs: Configs) -> tuple[StageConfig, ...]:
    """Return what will run, to tell whether two choices are the same."""
    return tuple(
        StageConfig(
            configs[stage.stage_id].cpu,
            min(configs[stage.stage_id].workers, stage.max_concurrency),
            configs[stage.stage_id].memory,
        )
        for stage in work.dag.stages
    )


def machine(runs: Sequence[DAGRun]) -> str:
    """Return one line on the machine, and on where its joules come from."""
    facts = detect_host()
    kind = "virtual machine" if facts.virtualised else "machine"
    cpu = facts.cpu_name or platform.machine()
    how = next((run.energy_detail.how for run in runs if run.energy_detail.how), None)
    energy = how.describe() if how is not None else "unmeasured"
    load = os.getloadavg()[1]
    return (
        f"{cpu}, {facts.logical_cpus} CPUs, {kind}; energy: {energy}; load of the machine at the "
        f"end {load:.1f} (5 min)"
    )
