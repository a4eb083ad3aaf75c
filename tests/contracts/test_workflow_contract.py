"""What every workflow that ships promises, whatever it computes."""

import copy
import dataclasses
import functools
import importlib
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flexecutor_energy import DAG, StageConfig
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.execution.backends.protocol import Backend
from flexecutor_energy.execution.backends.select import open_backend
from flexecutor_energy.storage.select import Storage
from tests.contracts import answers
from tests.unit.dag_runs import directory_storage, run_in_process
from tests.workflow_cases import CASES, ROOT, SHIPPED, Case

FUNCTIONS = ("build", "prepare", "answer", "native", "same", "check")
MORE_THAN_PIECES = 40
MOST_PLACES = 15
FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module", params=[pytest.param(case, id=case.name) for case in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    found.skip_without_extras()
    return found


@pytest.fixture(scope="module")
def sound(case: Case, workflow_data: Path) -> Any:
    """The answer of the native version at the tiny size."""
    return case.module.native(case.tiny, workflow_data)


@pytest.fixture(scope="module")
def stored(case: Case, workflow_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """A folder as a store that holds the inputs of the tiny size."""
    storage = directory_storage(tmp_path_factory.mktemp(case.name))
    case.module.prepare(case.tiny, workflow_data, storage)
    return storage


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with closing(open_backend("local")) as opened:
        yield opened


def test_every_workflow_that_ships_has_a_case() -> None:
    assert [case.name for case in CASES] == SHIPPED


# --- what its package says ---


def test_the_package_offers_its_functions_and_says_what_it_needs(case: Case) -> None:
    module = case.module
    assert all(callable(getattr(module, name)) for name in FUNCTIONS)
    assert isinstance(module.DATA, str)
    assert 0 < len(module.DATA) <= 60
    assert "\n" not in module.DATA
    assert isinstance(module.EXTRAS, tuple)
    assert set(module.EXTRAS) <= set(_extras())
    assert module.__all__ == sorted(module.__all__, key=lambda name: (name.islower(), name))


def test_small_medium_and_single_knobs_build_the_same_stages(case: Case, tmp_path: Path) -> None:
    built = [case.module.build(size, tmp_path) for size in ("small", "medium", case.tiny)]
    for dag in built:
        assert isinstance(dag, DAG)
        dag.validate()
        assert dag.name == case.name
        assert dag.workspace.root == tmp_path
        assert (dag.stage_ids, dag.edges) == (built[0].stage_ids, built[0].edges)
    assert not list(tmp_path.iterdir())
    assert set(case.presets) == {"small", "medium"}


def test_sizes_that_cannot_be_are_refused_everywhere(case: Case, tmp_path: Path) -> None:
    knobs = [field.name for field in dataclasses.fields(case.presets["small"])]
    wrong = [{knob: value} for knob in knobs for value in (-1, 0.5, True, None, "many")]
    module = case.module
    for size in ("huge", 3, None, {"no_such_knob": 1}, *wrong):
        for use in (module.build, module.prepare, module.native):
            with pytest.raises(ConfigurationError):
                use(size, tmp_path)
        with pytest.raises(ConfigurationError):
            module.check({}, size)
    assert not list(tmp_path.iterdir())


def _extras() -> dict[str, list[str]]:
    """Return the distributions that each extra brings by itself."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(text)["project"]["optional-dependencies"]
    return {
        extra: [requirement.split(">")[0].split("=")[0].split("[")[0] for requirement in needed]
        for extra, needed in declared.items()
        if extra not in {"all", "dev"}
    }


_WITHOUT = """
import importlib, json, os, sys
import flexecutor_energy.dag
from flexecutor_energy.errors import MissingExtraError

def told(name, hidden):
    module = importlib.import_module("dags." + name)
    # what is None there can be neither found nor imported
    sys.modules.update(dict.fromkeys(hidden))
    try:
        module.build("small")
    except MissingExtraError as missing:
        return str(missing)
    return ""

for name, cases in json.loads(sys.argv[1]).items():
    for hidden in cases:
        # a process for each, in which nothing was hidden or imported before
        if os.fork() == 0:
            print(json.dumps([name, told(name, hidden)]), flush=True)
            os._exit(0)
        os.wait()
"""


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """What each workflow says without all extras but its own, and then without each of these."""
    hidden = {}
    for name in SHIPPED:
        own = importlib.import_module(f"dags.{name}").EXTRAS
        others = [extra for extra in _extras() if extra not in own]
        hidden[name] = [_modules(others), *(_modules([extra]) for extra in own)]
        assert all(hidden[name])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, json.dumps(hidden)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    said: dict[str, list[str]] = {name: [] for name in SHIPPED}
    for name, message in map(json.loads, done.stdout.splitlines()):
        said[name].append(message)
    assert [*map(len, said.values())] == [*map(len, hidden.values())], done.stderr
    return said


def test_only_its_extras_are_needed_and_a_missing_one_is_told_with_its_command(
    case: Case, told: dict[str, list[str]]
) -> None:
    without_others, *without_own = told[case.name]
    assert without_others == ""
    for extra, message in zip(case.module.EXTRAS, without_own, strict=True):
        assert f"pip install 'flexecutor-energy[{extra}]'" in message
        assert f"the workflow '{case.name}'" in message


def _modules(extras: list[str]) -> list[str]:
    """Return the top-level modules that extras bring."""
    brought = {_normal(distribution) for extra in extras for distribution in _extras()[extra]}
    return [
        module
        for module, distributions in _provided().items()
        if brought & {_normal(distribution) for distribution in distributions}
    ]


@functools.cache
def _provided() -> Mapping[str, list[str]]:
    return packages_distributions()


def _normal(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


# --- its inputs ---


def test_preparing_again_uploads_nothing(case: Case, stored: Storage, workflow_data: Path) -> None:
    before = list(stored.store.list(stored.bucket))
    case.module.prepare(case.tiny, workflow_data, stored)
    assert list(stored.store.list(stored.bucket)) == before
    read = [data for stage in case.module.build(case.tiny).stages for data in stage.inputs]
    assert bool(before) == any("inputs/" in data.prefix for data in read)


# --- its answer ---


def test_the_native_answer_passes_its_oracle_and_is_plain(case: Case, sound: Any) -> None:
    case.module.check(sound, case.tiny)
    assert case.module.same(sound, copy.deepcopy(sound))
    assert case.module.same(json.loads(json.dumps(sound)), sound)


@pytest.mark.parametrize(
    ("workers", "cpu"),
    [(1, 2), (2, 1), (3, 0.5), (MORE_THAN_PIECES, 1)],
    ids=["one", "two", "three", "many"],
)
def test_workers_and_cores_change_the_speed_and_never_the_answer(
    case: Case, sound: Any, stored: Storage, workers: int, cpu: float, tmp_path: Path
) -> None:
    dag = case.module.build(case.tiny, tmp_path)
    run = run_in_process(dag, workers, tmp_path, storage=stored, cpu=cpu)
    found = case.module.answer(run)
    assert case.module.same(found, sound)
    case.module.check(found, case.tiny)
    if workers <= 3:
        assert max(run.workers.values()) == workers
    assert all(run.workers[stage.stage_id] <= stage.max_concurrency for stage in dag.stages)


def test_workers_of_their_own_in_bounds_of_memory_give_the_same_answer(
    case: Case, sound: Any, stored: Storage, backend: Backend, tmp_path: Path
) -> None:
    dag = case.module.build(case.tiny, tmp_path)
    for stage, count in zip(dag.stages, itertools.cycle([2, 3, 1, 2]), strict=False):
        stage.resource_config = StageConfig(1, count, case.memory_mb)
    run = dag.execute(backend=backend, storage=stored, energy="off")
    found = case.module.answer(run)
    assert case.module.same(found, sound)
    case.module.check(found, case.tiny)


def test_an_answer_of_another_size_fails(case: Case, sound: Any) -> None:
    with pytest.raises(AssertionError, match=r"\w"):
        case.module.check(sound, case.tiny | case.other)


# --- its oracle, on what is no answer ---


def _refuses(case: Case, spoiled: Any, sound: Any) -> None:
    with pytest.raises(AssertionError, match=r"\w"):
        case.module.check(spoiled, case.tiny)
    assert case.module.same(spoiled, sound) is False
    assert case.module.same(sound, spoiled) is False
    assert case.module.same(spoiled, spoiled) in {True, False}


@pytest.mark.parametrize("nothing", answers.RUBBISH, ids=lambda value: type(value).__name__)
def test_what_is_no_answer_at_all_fails_and_equals_none(
    case: Case, sound: Any, nothing: Any
) -> None:
    _refuses(case, nothing, sound)


@FEW
@given(spoiled=answers.rubbish)
def test_made_up_answers_fail_and_equal_none(case: Case, sound: Any, spoiled: Any) -> None:
    _refuses(case, spoiled, sound)


@FEW
@given(data=st.data())
def test_a_value_of_another_kind_anywhere_fails(case: Case, sound: Any, data: Any) -> None:
    place = data.draw(st.sampled_from(list(answers.places(sound))))
    value = data.draw(answers.rubbish)
    assume(type(value) is not type(answers.value_at(sound, place)))
    _refuses(case, answers.replaced(sound, place, value), sound)


@FEW
@given(data=st.data())
def test_a_value_too_few_or_too_many_anywhere_fails(case: Case, sound: Any, data: Any) -> None:
    every = list(answers.places(sound))
    place = data.draw(st.sampled_from(every))
    if isinstance(answers.value_at(sound, place), dict | list) and data.draw(st.booleans()):
        _refuses(case, answers.enlarged(sound, place, data.draw(answers.rubbish)), sound)
    else:
        assume(place)
        _refuses(case, answers.without(sound, place), sound)


def test_numbers_that_cannot_be_fail_everywhere(case: Case, sound: Any) -> None:
    numbers: dict[Any, answers.Place] = {}
    for place in answers.places(sound):
        if type(answers.value_at(sound, place)) in {int, float}:  # one of each list
            numbers[tuple(key for key in place if type(key) is str)] = place
    chosen = random.Random(case.name).sample(list(numbers), min(len(numbers), MOST_PLACES))
    for place in map(numbers.__getitem__, chosen):
        beyond: list[Any] = [1e30, -1e30]
        if type(answers.value_at(sound, place)) is int:
            beyond = [int(value) for value in beyond]
        else:
            beyond += [math.nan, math.inf]
        for value in beyond:
            _refuses(case, answers.replaced(sound, place, value), sound)
