"""The shipped workflows, prepared, profiled and run: what `native` and `savings` share.

Profiles lie in a workspace (`.flexecutor/benchmarks` by default), so that a second benchmark
measures nothing twice. Every workflow is profiled over one space, for a host of two cores: 0.5 and
1 core by 1 and 2 workers, and 2 cores by 1 worker, at 1024 MB.
"""

import argparse
import contextlib
import importlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flexecutor_energy import DAG, ConfigSpace, StageConfig
from flexecutor_energy.errors import FlexecutorEnergyError, MissingExtraError
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.executing import execute_once
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.execution.session import Session, open_session
from flexecutor_energy.hardware.detect import detect_host
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.storage.select import open_storage
from flexecutor_energy.workspace import Workspace

MEMORY_MB = 1024
DEFAULT = StageConfig(cpu=1, workers=1, memory=MEMORY_MB)
SPACE = ConfigSpace.of(
    [
        *ConfigSpace(cpu=[0.5, 1], memory=[MEMORY_MB], workers=[1, 2]),
        StageConfig(cpu=2, workers=1, memory=MEMORY_MB),
    ]
)
SHIPPED = sorted(init.parent.name for init in Path("dags").glob("*/__init__.py"))

Configs = Mapping[str, StageConfig]


@dataclass(frozen=True, slots=True)
class Shipped:
    """One workflow whose inputs are in place.

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

    def learn(self, reps: int) -> None:
        """Profile it as far as it was not, and train its predictors."""
        self.dag.profile(
            SPACE,
            reps=reps,
            backend=self.session.backend,
            storage=self.session.storage,
            progress=[_Said(self.name)],
        )
        self.dag.train()

    def everywhere(self, config: StageConfig) -> dict[str, StageConfig]:
        """Return one configuration for all stages, with the workers that each can have."""
        return {
            stage.stage_id: StageConfig(
                config.cpu, min(config.workers, stage.max_concurrency), config.memory
            )
            for stage in self.dag.stages
        }

    def run(self, configs: Configs) -> DAGRun:
        """Run it once with every energy method, check its answer, and remove what it wrote.

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
            energy="all",
        )
        self.module.check(self.module.answer(run), self.size)
        self.session.remove_outputs(self.dag, run.run_id)
        return run


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that both benchmarks have."""
    parser.add_argument("--dags", default=",".join(SHIPPED), help="names, with commas between")
    parser.add_argument("--size", default="small")
    parser.add_argument("--backend", default="lithops", help="lithops, local, or a configuration")
    parser.add_argument("--workspace", default=".flexecutor/benchmarks")
    parser.add_argument("--profile-reps", type=int, default=2)
    parser.add_argument("--reps", type=int, default=5, help="rounds, with those that are kept")
    parser.add_argument("--seed", type=int, default=0, help="of the order within rounds")
    parser.add_argument("--out", help="where rounds are kept; WORKSPACE/rounds if not given")
    parser.add_argument("--prepare", action="store_true", help="profile and plan, measure nothing")
    parser.add_argument("--table", action="store_true", help="print what is kept, run nothing")


def shipped(options: argparse.Namespace, names: Sequence[str]) -> Iterator[Shipped]:
    """Yield workflows whose inputs are in place; one that cannot run is told of."""
    workspace = Workspace.of(options.workspace)
    with (
        open_storage(None, workspace) as storage,
        open_session(options.backend, storage, workspace) as session,
    ):
        for name in names:
            module = importlib.import_module(f"dags.{name}")
            try:
                dag = module.build(options.size, workspace.root)
            except MissingExtraError as missing:
                print(f"{name} is left out: {missing}")
                continue
            with contextlib.closing(dag):
                try:
                    module.prepare(options.size, workspace.root, storage)
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


def energy_source(run: DAGRun) -> str:
    """Return where the joules of a run come from."""
    how = run.energy_detail.how
    return how.describe() if how is not None else "unmeasured"


def machine() -> str:
    """Return the machine in a few words."""
    facts = detect_host()
    kind = "virtual machine" if facts.virtualised else "machine"
    return f"{facts.cpu_name or platform.machine()}, {facts.logical_cpus} CPUs, {kind}"
