"""Limits that hold, and what is said where they do not."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

from flexecutor_energy.execution.limits import (
    CgroupRoots,
    CpuGroup,
    limit_cpu,
    remove_stale_groups,
    set_loaded_thread_pools,
    set_thread_counts,
)
from flexecutor_energy.execution.supervisor import Supervisor
from flexecutor_energy.execution.task import WorkerReport
from flexecutor_energy.storage.store import ObjectStore
from flexecutor_energy.workflow.context import StageContext
from tests.execution_support import eventually, folder_store, task

CORES = len(os.sched_getaffinity(0))


def may_limit() -> bool:
    group = CpuGroup.create(0.5, CgroupRoots.of_this_process())
    return group is not None and group.close()


needs_quota = pytest.mark.skipif(not may_limit(), reason="no control group may be made here")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return folder_store(tmp_path / "objects")


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def v1_tree(
    root: Path, controllers: str = "cpu,cpuacct", group: str = "/docker/abc"
) -> CgroupRoots:
    (root / controllers / group.strip("/")).mkdir(parents=True)
    return CgroupRoots(root, f"12:devices:/\n3:{controllers}:{group}\n1:name=systemd:/\n")


def v2_tree(root: Path, *, enabled_in: str) -> CgroupRoots:
    own = root / "user.slice" / "run.scope"
    own.mkdir(parents=True)
    for group in (own, own.parent):
        (group / "cgroup.subtree_control").write_text("memory pids\n")
    (root / enabled_in / "cgroup.subtree_control").write_text("cpuset cpu memory\n")
    return CgroupRoots(root, "0::/user.slice/run.scope\n")


def test_a_version_1_group_gets_a_quota(tmp_path: Path) -> None:
    group = CpuGroup.create(0.5, v1_tree(tmp_path))
    assert group is not None
    (folder,) = (tmp_path / "cpu,cpuacct" / "docker" / "abc").iterdir()
    assert (folder / "cpu.cfs_quota_us").read_text() == "50000"
    assert (folder / "cpu.cfs_period_us").read_text() == "100000"
    assert (group.mechanism, group.cpu) == ("cgroup-v1-quota", 0.5)
    assert group.add(4711)
    assert (folder / "cgroup.procs").read_text() == "4711"


def test_a_version_1_mount_may_be_named_after_the_controller_alone(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    roots = CgroupRoots(tmp_path, "1:cpu:/\n")
    assert roots.parents() == [(tmp_path / "cpu", "cgroup-v1-quota")]


@pytest.mark.parametrize("enabled_in", ["user.slice", "user.slice/run.scope"])
def test_a_version_2_group_is_made_where_children_may_be_limited(
    tmp_path: Path, enabled_in: str
) -> None:
    roots = v2_tree(tmp_path, enabled_in=enabled_in)
    assert roots.parents() == [(tmp_path / enabled_in, "cgroup-v2-quota")]
    group = CpuGroup.create(1.5, roots)
    assert group is not None
    (folder,) = (path for path in (tmp_path / enabled_in).iterdir() if "flexecutor" in path.name)
    assert (folder / "cpu.max").read_text() == "150000 100000"


def test_a_version_2_tree_without_the_cpu_controller_gives_no_group(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cgroup.subtree_control").write_text("memory\n")
    assert CgroupRoots(tmp_path, "0::/own\n").parents() == []
    assert CpuGroup.create(1, CgroupRoots(tmp_path, "0::/own\n")) is None


def test_a_quota_below_what_the_kernel_takes_is_said_to_be_more(
    tmp_path: Path, sleeper: int
) -> None:
    limit, group = limit_cpu(sleeper, 0.001, 0, v1_tree(tmp_path))
    assert group is not None
    assert (limit.requested, limit.held) == (0.001, 0.01)


def test_without_groups_affinity_holds_and_its_cores_are_what_is_recorded(sleeper: int) -> None:
    nowhere = CgroupRoots(Path("/nowhere"), "")
    limit, group = limit_cpu(sleeper, 0.5, 1, nowhere)
    if CORES == 1:
        pytest.skip("one core cannot be divided by affinity")
    assert group is None
    assert (limit.requested, limit.held, limit.mechanism) == (0.5, 1.0, "affinity")
    assert os.sched_getaffinity(sleeper) == {sorted(os.sched_getaffinity(0))[1]}


def test_a_group_that_takes_no_process_falls_back_to_affinity(
    tmp_path: Path, sleeper: int
) -> None:
    roots = v1_tree(tmp_path)
    parent = roots.parents()[0][0]
    parent.chmod(0o755)
    limit, group = limit_cpu(sleeper, 0.5, 0, CgroupRoots(Path("/proc"), "1:cpu:/self\n"))
    assert group is None
    assert limit.mechanism == "affinity"


def test_as_many_cores_as_there_are_need_no_limit(sleeper: int) -> None:
    limit, group = limit_cpu(sleeper, CORES + 6, 0, CgroupRoots.of_this_process())
    assert group is None
    assert (limit.held, limit.mechanism) == (float(CORES), "all-cores")


@pytest.mark.parametrize(("cpu", "threads"), [(0.5, "1"), (1, "1"), (1.2, "2"), (4, "4")])
def test_libraries_are_told_how_many_threads_to_run(cpu: float, threads: str) -> None:
    environment = {"PATH": "/bin", "OMP_NUM_THREADS": "64"}
    set_thread_counts(environment, cpu)
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TORCH_NUM_THREADS",
    ):
        assert environment[name] == threads
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert environment["PATH"] == "/bin"


def test_pools_of_libraries_that_are_loaded_already_are_cut() -> None:
    code = (
        "import numpy, threadpoolctl\n"
        "from flexecutor_energy.execution.limits import set_loaded_thread_pools\n"
        "set_loaded_thread_pools(0.5)\n"
        "print([pool['num_threads'] for pool in threadpoolctl.threadpool_info()])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(output.stdout.strip("[]\n").split(", ")) == {"1"}
    set_loaded_thread_pools(math.inf if CORES == 0 else CORES)  # enough: nothing to do


def two_busy_processes(context: StageContext) -> tuple[float, float]:
    """Burn on two cores for a while; return CPU seconds and wall seconds."""
    start = time.monotonic()
    children = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() - start < 1.0:
                pass
            os._exit(0)
        children.append(pid)
    used = 0.0
    for pid in children:
        usage = os.wait4(pid, 0)[2]
        used += usage.ru_utime + usage.ru_stime
    return used, time.monotonic() - start


def run_alone(store: ObjectStore, cpu: float, roots: CgroupRoots | None = None) -> WorkerReport:
    supervisor = Supervisor(roots=roots)
    supervisor.start(task(two_busy_processes, store, cpu=cpu))
    try:
        while True:
            for report in supervisor.poll(1.0):
                return report
    finally:
        supervisor.close()


@needs_quota
def test_two_busy_processes_at_half_a_core_get_half_a_core(store: ObjectStore) -> None:
    report = run_alone(store, 0.5)
    assert report.limits["cpu"]["held"] == 0.5
    assert "quota" in report.limits["cpu"]["mechanism"]
    used_s, wall_s = cloudpickle.loads(report.value or b"")
    assert 0.05 < used_s / wall_s < 0.65  # what else runs here may leave them less
    assert report.function_cpu_s is not None
    assert report.function_cpu_s == pytest.approx(used_s, abs=0.15)


@pytest.mark.skipif(CORES < 2, reason="one core cannot be divided by affinity")
def test_affinity_holds_two_busy_processes_to_the_one_core_that_is_recorded(
    store: ObjectStore,
) -> None:
    report = run_alone(store, 0.5, CgroupRoots(Path("/nowhere"), ""))
    assert report.limits["cpu"] == {"requested": 0.5, "held": 1.0, "mechanism": "affinity"}
    used_s, wall_s = cloudpickle.loads(report.value or b"")
    assert used_s / wall_s < 1.05


@needs_quota
def test_no_control_group_is_left_behind(store: ObjectStore) -> None:
    parents = [parent for parent, _ in CgroupRoots.of_this_process().parents()]
    mine = f"flexecutor-energy-{os.getpid()}-*"
    supervisor = Supervisor()
    for worker in range(3):
        supervisor.start(task(two_busy_processes, store, cpu=0.5, worker_id=worker))
    assert sum(1 for parent in parents for _ in parent.glob(mine)) == 3
    supervisor.close()

    def all_gone() -> bool:
        supervisor.poll(0.0)
        return not any(True for parent in parents for _ in parent.glob(mine))

    assert eventually(all_gone)


def address_space(context: StageContext) -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0]


def test_the_address_space_is_bounded_where_memory_is(store: ObjectStore) -> None:
    supervisor = Supervisor()
    found = []
    for memory_mb in (0, 256):
        supervisor.start(task(address_space, store, memory_mb=memory_mb))
        while not (reports := supervisor.poll(1.0)):
            pass
        found.append((cloudpickle.loads(reports[0].value or b""), reports[0].limits["memory"]))
    supervisor.close()
    (unlimited, none), (bounded, limits) = found
    assert none == {"requested_mb": 0, "mechanism": "none"}
    assert (limits["requested_mb"], limits["mechanism"]) == (256, "rlimit-as+watchdog")
    assert 256e6 < bounded < 256e6 + 5e9
    assert unlimited in {-1, 2**64 - 1} or unlimited > bounded


def threads_that_allocate(context: StageContext) -> float:
    """Return by how many MB the address space grew for sixteen threads that hold little."""
    import json
    import threading

    def size_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[0]) * 4096 / 1e6

    def allocate() -> None:
        json.dumps([{"text": "x" * number} for number in range(500)])
        start.wait()

    start = threading.Barrier(17)
    before = size_mb()
    threads = [threading.Thread(target=allocate) for _ in range(16)]
    for thread in threads:
        thread.start()
    start.wait()
    grown = size_mb() - before
    for thread in threads:
        thread.join()
    return grown


def test_threads_do_not_fill_a_small_limit_with_space_that_they_do_not_use(
    store: ObjectStore,
) -> None:
    supervisor = Supervisor(roots=CgroupRoots(Path("/nowhere"), ""))
    try:
        supervisor.start(task(threads_that_allocate, store, memory_mb=64))
        (report,) = supervisor.poll(30.0)
    finally:
        supervisor.close()
    assert report.failure is None
    assert report.value is not None
    # stacks of 8 MB each; without the bound on arenas the heaps of threads add 64 MB each
    assert cloudpickle.loads(report.value) < 16 * 8.4 + 200


def test_empty_groups_of_makers_that_were_killed_are_removed(tmp_path: Path) -> None:
    roots = v1_tree(tmp_path)
    parent = roots.parents()[0][0]
    mine, dead, busy, other = (
        parent / name
        for name in (
            f"flexecutor-energy-{os.getpid()}-0",
            "flexecutor-energy-99999999-0",
            "flexecutor-energy-99999999-1",
            "somebody-else",
        )
    )
    for folder in (mine, dead, busy, other):
        folder.mkdir()
    (busy / "process").touch()  # stands for one that the kernel would name
    remove_stale_groups(roots)
    assert sorted(parent.iterdir()) == sorted([mine, busy, other])
