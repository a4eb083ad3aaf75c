"""Every workflow goes round the whole loop: profile, train, optimize, execute, on real servers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dags import terasort
from flexecutor_energy import DAG, ConfigSpace, StageConfig
from flexecutor_energy.errors import ConfigurationError, MissingExtraError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.storage.select import Storage, open_storage
from tests.workflow_cases import CASES, Case

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONFIGS = [StageConfig(1, 1, 512), StageConfig(0.5, 1, 512), StageConfig(1, 2, 512)]
SCARCE = {"tpcds": ("join_orders", StageConfig(1, 1, 80))}
"""A stage and what it cannot be done with, by workflow."""


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    try:
        opened = open_storage("embedded", tmp_path_factory.mktemp("server"))
    except MissingExtraError as missing:
        pytest.skip(str(missing))
    with opened:
        yield opened


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with closing(open_backend("local")) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_workflow_is_profiled_planned_and_executed_with_the_right_answer(
    case: Case, storage: Storage, backend: Backend, workflow_data: Path, tmp_path: Path
) -> None:
    case.skip_without_extras()
    stage_id, scarce = SCARCE.get(case.name, ("", None))
    size = case.tiny
    stages = {stage_id: ConfigSpace.of([*CONFIGS, scarce])} if scarce is not None else {}
    space = ConfigSpace(configs=tuple(CONFIGS), stages=stages)
    with closing(case.module.build(size, tmp_path)) as dag:
        case.module.prepare(size, workflow_data, storage)
        profiles = dag.profile(space, reps=1, backend=backend, storage=storage)
        for name, profile in profiles.items():
            assert len(profile.runs) >= len(CONFIGS)
            assert {run.config.cpu for run in profile.runs} == {0.5, 1}
            assert all(run.energy_j is not None and run.energy_j > 0 for run in profile.runs)
            assert (scarce in profile.failed_configs) == (name == stage_id)
        report = dag.train()
        assert set(report.stages) == set(dag.stage_ids)
        plan = dag.optimize("energy")
        assert plan.certificate.gap <= 0.005
        if scarce is not None:
            _require_avoided(dag, stage_id, scarce)
            assert plan.configs[stage_id] != scarce
        run = dag.execute(plan, backend=backend, storage=storage)
        case.module.check(case.module.answer(run), size)
        assert run.audit is not None
        assert run.energy is not None


def test_little_memory_is_taken_where_it_is_enough_and_avoided_where_it_failed(
    storage: Storage, backend: Backend, tmp_path: Path
) -> None:
    """Sampling keys takes 16 MB beyond a worker's start, all else with 20 MB of records 50."""
    size = {"records": 200_000, "blocks": 4, "partitions": 5}
    space = ConfigSpace(cpu=[1], memory=[28, 512], workers=[1])
    with closing(terasort.build(size, tmp_path)) as dag:
        profiles = dag.profile(space, reps=1, backend=backend, storage=storage)
        scarce = StageConfig(1, 1, 28)
        short = {name for name, own in profiles.items() if scarce in own.failed_configs}
        assert short == {"generate", "partition", "sort", "validate"}
        reasons = [failure.reason for name in short for failure in profiles[name].failures]
        assert all(reason.startswith("out_of_memory") for reason in reasons)
        dag.train()
        plan = dag.optimize("cost")  # memory is what it pays for
        assert {name for name, own in plan.configs.items() if own.memory == 28} == {"sample"}
        run = dag.execute(plan, backend=backend, storage=storage)
        terasort.check(terasort.answer(run), size)


def _require_avoided(dag: DAG, stage_id: str, scarce: StageConfig) -> None:
    """Assert that a configuration was noted as one of too little memory, and is not chosen."""
    (failure, *_) = dag.profiles()[stage_id].failures
    assert failure.config == scarce
    assert "memory" in failure.reason
    only: Any = {stage_id: ConfigSpace.of([scarce])}
    with pytest.raises(ConfigurationError, match=rf"every configuration of stage '{stage_id}'"):
        dag.optimize("energy", space=ConfigSpace(configs=tuple(CONFIGS), stages=only))
