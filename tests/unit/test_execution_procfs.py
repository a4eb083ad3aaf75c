"""What /proc says, asked about processes that live."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flexecutor_energy.execution import procfs
from tests.execution_support import eventually

GONE = 2**22 + 1  # above the largest pid that Linux gives


@pytest.fixture
def family() -> Iterator[tuple[int, list[int]]]:
    """Give a process with a child and a grandchild, each in a session of its own."""
    code = (
        "import subprocess, sys, time\n"
        "depth = int(sys.argv[1])\n"
        "if depth:\n"
        "    subprocess.Popen([sys.executable, '-c', sys.argv[2], str(depth - 1), sys.argv[2]],\n"
        "                     start_new_session=True)\n"
        "time.sleep(600)"
    )
    top = subprocess.Popen([sys.executable, "-c", code, "2", code])
    assert eventually(lambda: len(list(procfs.descendants(top.pid))) == 2)
    below = list(procfs.descendants(top.pid))
    yield top.pid, below
    for pid in below:
        os.kill(pid, 9)
    top.kill()
    top.wait()


def test_descendants_are_found_across_sessions(family: tuple[int, list[int]]) -> None:
    top, (child, grandchild) = family
    assert procfs.children(top) == [child]
    assert procfs.parent_pid(grandchild) == child
    assert procfs.session_id(child) == child
    assert procfs.session_id(top) == os.getsid(0)


def test_children_are_found_where_the_kernel_lists_none(
    family: tuple[int, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    top, below = family
    monkeypatch.setattr(procfs, "_lists_children", lambda: False)
    assert list(procfs.descendants(top)) == below


def test_cpu_time_of_a_process_and_of_its_children_that_ended() -> None:
    code = (
        "import subprocess, sys, time\n"
        "burn = 'import time\\nwhile time.process_time() < 0.2: pass'\n"
        "subprocess.run([sys.executable, '-c', burn])\n"
        "while time.process_time() < 0.3: pass\n"
        "print(flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        cpu = procfs.process_cpu(process.pid)
        assert cpu is not None
        assert 0.27 <= cpu.own_s < 0.6
        assert 0.17 <= cpu.reaped_s < 0.6
        again = procfs.process_cpu(process.pid)
        assert again is not None
        assert (again.pid, again.started_ticks) == (cpu.pid, cpu.started_ticks)
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_nobody_waited_for_is_a_zombie_whose_use_can_still_be_read() -> None:
    code = "import time\nwhile time.process_time() < 0.2: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert eventually(lambda: procfs.is_zombie(process.pid))
        cpu = procfs.process_cpu(process.pid)
        assert cpu is not None
        assert cpu.own_s >= 0.17
        assert not procfs.is_zombie(os.getpid())
    finally:
        process.wait()
    assert not procfs.is_zombie(process.pid)


def test_a_name_with_spaces_and_brackets_does_not_confuse() -> None:
    code = (
        "import ctypes, time\n"
        "ctypes.CDLL(None).prctl(15, b') 1 2 (', 0, 0, 0)\n"
        "print(flush=True)\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert procfs.parent_pid(process.pid) == os.getpid()
    finally:
        process.kill()
        process.communicate()


def test_memory_of_this_process() -> None:
    before = procfs.resident_bytes(os.getpid())
    held = bytearray(b"x" * 50_000_000)
    after = procfs.resident_bytes(os.getpid())
    size = procfs.address_space_bytes(os.getpid())
    tree = procfs.tree_resident_bytes(os.getpid())
    exact = procfs.tree_proportional_bytes(os.getpid())
    assert None not in {before, after, size, tree, exact}
    assert (after or 0) - (before or 0) > 0.9 * len(held)
    assert (size or 0) > (after or 0)
    assert (tree or 0) >= 0.9 * (after or 0)
    assert 0.9 * len(held) < (exact or 0) <= (tree or 0) * 1.1


def test_what_is_gone_is_none() -> None:
    for tell in (
        procfs.process_cpu,
        procfs.parent_pid,
        procfs.session_id,
        procfs.resident_bytes,
        procfs.tree_resident_bytes,
        procfs.tree_proportional_bytes,
        procfs.address_space_bytes,
    ):
        assert tell(GONE) is None
    assert procfs.children(GONE) == []
    assert list(procfs.descendants(GONE)) == []
    assert not procfs.is_zombie(GONE)


def test_the_host_has_a_name() -> None:
    assert procfs.host_id() == procfs.host_id()
    assert len(procfs.host_id()) == 12
