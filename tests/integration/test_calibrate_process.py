"""``calibrate`` as a process: real load, counters of files that follow it, and no leftovers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexecutor_energy.execution import procfs
from flexecutor_energy.hardware.full_load import FullLoad
from tests.execution_support import eventually, is_running, running_children
from tests.simulated_machine import Machine

CPUS = os.cpu_count() or 1


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Give a machine of files on which real time passes."""
    simulated = Machine(tmp_path / "root", cpus=CPUS, cpu_w=60.0 / CPUS)
    ended = threading.Event()

    def pass_time() -> None:
        last = time.monotonic()
        while not ended.wait(0.02):
            now = time.monotonic()
            simulated.sleep(now - last)
            last = now

    passing = threading.Thread(target=pass_time)
    passing.start()
    yield simulated
    ended.set()
    passing.join()


def start(machine: Machine, workspace: Path) -> "subprocess.Popen[str]":
    options = ("--seconds", "5", "--json", "--workspace", str(workspace))
    return subprocess.Popen(
        [sys.executable, "-m", "flexecutor_energy.cli", "calibrate", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FLEXECUTOR_ENERGY_HOST_ROOT": str(machine.root)},
    )


def load_of(process: "subprocess.Popen[str]") -> list[int]:
    return [pid for pid in procfs.descendants(process.pid) if is_running(pid)]


def test_the_load_is_real_and_the_figures_follow_it(machine: Machine, tmp_path: Path) -> None:
    process = start(machine, tmp_path)
    assert eventually(lambda: len(load_of(process)) == CPUS, within_s=60)
    machine.busy_cpus = CPUS
    load = load_of(process)
    assert eventually(lambda: not any(map(is_running, load)), within_s=60)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    document = json.loads(out)["calibration"]
    assert document["idle"]["mean_w"] == pytest.approx(24.0, rel=0.2)
    assert document["loaded"]["mean_w"] == pytest.approx(84.0, rel=0.2)


def test_ctrl_c_ends_the_load_and_keeps_nothing(machine: Machine, tmp_path: Path) -> None:
    process = start(machine, tmp_path)
    assert eventually(lambda: len(load_of(process)) == CPUS, within_s=60)
    load = load_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert eventually(lambda: not any(map(is_running, load)))
    assert not (tmp_path / ".flexecutor").exists()


def test_a_load_ends_with_its_context() -> None:
    before = set(running_children())
    with FullLoad(2):
        started = set(running_children()) - before
        assert len(started) == 2
        assert eventually(lambda: all(_cpu_s(pid) > 0.1 for pid in started))
    assert not any(map(is_running, started))


def test_a_load_does_not_outlive_a_parent_that_was_killed() -> None:
    code = (
        "import time; from flexecutor_energy.hardware.full_load import FullLoad\n"
        "with FullLoad(2): time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    assert eventually(lambda: len(list(procfs.descendants(parent.pid))) == 2)
    load = list(procfs.descendants(parent.pid))
    parent.kill()
    parent.wait()
    assert eventually(lambda: not any(map(is_running, load)))


def _cpu_s(pid: int) -> float:
    cpu = procfs.process_cpu(pid)
    return cpu.own_s if cpu is not None else 0.0
