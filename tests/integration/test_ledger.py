"""The CPU ledger of a run against what its processes really used."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.ledger import Ledger, TreeMeter, ledger_of
from flexecutor_energy.execution.task import Failure, HostView, WorkerReport
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.stage import Stage
from tests.execution_support import Runner, folder_store


@pytest.fixture(scope="module", params=["local", "lithops"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    opened = open_backend(request.param)
    yield opened
    opened.close()


def burn(context: StageContext) -> None:
    """Use a second of CPU, some of it in a child and some in one that nobody waits for."""
    script = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", script], check=True)
    orphan = f"{sys.executable} -c '{script}' & echo $!"
    shell = subprocess.run(["sh", "-c", orphan], stdout=subprocess.PIPE, check=True)
    pid = int(shell.stdout)
    while time.process_time() < 0.6:
        pass
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)


def stages() -> list[Stage]:
    a, b = Stage("a", burn), Stage("b", burn)
    a >> b
    return [a, b]


def test_the_rows_of_a_run_add_up_to_what_its_processes_used(
    backend: Backend, tmp_path: Path
) -> None:
    runner = Runner(backend, folder_store(tmp_path))
    meter = TreeMeter()
    trace = runner.run(stages(), {"a": StageConfig(1, 2), "b": StageConfig(1, 1)})
    ledger = ledger_of(trace, meter)
    assert ledger.total_s is not None
    assert ledger.total_s > 3.0
    assert ledger.coverage == pytest.approx(1.0, abs=0.05)
    assert 2.8 < ledger.workers_s < 3.9  # three workers of a second each, orphans included
    assert ledger.startup_s > 0
    assert ledger.engine_s > 0
    assert ledger.storage_s == 0


def fail_after_work(context: StageContext) -> None:
    while time.process_time() < 0.5:
        pass
    raise RuntimeError("on purpose")


def test_what_failed_attempts_used_is_not_forgotten(backend: Backend, tmp_path: Path) -> None:
    runner = Runner(backend, folder_store(tmp_path))
    meter = TreeMeter()
    options = RunOptions(retries=1, keep_going=True)
    trace = runner.run([Stage("bad", fail_after_work)], options=options)
    ledger = ledger_of(trace, meter)
    assert set(trace.failures) == {"bad"}
    assert ledger.workers_s > 0.95
    assert ledger.coverage == pytest.approx(1.0, abs=0.1)


def cpu_groups() -> Path | None:
    folder = Path("/sys/fs/cgroup/cpuacct")
    probe = folder / f"flexecutor-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return None
    return folder if (folder / "cpuacct.usage").exists() else None


DRIVER = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
group = Path(sys.argv[3])
(group / "cgroup.procs").write_text(str(os.getpid()))

from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.ledger import TreeMeter, ledger_of
from flexecutor_energy.workflow.config import StageConfig
from tests.execution_support import Runner, folder_store
from tests.integration.test_ledger import stages

def used():
    return int((group / "cpuacct.usage").read_text()) / 1e9

backend = open_backend(sys.argv[4])
try:
    runner = Runner(backend, folder_store(Path(sys.argv[2])))
    before, meter = used(), TreeMeter()
    trace = runner.run(stages(), {"a": StageConfig(1, 2), "b": StageConfig(1, 1)})
    ledger = ledger_of(trace, meter)
    print(json.dumps({**ledger.to_dict(), "kernel_s": used() - before}))
finally:
    backend.close()
"""


@pytest.mark.skipif(cpu_groups() is None, reason="no cpuacct group may be made here")
@pytest.mark.parametrize("name", ["local", "lithops"])
def test_the_rows_add_up_to_what_the_kernel_charged_to_the_drivers_group(
    tmp_path: Path, name: str
) -> None:
    folder = cpu_groups()
    assert folder is not None
    group = folder / f"flexecutor-test-{os.getpid()}-{name}"
    group.mkdir()
    try:
        arguments = [str(Path(__file__).parents[2]), str(tmp_path), str(group), name]
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        accounted = sum(found[row] for row in ("workers_s", "startup_s", "engine_s", "storage_s"))
        assert found["kernel_s"] > 3.0
        assert accounted == pytest.approx(found["kernel_s"], rel=0.05)
        assert found["total_s"] == pytest.approx(found["kernel_s"], rel=0.05)
    finally:
        group.rmdir()


def test_the_storage_server_is_counted_once_though_it_is_no_child() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(600)"
    server = subprocess.Popen([sys.executable, "-c", code])
    try:
        meter = TreeMeter(lambda: [server.pid])
        everything_s, server_s = 0.0, 0.0
        while server_s < 0.25:
            time.sleep(0.02)
            everything_s, server_s = meter.since()
        assert server_s <= everything_s < 0.9
    finally:
        server.kill()
        server.wait()


def test_ledgers_add_up_and_do_not_pretend_to_know_other_hosts() -> None:
    here = Ledger(2.0, 1.0, 0.5, 0.25, 4.0)
    there = Ledger(1.0, 1.0, 0.5, 0.0, None)
    assert here.accounted_s == 3.75
    assert here.coverage == 0.9375
    assert (here + here).to_dict() == {
        "workers_s": 4.0,
        "startup_s": 2.0,
        "engine_s": 1.0,
        "storage_s": 0.5,
        "total_s": 8.0,
        "coverage": 0.9375,
    }
    assert (here + there).total_s is None
    assert there.coverage is None


def test_an_attempt_that_was_cut_short_counts_whole() -> None:
    killed = WorkerReport(
        "s/0/1", 0, 1, Failure("killed", ""), HostView.unknown(), total_cpu_s=1.5
    )
    lost = WorkerReport("s/1/1", 1, 1, Failure("lost", ""), HostView.unknown())
    trace = RunTrace("r", wasted=[killed, lost], driver_cpu_s=0.1, backend_cpu_s=0.2)
    ledger = ledger_of(trace, TreeMeter())
    assert (ledger.workers_s, ledger.startup_s, ledger.engine_s) == (1.5, 0.2, 0.1)
