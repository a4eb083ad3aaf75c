"""What every backend promises, shown on each of them by the same tests.

A job of Lithops takes over half a second to start, so stages that do not disturb each other share
a run.
"""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.errors import RunCancelledError, StageFailedError
from flexecutor_energy.execution import procfs
from flexecutor_energy.execution.backends.protocol import Backend, Examiner
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import RunOptions
from flexecutor_energy.execution.events import StageStarted, WorkerRetried
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.hardware.detect import detect_host, machine_key
from flexecutor_energy.version import __version__
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData, ReadStrategy
from flexecutor_energy.workflow.stage import Stage
from tests.execution_support import (
    BUCKET,
    ONE,
    Runner,
    eventually,
    folder_store,
    is_running,
    running_children,
    values,
)

NO_RETRY = RunOptions(retries=0)
GREETING = "defined in the test module"


@pytest.fixture(scope="module", params=["local", "lithops"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    before = set(running_children()), leftovers()
    opened = open_backend(request.param)
    yield opened
    opened.close()
    opened.close()  # closing twice changes nothing
    assert eventually(lambda: set(running_children()) <= before[0])
    assert leftovers() <= before[1]


def leftovers() -> set[Path]:
    """Return scratch folders of workers, and what jobs left in Lithops' own folder."""
    place = Path(tempfile.gettempdir())
    left_by_jobs = place.glob("lithops-*/storage/lithops.jobs/**/*")
    return {*place.glob("flexecutor-energy-*"), *filter(Path.is_file, left_by_jobs)}


@pytest.fixture
def runner(backend: Backend, tmp_path: Path) -> Runner:
    return Runner(backend, folder_store(tmp_path))


def copy(context: StageContext) -> list[str]:
    texts = [Path(path).read_text() for path in context.get_input_paths("in")]
    for text in texts:
        Path(context.next_output_path("middle")).write_text(f"{context.worker_id}:{text}")
    return texts


def gather(context: StageContext) -> list[str]:
    return [Path(path).read_text() for path in context.get_input_paths("middle")]


def identify(context: StageContext) -> tuple[int, int, float, int]:
    return context.worker_id, context.num_workers, context.cpu, context.memory


def test_data_travels_from_parent_to_child_by_key(runner: Runner) -> None:
    texts = [f"text {number}" for number in range(5)]
    for number, text in enumerate(texts):
        runner.store.put(BUCKET, f"in/{number}", text.encode())
    middle = FlexData("middle", suffix=".txt")
    everything = FlexData(
        "middle", custom_data_id="middle", read_strategy=ReadStrategy.BROADCAST, suffix=".txt"
    )
    a = Stage("a", copy, [FlexData("in")], [middle])
    scattered, broadcast = Stage("b", gather, [middle]), Stage("c", gather, [everything])
    a >> [scattered, broadcast]
    runner.store.put(BUCKET, "middle/old-run/00000-00000.txt", b"of another run")

    trace = runner.run([a, scattered, broadcast], StageConfig(1, 2))

    read = values(trace, "a")
    assert [text for share in read for text in share] == texts  # each object went to one worker
    assert all(read)
    keys = [ref.key for ref in trace.stages["a"].outputs("middle")]
    assert keys == sorted(keys)
    assert all(key.startswith(f"middle/{trace.run_id}/0000") for key in keys)
    written = [f"{worker}:{text}" for worker, share in enumerate(read) for text in share]
    assert [text for share in values(trace, "b") for text in share] == written
    assert values(trace, "c") == [written, written]
    assert trace.stages["b"].fan_in == {"a": 2}
    report = trace.stages["a"].reports[0]
    assert report.bytes_read == sum(len(text) for text in read[0])
    assert report.bytes_written == sum(len(text) + 2 for text in read[0])
    assert trace.stages["c"].input_bytes == sum(map(len, written))


def test_workers_are_clamped_to_pieces_and_concurrency(runner: Runner) -> None:
    for number in range(3):
        runner.store.put(BUCKET, f"in/{number}", b"x")
    few = Stage("few", identify, [FlexData("in")])
    narrow = Stage("narrow", identify, max_concurrency=2)
    trace = runner.run([few, narrow], StageConfig(1, 8, 512))
    assert [value[:2] for value in values(trace, "few")] == [(0, 3), (1, 3), (2, 3)]
    assert [value[:2] for value in values(trace, "narrow")] == [(0, 2), (1, 2)]
    assert {value[2:] for value in values(trace, "few")} == {(1.0, 512)}
    assert trace.stages["few"].requested.workers == 8
    assert trace.stages["few"].config.workers == 3
    started = {e.stage_id: e.config.workers for e in runner.events if isinstance(e, StageStarted)}
    assert started == {"few": 3, "narrow": 2}


def outlast(context: StageContext) -> bool:
    return eventually(Path(context.get_param("file")).exists, 60)


def mark(context: StageContext) -> None:
    Path(context.get_param("file")).touch()


def test_a_stage_starts_as_soon_as_its_own_parents_have_ended(
    runner: Runner, tmp_path: Path
) -> None:
    end_of_c = {"file": str(tmp_path / "c has run")}
    a = Stage("a", outlast, params=end_of_c)
    b = Stage("b", mark, params={"file": str(tmp_path / "b has run")})
    c = Stage("c", mark, params=end_of_c)
    b >> c
    trace = runner.run([a, b, c])
    stages = trace.stages
    assert 0 <= stages["c"].submitted_s - stages["b"].finished_s < 0.3
    assert values(trace, "a") == [True]  # b and c ran while a did
    assert trace.makespan_s == max(stage.finished_s for stage in stages.values())


def complain(context: StageContext) -> None:
    print("about to fail")  # noqa: T201
    print("on purpose", file=sys.stderr)  # noqa: T201
    raise KeyError("no such thing")


def test_a_stage_that_raises_says_where_and_why(runner: Runner) -> None:
    with pytest.raises(StageFailedError) as caught:
        runner.run([Stage("bad", complain)], options=RunOptions(retries=1))
    error = caught.value
    assert (error.stage_id, error.worker_id, error.kind, error.attempts) == ("bad", 0, "raised", 2)
    assert error.cause == "KeyError: 'no such thing'"
    assert 'raise KeyError("no such thing")' in error.remote_traceback
    assert "about to fail" in error.logs
    assert "on purpose" in error.logs
    assert [e.attempt for e in runner.events if isinstance(e, WorkerRetried)] == [2]


def fail_once(context: StageContext) -> None:
    Path(context.next_output_path("out")).write_text(f"worker {context.worker_id}")
    marker = Path(context.get_param("folder")) / f"tried-{context.worker_id}"
    if context.worker_id == 1 and not marker.exists():
        marker.touch()
        raise RuntimeError("the first attempt")


def test_a_failed_worker_is_tried_again_and_overwrites_its_own_outputs(
    runner: Runner, tmp_path: Path
) -> None:
    stage = Stage("a", fail_once, outputs=[FlexData("out")], params={"folder": str(tmp_path)})
    trace = runner.run([stage], StageConfig(1, 3))
    assert [report.attempt for report in trace.stages["a"].reports] == [1, 2, 1]
    assert [report.worker_id for report in trace.stages["a"].wasted] == [1]
    stored = runner.store.list(BUCKET, "out/")
    assert [ref.key for ref in stored] == [ref.key for ref in trace.stages["a"].outputs()]
    contents = [runner.store.get(BUCKET, ref.key) for ref in stored]
    assert contents == [b"worker 0", b"worker 1", b"worker 2"]


def hang(context: StageContext) -> None:
    time.sleep(600)


def die(context: StageContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(context: StageContext) -> None:
    sys.exit(3)


def vanish(context: StageContext) -> None:
    os._exit(0)


def allocate(context: StageContext) -> None:
    bytearray(64 * 2**30)


def swell(context: StageContext) -> None:
    kept = []
    while True:
        kept.append(bytearray(b"x" * 2**20))
        time.sleep(0.001)


def import_what_is_missing(context: StageContext) -> None:
    import module_that_is_not_there  # type: ignore[import-not-found]  # noqa: F401


def write_nothing(context: StageContext) -> None:
    pass


def write_one(context: StageContext) -> None:
    Path(context.next_output_path("one")).write_text("x")


def test_every_way_to_fail_is_told_apart_and_the_rest_goes_on(runner: Runner) -> None:
    functions = {
        "hang": hang,
        "die": die,
        "leave": leave,
        "vanish": vanish,
        "allocate": allocate,
        "swell": swell,
        "missing": import_what_is_missing,
    }
    stages = [Stage(name, function) for name, function in functions.items()]
    silent = Stage("silent", write_nothing, outputs=[FlexData("nothing")])
    unread = Stage("partly", write_one, outputs=[FlexData("one"), FlexData("two")])
    reader = Stage("reader", identify, [FlexData("two")])
    unread >> reader
    good, child, grandchild = (Stage(name, identify) for name in ("good", "child", "orphan"))
    good >> child
    stages[0] >> grandchild
    options = RunOptions(retries=1, timeout_s=4.0, keep_going=True)

    trace = runner.run(
        [*stages, silent, unread, reader, good, child, grandchild], StageConfig(1, 1, 256), options
    )

    found = {name: (error.kind, error.attempts) for name, error in trace.failures.items()}
    assert found == {
        "hang": ("timeout", 1),  # limits that were hit are hit again, so these are not retried
        "allocate": ("out_of_memory", 1),
        "swell": ("out_of_memory", 1),
        "die": ("killed", 2),
        "vanish": ("killed", 2),
        "leave": ("raised", 2),
        "missing": ("raised", 2),
        "silent": ("no_output", 1),
        "partly": ("no_output", 1),
    }
    assert "SIGKILL" in trace.failures["die"].cause
    assert "SystemExit: 3" in trace.failures["leave"].cause
    assert "code 0" in trace.failures["vanish"].cause
    assert "4 s" in trace.failures["hang"].cause
    assert "MemoryError" in trace.failures["allocate"].cause
    assert "256 MB" in trace.failures["swell"].cause
    assert "module_that_is_not_there" in trace.failures["missing"].remote_traceback
    assert "'two', which stage 'reader' reads" in trace.failures["partly"].cause
    assert set(trace.stages) == {"good", "child"}
    attempts = {(r.task_id.split("/")[0], r.attempt) for r in trace.wasted}
    assert {("die", 1), ("die", 2), ("hang", 1)} <= attempts  # their CPU time is not forgotten
    assert values(runner.run([Stage("after", identify)]), "after") == [(0, 1, 1.0, 0)]


def speak(context: StageContext) -> int:
    import logging

    print("printed")  # noqa: T201
    print("complained", file=sys.stderr)  # noqa: T201
    logging.getLogger("mine").warning("logged")
    subprocess.run(["echo", "by a program"], check=True)
    return context.worker_id


def much(context: StageContext) -> bytes:
    return b"x" * 50_000_000


def threads(context: StageContext) -> list[int]:
    import numpy  # noqa: F401 - brings a thread pool along
    from threadpoolctl import threadpool_info

    return [pool["num_threads"] for pool in threadpool_info()]


def unpicklable(context: StageContext) -> Any:
    return threading.Lock()


def test_values_and_logs_come_back(runner: Runner) -> None:
    captured = {"key": 40}

    def closure(context: StageContext) -> tuple[int, str]:
        return captured["key"] + context.get_param("more"), GREETING

    stages = [
        Stage("speak", speak),
        Stage("much", much),
        Stage("closure", closure, params={"more": 2}),
        Stage("lambda", lambda context: context.stage_id),
        Stage("threads", threads),
        Stage("lock", unpicklable),
    ]
    configs = dict.fromkeys([stage.stage_id for stage in stages], StageConfig(0.5, 1))
    trace = runner.run(stages, {**configs, "speak": StageConfig(1, 2)}, NO_RETRY)
    assert values(trace, "speak") == [0, 1]
    for report in trace.stages["speak"].reports:
        assert sorted(report.logs.split("\n")) == [
            "",
            "by a program",
            "complained",
            "logged",
            "printed",
        ]
    assert len(values(trace, "much")[0]) == 50_000_000
    assert values(trace, "closure") == [(42, GREETING)]
    assert values(trace, "lambda") == ["lambda"]
    assert set(values(trace, "threads")[0]) == {1}  # as many as whole cores, whoever loaded numpy
    assert values(trace, "lock") == [None]
    assert "was dropped" in trace.stages["lock"].reports[0].logs


def abandon(context: StageContext) -> None:
    folder = Path(context.get_param("folder"))
    plain = subprocess.Popen(["sleep", "600"])
    apart = subprocess.Popen(["sleep", "600"], start_new_session=True)
    # the shell ends at once, so that its child has lost its parent
    script = f"setsid sh -c 'sleep 600 & echo $! > {folder / 'daemon'}'"
    subprocess.run(["sh", "-c", script], check=True)
    while not (folder / "daemon").exists() or not (folder / "daemon").read_text():
        time.sleep(0.01)
    (folder / "pids").write_text(f"{plain.pid} {apart.pid} {(folder / 'daemon').read_text()}")
    plain.returncode = apart.returncode = 0  # they are left behind on purpose


def left_behind(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_what_a_function_leaves_running_ends_with_it(runner: Runner, tmp_path: Path) -> None:
    # on all cores there is no control group that would end them
    stage = Stage("a", abandon, params={"folder": str(tmp_path)})
    trace = runner.run([stage], StageConfig(64, 1))
    assert trace.failures == {}
    pids = left_behind(tmp_path)
    assert len(pids) == 3
    assert eventually(lambda: not any(map(is_running, pids)))


def abandon_and_hang(context: StageContext) -> None:
    abandon(context)
    time.sleep(600)


def test_a_run_can_be_cancelled_and_leaves_nothing_running(runner: Runner, tmp_path: Path) -> None:
    before = set(running_children())
    stage = Stage("a", abandon_and_hang, params={"folder": str(tmp_path)})
    cancel = threading.Event()

    def cancel_once_it_runs() -> None:
        eventually((tmp_path / "pids").exists, within_s=60)
        cancel.set()

    canceller = threading.Thread(target=cancel_once_it_runs)
    canceller.start()
    trace = runner.trace()
    with pytest.raises(RunCancelledError, match=trace.run_id):
        runner.run([stage], trace=trace, cancel=cancel)
    canceller.join()
    pids = left_behind(tmp_path)
    assert eventually(lambda: not any(map(is_running, pids)))
    assert trace.stages == {}
    assert trace.driver_cpu_s is not None
    # the same names again: nothing of the cancelled run is taken for the new one's
    again = runner.run([Stage("a", identify)], ONE, NO_RETRY)
    assert values(again, "a") == [(0, 1, 1.0, 0)]
    if runner.backend.name == "local":
        assert eventually(lambda: set(running_children()) <= before)


def test_a_failure_cancels_what_else_runs(runner: Runner) -> None:
    trace = RunTrace("failing")
    with pytest.raises(StageFailedError, match="'bad'"):
        runner.run([Stage("bad", complain), Stage("slow", hang)], ONE, NO_RETRY, trace)
    assert set(trace.failures) == {"bad"}
    assert trace.stages == {}
    assert [report.task_id.split("/")[0] for report in trace.wasted] == ["bad"]


def refuse_memory(context: StageContext) -> None:
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def test_memory_that_the_kernel_refuses_is_out_of_memory(runner: Runner) -> None:
    with pytest.raises(StageFailedError) as caught:
        runner.run([Stage("a", refuse_memory)])
    assert caught.value.kind == "out_of_memory"


def powercap(root: Path) -> Path:
    zone = root / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "energy_uj": "5", "max_energy_range_uj": "9"}.items():
        (zone / name).write_text(f"{text}\n")
    return root


def test_workers_look_at_the_host_where_they_run(runner: Runner, tmp_path: Path) -> None:
    assert isinstance(runner.backend, Examiner)
    choice = MeterChoice(root=str(powercap(tmp_path / "cap")), perf_command=("no-such-perf",))
    found = runner.backend.examine(choice, 3)
    assert len(found) == 3
    assert {seen.host.host_id for seen in found} == {procfs.host_id()}
    seen = found[0]
    facts = detect_host()
    assert seen.host.machine_key == machine_key(facts)
    assert seen.host.facts.cpu_name == facts.cpu_name
    assert (seen.host.facts.machine_id, seen.host.facts.boot_id) == (None, None)
    assert seen.energy["rapl"].ok
    assert seen.energy["perf"].reason == "no-such-perf is not installed"
    assert seen.energy["model"].ok
    assert seen.usable_cpus == len(os.sched_getaffinity(0))
    assert seen.software["flexecutor-energy"] == __version__
    assert values(runner.run([Stage("after", identify)]), "after") == [(0, 1, 1.0, 0)]


def test_a_counter_that_workers_cannot_read_says_why(runner: Runner, tmp_path: Path) -> None:
    assert isinstance(runner.backend, Examiner)
    (seen,) = runner.backend.examine(MeterChoice(root=str(tmp_path)))
    assert not seen.energy["rapl"].ok
    assert str(tmp_path) in seen.energy["rapl"].reason
