"""Invocations in forked processes: what ends them, what they leave, what their import costs."""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import numpy
import pytest

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.execution.limits import CgroupRoots
from flexecutor_energy.execution.supervisor import Supervisor
from flexecutor_energy.execution.task import WorkerReport
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.context import StageContext
from tests.execution_support import eventually, folder_store, is_running, running_children, task

HEAVY = {
    "boto3",
    "lithops",
    "minio",
    "numpy",
    "pandas",
    "psutil",
    "pydantic",
    "scipy",
    "sklearn",
    "sqlalchemy",
}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return folder_store(tmp_path / "objects")


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    opened = Supervisor(roots=CgroupRoots(Path("/nowhere"), ""))
    before = set(running_children())
    yield opened
    opened.close()
    assert set(running_children()) <= before


def report_of(supervisor: Supervisor) -> WorkerReport:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        reports = supervisor.poll(1.0)
        if reports:
            return reports[0]
    raise AssertionError("no report came")


def burn(context: StageContext) -> float:
    """Use a given CPU time, half of it in a child process."""
    seconds = float(context.get_param("seconds"))
    code = "import time\nwhile time.process_time() < %f: pass" % (seconds / 2)
    subprocess.run([sys.executable, "-c", code], check=True)
    while time.process_time() < seconds / 2:
        pass
    return seconds


def test_a_report_tells_when_and_how_much(supervisor: Supervisor, store: ObjectStore) -> None:
    before = time.monotonic()
    supervisor.start(task(burn, store, {"seconds": 0.4}))
    report = report_of(supervisor)
    assert report.failure is None
    times = [clock.monotonic_s for clock in report.clocks]
    assert before <= times[0] <= times[1] <= times[2] <= times[3] <= time.monotonic()
    busy = [clock.cpu_s for clock in report.clocks]
    assert busy == sorted(busy)
    assert report.function_cpu_s is not None
    assert report.total_cpu_s is not None
    assert 0.38 < report.function_cpu_s <= report.total_cpu_s  # the child process is counted
    assert report.total_cpu_s - report.function_cpu_s < 0.2
    assert report.host_samples == ()  # nobody asked for them
    assert report.cpu_samples == ()
    assert report.host.host_id
    assert report.host.facts.machine_id is None  # it stays on its machine
    assert report.supervisors[0][0] == os.getpid()


def test_a_worker_far_from_its_driver_reads_its_hosts_counters(
    supervisor: Supervisor, store: ObjectStore, tmp_path: Path
) -> None:
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in {"name": "package-0", "energy_uj": "7", "max_energy_range_uj": "99"}.items():
        (zone / name).write_text(text)
    choice = MeterChoice("auto", str(tmp_path))
    supervisor.start(task(burn, store, {"seconds": 0.4}, meter=choice))
    report = report_of(supervisor)
    first, *_, last = report.host_samples
    assert first.monotonic_s <= report.clocks[0].monotonic_s
    assert last.monotonic_s >= report.clocks[-1].monotonic_s
    assert last.busy_s is not None
    assert {r.domains[0, "package"] for s in report.host_samples for r in s.readings} == {7}
    assert report.meters_refused == ()


def test_a_worker_tells_when_it_used_its_cpu_time(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(burn, store, {"seconds": 0.9}, watch_cpu=True))
    report = report_of(supervisor)
    first, last = report.clocks[0], report.clocks[-1]
    inside = [cpu_s for at, cpu_s in report.cpu_samples if first.monotonic_s < at]
    assert len(inside) >= 2
    assert inside == sorted(inside)
    assert all(first.cpu_s - 0.05 <= cpu_s <= last.cpu_s + 0.05 for cpu_s in inside)


def test_a_worker_says_which_counters_it_could_not_read(
    supervisor: Supervisor, store: ObjectStore, tmp_path: Path
) -> None:
    choice = MeterChoice("rapl", str(tmp_path))
    supervisor.start(task(burn, store, {"seconds": 0.1}, meter=choice))
    report = report_of(supervisor)
    assert [method for method, _ in report.meters_refused] == ["rapl"]
    assert all(not sample.readings for sample in report.host_samples)
    assert all(sample.busy_s is not None for sample in report.host_samples)


def wait(context: StageContext) -> None:
    time.sleep(600)


def test_a_task_that_is_cancelled_the_moment_it_starts_ends(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    waiting = task(wait, store)
    supervisor.start(waiting)
    supervisor.cancel(waiting.task_id)
    report = report_of(supervisor)
    assert report.failure is not None
    assert report.failure.kind == "cancelled"
    assert not supervisor.busy


def test_closing_ends_all_and_removes_their_folders(store: ObjectStore, tmp_path: Path) -> None:
    supervisor = Supervisor()
    for worker in range(3):
        supervisor.start(task(wait, store, worker_id=worker, scratch_base=str(tmp_path / "s")))
    assert len(list((tmp_path / "s").iterdir())) == 3
    children = running_children()
    supervisor.close()
    assert not supervisor.busy
    assert not any(map(is_running, children))
    assert list((tmp_path / "s").iterdir()) == []


def test_a_scratch_folder_that_cannot_be_made_is_the_report_of_that_task(
    supervisor: Supervisor, store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    supervisor.start(task(wait, store, scratch_base=str(tmp_path / "file" / "below")))
    assert supervisor.busy
    report = report_of(supervisor)
    assert report.failure is not None
    assert report.failure.kind == "lost"
    assert "could not be started" in report.failure.cause


def kill_by(context: StageContext) -> None:
    faulthandler.disable()  # the test runner's, which would print into its own log
    os.kill(os.getpid(), context.get_param("signal"))
    time.sleep(600)


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGTERM, "SIGTERM"), (signal.SIGRTMIN + 3, "signal 37")],
)
def test_a_signal_that_ends_it_is_named(
    supervisor: Supervisor, store: ObjectStore, number: int, name: str
) -> None:
    supervisor.start(task(kill_by, store, {"signal": int(number)}))
    failure = report_of(supervisor).failure
    assert failure is not None
    assert (failure.kind, failure.worth_retrying) == ("killed", True)
    assert name in failure.cause


def abort_like_a_native_library(context: StageContext) -> None:
    faulthandler.disable()
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def test_a_native_library_out_of_memory_is_out_of_memory(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(abort_like_a_native_library, store))
    failure = report_of(supervisor).failure
    assert failure is not None
    assert failure.kind == "out_of_memory"


def share_memory_with_children(context: StageContext) -> int:
    """Hold memory that four forked processes see without holding it again."""
    held = bytearray(os.urandom(2**20) * 60)
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            time.sleep(1.0)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return len(held)


def hold_memory_in_children(context: StageContext) -> None:
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(os.urandom(2**20) * 60)
            time.sleep(60)
            os._exit(len(held) % 2)
    time.sleep(60)


def test_memory_shared_by_forked_processes_counts_once(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(share_memory_with_children, store, memory_mb=200))
    report = report_of(supervisor)
    assert report.failure is None
    assert report.memory_peak_mb is not None
    assert report.memory_baseline_mb is not None
    assert 60 < report.memory_peak_mb - report.memory_baseline_mb < 200


def test_memory_of_all_its_processes_counts_together(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(hold_memory_in_children, store, memory_mb=200))
    report = report_of(supervisor)
    assert report.failure is not None
    assert report.failure.kind == "out_of_memory"
    assert report.limits["memory"]["mechanism"] == "rlimit-as+watchdog"


def fill_and_end(context: StageContext) -> None:
    bytearray(150 * 2**20)[:: 2**12] = b"x" * (150 * 2**8)  # touches every page of it


def test_memory_used_too_shortly_to_be_seen_counts_too(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(fill_and_end, store, memory_mb=100))
    failure = report_of(supervisor).failure
    assert failure is not None
    assert failure.kind == "out_of_memory"


def chatter(context: StageContext) -> None:
    for number in range(20_000):
        print(f"line {number}")  # noqa: T201


def test_the_end_of_a_long_log_is_kept(supervisor: Supervisor, store: ObjectStore) -> None:
    supervisor.start(task(chatter, store))
    logs = report_of(supervisor).logs
    assert logs.endswith("line 19999\n")
    assert len(logs) <= 16 * 1024


def spoil_scratch(context: StageContext) -> None:
    import shutil

    shutil.rmtree(context._scratch)


def test_a_result_that_cannot_be_saved_is_a_failure(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    supervisor.start(task(spoil_scratch, store))
    failure = report_of(supervisor).failure
    assert failure is not None
    assert failure.kind == "killed"


def draw(context: StageContext) -> float:
    import numpy

    return float(numpy.random.rand())


def test_workers_do_not_draw_the_numbers_of_the_process_they_were_forked_from(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    numpy.random.seed(1)  # so that its state is there to be inherited
    drawn = {float(numpy.random.RandomState(1).rand())}
    for worker in range(2):
        supervisor.start(task(draw, store, worker_id=worker))
        drawn.add(cloudpickle.loads(report_of(supervisor).value or b""))
    assert len(drawn) == 3


def list_descriptors(context: StageContext) -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one of this very listing
            found.append(str(entry.readlink()))
    return found


def test_an_invocation_does_not_hold_its_supervisors_channels(
    supervisor: Supervisor, store: ObjectStore
) -> None:
    read, write = os.pipe()
    try:
        private = Supervisor(private_fds=(read, write))
        names = {str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in (read, write)}
        private.start(task(wait, store, worker_id=1))
        private.start(task(list_descriptors, store))
        found = set(cloudpickle.loads(report_of(private).value or b""))
        private.close()
    finally:
        os.close(read)
        os.close(write)
    assert not names & found
    assert not [name for name in found if "pidfd" in name]


RUNNER = """
import os, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from flexecutor_energy.execution.supervisor import supervise
from tests.execution_support import folder_store, task

folder = Path(sys.argv[2])

def leave_and_wait(context):
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (folder / "part").write_text(f"{os.getpid()} {left.pid}")
    (folder / "part").rename(folder / "pids")
    time.sleep(600)

(folder / "leader").write_text(str(os.getpid()))
if os.fork() == 0:
    supervise(task(leave_and_wait, folder_store(folder)))
    os._exit(0)
time.sleep(600)
"""
DRIVER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True)
time.sleep(600)
"""


def test_an_invocation_ends_when_the_driver_of_its_runner_is_killed(tmp_path: Path) -> None:
    arguments = ["-c", RUNNER, str(Path(__file__).parents[2]), str(tmp_path)]
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, *arguments])
    pids: list[int] = []
    try:
        assert eventually((tmp_path / "pids").exists, within_s=30)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert list(map(is_running, pids)) == [True, True]
        driver.kill()
        driver.wait()
        assert eventually(lambda: not any(map(is_running, pids)))
    finally:
        driver.kill()
        driver.wait()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.killpg(int((tmp_path / "leader").read_text()), signal.SIGKILL)


def test_the_workers_side_loads_nothing_heavy() -> None:
    code = (
        "import json, sys, flexecutor_energy.execution.supervisor; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(output.stdout)}
    assert "obstore" in loaded
    assert loaded & HEAVY == set()
    ours = [name for name in json.loads(output.stdout) if name.startswith("flexecutor_energy.")]
    assert not [name for name in ours if name.split(".")[1] in {"energy", "records", "prediction"}]


def test_the_lithops_entry_answers_what_the_runtime_has() -> None:
    from flexecutor_energy.execution.backends.lithops_entry import invoke
    from flexecutor_energy.version import __version__

    answer: dict[str, Any] = invoke(b"")
    assert answer["package"] == __version__
    assert answer["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
