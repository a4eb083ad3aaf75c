"""Runs whose energy a counter measures: the real path from a powercap folder to a profile."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from flexecutor_energy import DAG, ConfigSpace, Stage, StageConfig, StageContext
from flexecutor_energy.errors import EnergyUnavailableError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.backends.select import open_backend
from tests.powercap import RANGE_UJ, RisingPowercap

WATTS = {"package-0": 30.0, "dram": 4.0}


@pytest.fixture(scope="module", params=["local", "lithops"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    opened = open_backend(request.param)
    yield opened
    opened.close()


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RisingPowercap]:
    # just below the range, so that every run sees the package counter start again
    with RisingPowercap(tmp_path / "cap", WATTS, starts_uj=RANGE_UJ - 9_000_000) as cap:
        monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(cap.root))
        yield cap


def burn(context: StageContext) -> None:
    while time.process_time() < 0.4 * (1 + context.worker_id % 2):
        pass


def dag_of(workspace: Path, *stages: Stage) -> DAG:
    return DAG("counted", workspace=workspace).add_stages(stages or [Stage("work", burn)])


def test_workers_of_one_host_share_what_its_counters_measured(
    backend: Backend, powercap: RisingPowercap, tmp_path: Path
) -> None:
    dag = dag_of(tmp_path / "w")
    dag.stages[0].resource_config = StageConfig(cpu=1, workers=4)
    before = time.monotonic()
    run = dag.execute(backend=backend, storage="file", energy="all")
    lasted_s = time.monotonic() - before
    dag.close()
    detail = run.energy_detail
    assert detail.how is not None
    assert (detail.method, detail.how.boundary) == ("rapl", "package+dram")
    assert not detail.how.modelled
    # all that the host drew while it was sampled, and not four times as much
    everything_j = sum(detail.rows.values())
    assert everything_j <= 34.0 * lasted_s
    assert everything_j >= 34.0 * run.time * 0.9
    assert run.energy is not None
    assert run.energy == pytest.approx(detail.rows["workers"] + detail.rows["startup"], abs=1e-4)
    joules = [worker.energy_j or 0.0 for worker in run["work"].workers]
    assert all(value > 0 for value in joules)
    assert fmean(joules[1::2]) > fmean(joules[::2])  # these burn twice as long
    assert list(run.energy_by_method) == ["rapl", "model"]
    assert run.energy_by_method["rapl"] == run.energy


def test_profiles_keep_every_method_side_by_side(powercap: RisingPowercap, tmp_path: Path) -> None:
    with contextlib.closing(open_backend("local")) as backend:
        dag = dag_of(tmp_path / "w")
        space = ConfigSpace(cpu=[1], memory=[0], workers=[2])
        profile = dag.profile(space, reps=1, backend=backend, storage="file", energy="all")
        dag.close()
    (run,) = profile["work"].runs
    assert set(run.workers[0].energy_by_method) == {"rapl", "model"}
    assert run.workers[0].energy_by_method["rapl"] == run.workers[0].energy_j
    assert run.meta["method"] == "rapl"
    assert run.meta["boundary"] == "package+dram"
    assert run.meta["scope"] == "provisioned"
    assert run.meta["foreign_load"] is not None
    assert "perf" in run.meta["methods_refused"]


def test_a_counter_that_goes_away_leaves_the_energy_unknown_and_the_run_whole(
    backend: Backend, powercap: RisingPowercap, tmp_path: Path
) -> None:
    def watched(context: StageContext) -> None:
        (tmp_path / "started").touch()
        while (tmp_path / "started").exists():
            time.sleep(0.02)

    def hide_for_a_moment(_event: object) -> None:
        if not (tmp_path / "started").exists():
            return
        powercap.hide()
        time.sleep(0.5)
        powercap.show()
        (tmp_path / "started").unlink()

    dag = dag_of(tmp_path / "w", Stage("quick", burn), Stage("watched", watched))
    for stage in dag.stages:
        stage.resource_config = StageConfig(cpu=1, workers=1)
    run = dag.execute(
        backend=backend, storage="file", energy="rapl", observers=[hide_for_a_moment]
    )
    dag.close()
    assert run["watched"].energy is None
    assert run.energy is None
    assert "counter was missing" in run.energy_detail.reason
    assert run.energy_detail.rows["unassigned"] > 0


def test_a_counter_that_is_not_there_ends_the_run_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXECUTOR_ENERGY_HOST_ROOT", str(tmp_path))
    dag = dag_of(tmp_path / "w")
    dag.stages[0].resource_config = StageConfig(cpu=1, workers=1)
    with (
        contextlib.closing(open_backend("local")) as backend,
        pytest.raises(EnergyUnavailableError, match="rapl"),
    ):
        dag.execute(backend=backend, storage="file", energy="rapl")
    dag.close()


def test_energy_that_is_off_reads_nothing(backend: Backend, tmp_path: Path) -> None:
    dag = dag_of(tmp_path / "w")
    dag.stages[0].resource_config = StageConfig(cpu=1, workers=1)
    run = dag.execute(backend=backend, storage="file", energy="off")
    dag.close()
    assert run.energy is None
    assert run.energy_by_method == {}
    assert "off" in run.energy_detail.reason
