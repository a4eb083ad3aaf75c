"""Runs of the engine on the local backend, and of functions from scripts on every backend."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexecutor_energy.errors import (
    BucketMissingError,
    ConfigurationError,
    ExecutionError,
    InputMissingError,
    RunCancelledError,
    StageFailedError,
)
from flexecutor_energy.execution.backends.local import LocalBackend
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.execution.engine import Engine, RunOptions
from flexecutor_energy.execution.events import (
    Event,
    StageFinished,
    StageStarted,
    WorkerFinished,
)
from flexecutor_energy.execution.trace import RunTrace
from flexecutor_energy.workflow.chunking import Chunker
from flexecutor_energy.workflow.config import StageConfig
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData
from flexecutor_energy.workflow.graph import StageGraph
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


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    before = set(running_children())
    opened = LocalBackend()
    opened.open()
    yield opened
    opened.close()
    assert eventually(lambda: set(running_children()) <= before)


@pytest.fixture
def runner(backend: LocalBackend, tmp_path: Path) -> Runner:
    return Runner(backend, folder_store(tmp_path))


def who(context: StageContext) -> int:
    return context.worker_id


def nap(context: StageContext) -> None:
    time.sleep(context.get_param("seconds"))


def fail(context: StageContext) -> None:
    raise RuntimeError("on purpose")


def read_all(context: StageContext) -> str:
    return "".join(Path(path).read_text() for path in context.get_input_paths("in"))


def write_empty(context: StageContext) -> None:
    Path(context.next_output_path("middle")).write_text("")


def test_two_hundred_workers_of_one_stage_all_report(runner: Runner) -> None:
    trace = runner.run([Stage("wide", who)], StageConfig(64, 200))
    assert values(trace, "wide") == list(range(200))
    finished = [e.worker_id for e in runner.events if isinstance(e, WorkerFinished)]
    assert sorted(finished) == list(range(200))


def test_a_chain_of_thirty_stages_runs_through(runner: Runner) -> None:
    chain = [Stage(f"s{number}", who) for number in range(30)]
    for first, second in itertools.pairwise(chain):
        first >> second
    trace = runner.run(chain)
    order = [trace.stages[stage.stage_id] for stage in chain]
    assert all(a.finished_s <= b.submitted_s for a, b in itertools.pairwise(order))


def test_chunks_of_an_object_are_shared_out(runner: Runner) -> None:
    text = "".join(f"{number},{number * number}\n" for number in range(100))
    runner.store.put(BUCKET, "in/table.csv", f"n,square\n{text}".encode())
    data = FlexData("in", chunker=Chunker(strategy="csv"))
    trace = runner.run([Stage("a", read_all, [data])], StageConfig(1, 4))
    parts = values(trace, "a")
    assert all(part.startswith("n,square\n") for part in parts)
    assert "".join(part.removeprefix("n,square\n") for part in parts) == text
    assert len(parts) == 4
    headers = 3 * len("n,square\n")  # the first piece holds it already
    assert sum(r.bytes_read or 0 for r in trace.stages["a"].reports) == len(text) + 9 + headers


def test_a_fixed_number_of_pieces_is_shared_out_among_fewer_workers(runner: Runner) -> None:
    runner.store.put(BUCKET, "in/text", b"".join(b"%d\n" % number for number in range(10)))
    data = FlexData("in", chunker=Chunker(strategy="lines", pieces=5))
    trace = runner.run([Stage("a", read_all, [data])], StageConfig(1, 2))
    assert "".join(values(trace, "a")).split() == [str(number) for number in range(10)]
    assert trace.stages["a"].gets == 5


def test_a_missing_input_ends_the_run_before_it_begins(runner: Runner) -> None:
    late = Stage("late", read_all, [FlexData("in")])
    first = Stage("first", who)
    first >> late
    with pytest.raises(InputMissingError, match=r"'late'.*no object below 'in/'"):
        runner.run([first, late])
    elsewhere = Stage("a", read_all, [FlexData("in", bucket="nowhere")])
    with pytest.raises(BucketMissingError, match="nowhere"):
        runner.run([elsewhere])
    assert runner.events == []


def test_empty_objects_that_are_to_be_cut_are_no_input(runner: Runner) -> None:
    runner.store.put(BUCKET, "in/empty", b"")
    data = FlexData("in", chunker=Chunker(strategy="lines"))
    with pytest.raises(InputMissingError, match="empty"):
        runner.run([Stage("a", read_all, [data])])


def test_a_stage_whose_parent_wrote_nothing_to_cut_fails_and_the_rest_goes_on(
    runner: Runner,
) -> None:
    maker = Stage("maker", write_empty, outputs=[FlexData("middle")])
    data = FlexData("middle", chunker=Chunker(strategy="lines"))
    reader, other = Stage("reader", who, [data]), Stage("other", who)
    maker >> [reader, other]
    trace = runner.run([maker, reader, other], ONE, RunOptions(keep_going=True))
    assert {name: error.kind for name, error in trace.failures.items()} == {"reader": "no_input"}
    assert set(trace.stages) == {"maker", "other"}


def test_isolated_stages_run_one_after_another(runner: Runner) -> None:
    stages = [Stage(name, nap, params={"seconds": 0.1}) for name in "abc"]
    trace = runner.run(stages, ONE, RunOptions(isolate=True))
    spans = sorted((s.submitted_s, s.finished_s) for s in trace.stages.values())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_observers_hear_of_everything_in_order(runner: Runner) -> None:
    a, b = Stage("a", who), Stage("b", who)
    a >> b
    trace = runner.run([a, b])
    kinds = [(type(event), getattr(event, "stage_id", None)) for event in runner.events]
    assert kinds == [
        (StageStarted, "a"),
        (WorkerFinished, "a"),
        (StageFinished, None),
        (StageStarted, "b"),
        (WorkerFinished, "b"),
        (StageFinished, None),
    ]
    assert {event.run_id for event in runner.events} == {trace.run_id}


def test_an_interrupt_stops_the_run_and_leaves_nothing_running(
    backend: LocalBackend, tmp_path: Path
) -> None:
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    store = folder_store(tmp_path)
    graph = StageGraph("g").add_stages([Stage("a", nap, params={"seconds": 600})])
    before = set(running_children())
    with pytest.raises(KeyboardInterrupt):
        Engine(backend, store, BUCKET, [interrupt]).run(graph, {"a": ONE}, RunTrace("r"))
    assert set(running_children()) <= before


def test_a_late_report_of_a_cancelled_run_is_not_taken_for_one_of_the_next(
    runner: Runner,
) -> None:
    for number in range(5):
        with pytest.raises(StageFailedError):
            # the second stage ends at about the time at which the first one fails
            runner.run([Stage("bad", fail), Stage("same", who)], ONE, RunOptions(retries=0))

        def changed(context: StageContext, number: int = number) -> str:
            return f"of run {number}"

        trace = runner.run([Stage("same", changed), Stage("bad", who)])
        assert values(trace, "same") == [f"of run {number}"]


def test_what_cannot_be_pickled_is_said_before_anything_runs(runner: Runner) -> None:
    lock = threading.Lock()

    def uses_a_lock(context: StageContext) -> bool:
        return lock.locked()

    with pytest.raises(ConfigurationError, match=r"'a' cannot be sent.*inside the func"):
        runner.run([Stage("a", uses_a_lock)])
    assert runner.events == []


def outlive_another_worker(context: StageContext) -> bool:
    """Leave a process without a parent, and see whether it is there after the other worker."""
    shell = subprocess.run(
        ["sh", "-c", "sleep 600 >/dev/null & echo $!"], stdout=subprocess.PIPE, check=True
    )
    pid = int(shell.stdout)
    Path(context.get_param("folder"), "left").touch()
    time.sleep(0.7)
    return is_running(pid)


def end_first(context: StageContext) -> bool:
    while not Path(context.get_param("folder"), "left").exists():
        time.sleep(0.01)
    return True


def test_what_a_worker_leaves_is_not_ended_with_another_worker(
    runner: Runner, tmp_path: Path
) -> None:
    params = {"folder": str(tmp_path)}
    stages = [Stage("stays", outlive_another_worker, params=params)]
    stages.append(Stage("ends", end_first, params=params))
    trace = runner.run(stages, StageConfig(64, 1))
    assert trace.stages["ends"].finished_s < trace.stages["stays"].finished_s
    assert values(trace, "stays") == [True]


def kill_supervisor(context: StageContext) -> None:
    if not Path(context.get_param("marker")).exists():
        Path(context.get_param("marker")).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


def test_workers_lost_with_the_process_around_them_are_tried_again(
    runner: Runner, tmp_path: Path
) -> None:
    stage = Stage("a", kill_supervisor, params={"marker": str(tmp_path / "marker")})
    trace = runner.run([stage])
    assert [report.attempt for report in trace.stages["a"].reports] == [2]
    assert trace.backend_cpu_s is not None
    assert trace.backend_cpu_s > 0.05  # that of the new process; the old one's is not taken off
    (lost,) = trace.stages["a"].wasted
    assert lost.failure is not None
    assert (lost.failure.kind, lost.total_cpu_s) == ("lost", None)


def kill_supervisor_always(context: StageContext) -> None:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def test_losing_workers_again_and_again_is_the_fault_of_the_surroundings(runner: Runner) -> None:
    with pytest.raises(StageFailedError) as caught:
        runner.run([Stage("a", kill_supervisor_always)], ONE, RunOptions(retries=1))
    assert (caught.value.kind, caught.value.by_surroundings) == ("lost", True)
    assert values(runner.run([Stage("a", who)]), "a") == [0]


def test_a_backend_that_is_not_open_says_so(tmp_path: Path) -> None:
    closed = Runner(LocalBackend(), folder_store(tmp_path))
    with pytest.raises(ExecutionError, match="not open"):
        closed.run([Stage("a", who)])


def test_an_unknown_backend_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="'lithops', 'local'"):
        open_backend("slurm")
    with pytest.raises(ConfigurationError, match="Lithops configuration"):
        open_backend("/no/such/file.yaml")


def test_a_scratch_folder_can_be_chosen(runner: Runner, tmp_path: Path) -> None:
    runner.store.put(BUCKET, "in/x", b"x")

    def where(context: StageContext) -> str:
        return context.get_input_paths("in")[0]

    data = FlexData("in", local_base_path=str(tmp_path / "scratch"))
    (path,) = values(runner.run([Stage("a", where, [data])]), "a")
    assert Path(path).is_relative_to(tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []  # removed afterwards


def test_inputs_whose_names_look_alike_do_not_mix(runner: Runner) -> None:
    long = "n" * 250
    for key in ("a/b/x", "a_b/x", f"long/{long}"):
        runner.store.put(BUCKET, key, key[:3].encode())

    def texts(context: StageContext) -> list[str]:
        names = ("a/b", "a_b", "long")
        return [Path(context.get_input_paths(name)[0]).read_text() for name in names]

    stage = Stage("a", texts, [FlexData("a/b"), FlexData("a_b"), FlexData("long")])
    assert values(runner.run([stage]), "a") == [["a/b", "a_b", "lon"]]


SCRIPT = """
import sys
import tempfile
from pathlib import Path
sys.path.insert(0, {tests!r})
import middle
from tests.execution_support import Runner, folder_store, values
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.workflow.stage import Stage

FACTOR = 2

class Doubler:
    def __call__(self, number):
        return number * FACTOR

def compute(context):
    import late  # found by the driver's import paths, as it is not loaded when this travels
    return Doubler()(middle.through_another(context.get_param("number"))) + late.NUMBER

for name in ("local", "lithops"):
    backend = open_backend(name)
    try:
        runner = Runner(backend, folder_store(Path({folder!r})))
        trace = runner.run([Stage("a", compute, params={{"number": 20}})])
        print(name, values(trace, "a"))
    finally:
        backend.close()
"""


def test_functions_of_a_script_and_of_modules_beside_it_run_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "far.py").write_text("class Adder:\n    def add(self, n):\n        return n + 1\n")
    (folder / "middle.py").write_text(
        "import far\n\ndef through_another(n):\n    return far.Adder().add(n)\n"
    )
    (folder / "late.py").write_text("NUMBER = 0\n")
    script = folder / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[2]), folder=str(tmp_path)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=elsewhere
    )
    assert done.stdout == "local [42]\nlithops [42]\n", done.stderr


INTERRUPTED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.execution_support import Runner, folder_store
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.workflow.stage import Stage

def wait(context):
    import os, subprocess, time
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    folder = Path({folder!r})
    (folder / "part").write_text(f"{{os.getpid()}} {{left.pid}}")
    (folder / "part").rename(folder / "pids")
    time.sleep(600)

backend = open_backend(sys.argv[1])
try:
    Runner(backend, folder_store(Path({folder!r}))).run([Stage("a", wait)])
except KeyboardInterrupt:
    print("interrupted")
finally:
    backend.close()
"""


@pytest.mark.parametrize("name", ["local", "lithops"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_a_driver_that_ends_takes_its_workers_with_it(
    tmp_path: Path, name: str, number: int
) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        INTERRUPTED.format(tests=str(Path(__file__).parents[2]), folder=str(tmp_path))
    )
    driver = subprocess.Popen(
        [sys.executable, str(script), name], stdout=subprocess.PIPE, text=True
    )
    pids: list[int] = []
    try:
        assert eventually((tmp_path / "pids").exists, within_s=60)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        driver.send_signal(number)
        said, _ = driver.communicate(timeout=60)
        assert said == ("interrupted\n" if number == signal.SIGINT else "")
        assert eventually(lambda: not any(map(is_running, pids)))
    finally:
        driver.kill()
        driver.communicate()
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


def mark_and_hang(context: StageContext) -> None:
    Path(context.get_param("marker")).touch()
    time.sleep(600)


def test_cancelling_on_a_backend_whose_process_died_starts_another(
    runner: Runner, backend: LocalBackend, tmp_path: Path
) -> None:
    marker, cancel = tmp_path / "marker", threading.Event()
    process = backend._process
    assert process is not None

    def kill_and_cancel() -> None:
        eventually(marker.exists, within_s=60)
        cancel.set()
        process.kill()

    thread = threading.Thread(target=kill_and_cancel)
    thread.start()
    stage = Stage("a", mark_and_hang, params={"marker": str(marker)})
    with pytest.raises((RunCancelledError, StageFailedError)):
        runner.run([stage], ONE, RunOptions(retries=0), cancel=cancel)
    thread.join()
    assert values(runner.run([Stage("a", who)]), "a") == [0]
    assert list(Path(tempfile.gettempdir()).glob(f"flexecutor-energy-{process.pid}-*")) == []
