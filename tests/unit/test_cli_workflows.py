import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy import DAG, ConfigSpace
from flexecutor_energy.cli.workflows import Workflow, find_workflow, list_workflows, parse_size
from flexecutor_energy.errors import ConfigurationError
from tests.unit import cli_workflow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_name_under_dags_is_found_with_its_functions() -> None:
    workflow = find_workflow("pi")
    assert workflow.name == "pi"
    assert workflow.build("samples=640,tasks=4", None).stage_ids == ["sample", "reduce"]


def test_an_unknown_name_is_refused_with_a_list_of_what_is_there() -> None:
    with pytest.raises(ConfigurationError, match=r"no workflow 'nope'.*ml, .*pi.*module:function"):
        find_workflow("nope")


def test_without_a_name_and_with_several_to_choose_from_the_user_is_asked() -> None:
    with pytest.raises(ConfigurationError, match=r"which workflow\? Give --dag"):
        find_workflow(None)


def test_a_folder_without_workflows_says_so(folder: Path) -> None:
    assert list_workflows() == []
    with pytest.raises(ConfigurationError, match=r"\./dags holds none"):
        find_workflow(None)


def test_a_function_of_a_module_in_the_current_folder_is_found(folder: Path) -> None:
    (folder / "my_flow_a.py").write_text(
        "from flexecutor_energy import DAG\ndef make():\n    return DAG('mine')\n"
    )
    dag = find_workflow("my_flow_a:make").build(None, str(folder / "place"))
    assert dag.name == "mine"
    assert dag.workspace.root == folder / "place"


def test_a_dag_object_is_taken_as_it_is(folder: Path) -> None:
    (folder / "my_flow_b.py").write_text("from flexecutor_energy import DAG\ndag = DAG('ready')\n")
    assert find_workflow("my_flow_b:dag").build(None, None).name == "ready"


def test_the_workspace_is_the_one_asked_for_or_that_of_the_settings_or_the_dags_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = Workflow("mine", cli_workflow, lambda: DAG("mine", tmp_path / "own"))
    monkeypatch.delenv("FLEXECUTOR_ENERGY_WORKSPACE", raising=False)
    assert workflow.build(None, None).workspace.root == tmp_path / "own"
    monkeypatch.setenv("FLEXECUTOR_ENERGY_WORKSPACE", str(tmp_path / "set"))
    assert workflow.build(None, None).workspace.root == tmp_path / "set"
    assert workflow.build(None, str(tmp_path / "asked")).workspace.root == tmp_path / "asked"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_package_at_all", "ModuleNotFoundError"),
        ("raise RuntimeError('broken on import')", "RuntimeError: broken on import"),
        ("def make(:", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_error(
    folder: Path, text: str, problem: str
) -> None:
    (folder / "my_flow_c.py").write_text(text)
    with pytest.raises(ConfigurationError, match=f"could not import my_flow_c: .*{problem}"):
        find_workflow("my_flow_c:make")
    sys.modules.pop("my_flow_c", None)


def test_a_missing_function_is_named() -> None:
    with pytest.raises(ConfigurationError, match="has no 'buidl'"):
        find_workflow("tests.unit.cli_workflow:buidl")


def test_something_that_returns_no_dag_is_refused() -> None:
    workflow = Workflow("mine", cli_workflow, lambda: 7)
    with pytest.raises(
        ConfigurationError, match=r"mine gives a int, not a flexecutor_energy\.DAG"
    ):
        workflow.build(None, None)


def test_a_function_gets_only_what_it_names() -> None:
    workflow = Workflow("mine", cli_workflow, lambda workspace=None: DAG("mine", workspace))
    assert workflow.build(None, None).name == "mine"
    with pytest.raises(ConfigurationError, match="takes no size"):
        workflow.build("medium", None)


def test_a_function_that_needs_more_is_refused_with_what_it_may_take() -> None:
    def make(colour: str) -> DAG:
        return DAG(colour)

    with pytest.raises(ConfigurationError, match="needs colour; it may take size, workspace"):
        Workflow("mine", cli_workflow, make).build(None, None)


def test_the_space_of_the_module_is_the_workflows_own() -> None:
    assert find_workflow(cli_workflow.NAME).space(None) is cli_workflow.SPACE


def test_a_space_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_workflow, "SPACE", {"cpu": [1]})
    with pytest.raises(ConfigurationError, match="is not a ConfigSpace"):
        find_workflow(cli_workflow.NAME).space(None)


def test_a_space_can_depend_on_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    def space(size: Any = "small") -> ConfigSpace:
        return ConfigSpace(cpu=[1], workers=[1 if size == "small" else 8])

    monkeypatch.delattr(cli_workflow, "SPACE")
    monkeypatch.setattr(cli_workflow, "space", space, raising=False)
    found = find_workflow(cli_workflow.NAME).space("medium")
    assert found is not None
    assert [config.workers for config in found] == [8]


class FinishedRun:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def read(self, stage_id: str) -> list[bytes]:
        return [self._text]


def test_a_right_answer_has_no_problem_and_a_wrong_one_says_which() -> None:
    workflow = find_workflow(cli_workflow.NAME)
    right, wrong = FinishedRun(b"6"), FinishedRun(b"7")
    assert workflow.problem_with(right, None) == ""  # type: ignore[arg-type]
    assert workflow.problem_with(wrong, None) == "the sum is 7, not 6"  # type: ignore[arg-type]


def test_a_workflow_without_an_oracle_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cli_workflow, "check")
    workflow = find_workflow(cli_workflow.NAME)
    assert workflow.problem_with(FinishedRun(b"7"), None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, None),
        ("small", "small"),
        ("rows=300,rate=0.5", {"rows": 300, "rate": 0.5}),
        ("name=fast", {"name": "fast"}),
        ('{"rows": 300}', {"rows": 300}),
    ],
)
def test_a_size_is_a_preset_or_knobs(text: str | None, size: object) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["{rows: 300}", '{"rows": '])
def test_a_size_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not JSON"):
        parse_size(text)
