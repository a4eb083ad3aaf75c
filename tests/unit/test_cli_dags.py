"""``flexecutor-energy dags``: what is listed of workflows, also of those that cannot run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from tests.workflow_cases import SHIPPED

PACKAGES = {
    "broken": '"""Breaks when it is imported."""\nraise RuntimeError("no luck")\n',
    "sound": '''"""Does nothing.

    At length.
    """
from flexecutor_energy import DAG, FlexData, Stage

DATA = "none at all"
EXTRAS = ("server",)


def work(context):
    raise AssertionError("a stage was run")


def prepare():
    raise AssertionError("inputs were made")


def build():
    one = Stage("one", work, outputs=[FlexData("one/data")], max_concurrency=3)
    two = Stage("two", work, inputs=[FlexData("one/data")])
    one >> two
    return DAG("sound").add_stages([one, two])
''',
    "unbuilt": 'def build():\n    return {}["size"]\n',
    "wordless": '"""Says nothing of itself."""\nfrom dags.sound import build\n',
}


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What is listed of a folder of one's own, by name."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "__init__.py").touch()
    for name, text in PACKAGES.items():
        (tmp_path / "dags" / name).mkdir()
        (tmp_path / "dags" / name / "__init__.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_dags(name)}
    yield {each["name"]: each for each in _document()}
    for name in filter(_is_dags, list(sys.modules)):
        del sys.modules[name]
    sys.modules.update(ours)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dags"]  # nothing was written


def _is_dags(name: str) -> bool:
    return name.partition(".")[0] == "dags"


def _document() -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["dags", "--json"])
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["dags"]
    return found


def test_a_workflow_is_listed_with_what_it_is_and_needs_without_running_it(
    listed: dict[str, Any],
) -> None:
    assert listed["sound"] == {
        "name": "sound",
        "summary": "Does nothing.",
        "data": "none at all",
        "extras": ["server"],
        "stages": [
            {"id": "one", "parents": [], "most_workers": 3},
            {"id": "two", "parents": ["one"], "most_workers": 1024},
        ],
        "ready": True,
        "missing": [],
    }
    assert (listed["wordless"]["data"], listed["wordless"]["extras"]) == ("", [])
    assert listed["wordless"]["ready"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("broken", "RuntimeError: no luck"), ("unbuilt", "could not build dags/unbuilt: KeyError")],
)
def test_one_that_cannot_be_looked_at_says_why_in_its_row(
    name: str, problem: str, listed: dict[str, Any]
) -> None:
    assert list(listed) == sorted(PACKAGES)
    assert listed[name]["stages"] is None
    assert not listed[name]["ready"]
    assert problem in listed[name]["missing"][0]["what"]


def test_every_shipped_workflow_says_its_data_and_fits_the_terminal() -> None:
    assert [each["name"] for each in _document()] == SHIPPED
    assert all(each["data"] and each["summary"] for each in _document())
    lines = CliRunner().invoke(app, ["dags"]).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert {line.split()[0] for line in lines if line[:1].islower()} >= set(SHIPPED)


def test_one_whose_packages_are_missing_says_which_command_brings_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    (ml,) = (each for each in _document() if each["name"] == "ml")
    assert not ml["ready"]
    assert ml["missing"] == [
        {
            "what": "lightgbm not installed",
            "remedy": "`pip install 'flexecutor-energy[ml]'`",
        }
    ]
    output = CliRunner().invoke(app, ["dags"]).stdout
    assert "pip install 'flexecutor-energy[ml]'" in output
    assert max(map(len, output.splitlines())) <= 80


def test_an_extra_that_a_package_names_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from flexecutor_energy.cli import dags
    from flexecutor_energy.cli.findings import Finding

    lacking = Finding("extra nlp", "note", "vaderSentiment not installed", "pip install 'x[nlp]'")
    monkeypatch.setattr(dags, "known_extras", lambda: [lacking])
    problems = {each["name"]: each["missing"] for each in _document() if not each["ready"]}
    told = {"what": "vaderSentiment not installed", "remedy": "`pip install 'x[nlp]'`"}
    assert problems == {"airbnb": [told]}
