"""The page on the workflows: whole, of today, and with a picture of each."""

import importlib
import re
from pathlib import Path

import pytest

from dags import page
from tests.workflow_cases import ROOT, SHIPPED, Case

PAGE = ROOT / "docs" / "workloads.md"


def test_the_page_says_what_the_packages_say_today() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page.assembled(ROOT), "write it again with: python -m dags.page"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_workflow_has_a_section_with_its_picture_knobs_and_sizes(name: str) -> None:
    Case(name, {}, {}).skip_without_extras()
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {name}\n")[1].partition("\n## ")[0]
    assert f"](pictures/{name}.svg)" in section
    assert all(f"\n**{lead}**: " in section for lead in page.LEADS)
    workflow = importlib.import_module(f"dags.{name}.workflow")
    for knob in workflow.PRESETS["small"].__dataclass_fields__:
        (row,) = re.findall(rf"^\| `{knob}` \|.*$", section, re.MULTILINE)
        assert len(row.split("|")[-2].strip()) > 5, f"nothing is said of {knob}"


@pytest.mark.parametrize("name", SHIPPED)
def test_the_picture_has_a_box_for_every_stage_and_an_arrow_for_every_edge(name: str) -> None:
    Case(name, {}, {}).skip_without_extras()
    dag = importlib.import_module(f"dags.{name}").build("small")
    picture = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    shapes = picture.count('id="patch_')
    assert shapes == 1 + len(dag.stages) + len(dag.edges)  # and the paper


def test_every_picture_belongs_to_a_workflow() -> None:
    pictures = [path.stem for path in Path(ROOT, "docs", "pictures").glob("*.svg")]
    assert sorted(pictures) == SHIPPED
