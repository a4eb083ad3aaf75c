"""What the documentation site is made of besides its pages: notebook, commands, links."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from flexecutor_energy.cli import app

pytest.importorskip("mkdocs", reason="the extra docs is not installed")
pytest.importorskip("griffe", reason="the extra docs is not installed")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def hook(name: str) -> ModuleType:
    """Return a hook as MkDocs loads it: by its file."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page_of(*cells: dict[str, Any]) -> str:
    text: str = hook("notebook").as_markdown({"cells": list(cells)})
    return text


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": [source], "outputs": list(outputs)}


def result(**data: str) -> dict[str, Any]:
    kinds = {"html": "text/html", "plain": "text/plain", "png": "image/png"}
    found = {kinds[name]: [text] for name, text in data.items()}
    return {"output_type": "execute_result", "data": found}


def test_cells_become_text_and_code() -> None:
    text = page_of({"cell_type": "markdown", "source": ["# Title\n", "words"]}, code("x = 1\n"))
    assert text == "# Title\nwords\n\n```python\nx = 1\n```\n"


def test_what_a_cell_printed_cannot_be_taken_for_markup() -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": ["a <b> *c*\n", "\n", "d\n"]}
    text = page_of(code("print()", printed))
    assert "<pre>a &lt;b&gt; *c*&#10;&#10;d</pre>" in text


def test_a_table_goes_before_its_text_and_has_no_blank_line() -> None:
    text = page_of(code("t", result(html="<table>\n\n</table>", plain="Table()")))
    assert "<table>\n</table></div>" in text
    assert "Table()" not in text


def test_a_picture_is_part_of_the_page() -> None:
    assert 'src="data:image/png;base64,QUJD"' in page_of(code("p", result(png="QUJD\n", plain="")))


def test_the_reference_holds_every_command_and_option() -> None:
    commands = hook("commands")
    text = commands.reference()
    found = dict(commands.commands())
    assert len(found) > len(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for path, command in found.items():
        section = text.split(f"## {path}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert all(f"`{name}`" in section for name in parameter.opts), path
        assert "\nflexecutor-energy " in section.rpartition("```bash")[2]


def test_a_description_is_not_taken_for_a_type() -> None:
    ours = (
        "Do it.\n\nParameters\n----------\nfirst, second : what they are,\n    in words\n\n"
        "Returns\n-------\nThe sum.\n"
    )
    assert hook("docstrings").rewritten(ours).splitlines() == [
        "Do it.",
        "",
        "Parameters",
        "----------",
        "first, second",
        "    what they are,",
        "    in words",
        "",
        "**Returns:**",
        "The sum.",
    ]


def test_roles_of_another_markup_become_code() -> None:
    assert hook("docstrings").rewritten("See :class:`StageContext`.") == "See `StageContext`."


@pytest.mark.parametrize(
    ("target", "page", "expected"),
    [
        ("tutorial.ipynb", "index.md", "tutorial.md"),
        ("../tutorial.ipynb", "how-to/a.md", "../tutorial.md"),
        ("../examples/plain_lithops.py", "energy.md", "source/examples/plain_lithops.py.md"),
        ("../../CHANGELOG.md", "how-to/a.md", "../changelog.md"),
        ("../dags/pi", "workloads.md", "source/dags/pi.md"),
        ("energy.md", "index.md", "energy.md"),
        ("../nowhere.py", "energy.md", "../nowhere.py"),  # strict mode reports it
    ],
)
def test_links_to_the_repository_lead_to_pages(target: str, page: str, expected: str) -> None:
    assert hook("sources").turned(target, page, DOCS, ROOT) == expected


def test_a_folder_is_shown_by_its_files(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "c.txt"):
        (tmp_path / name).write_text(f"# {name}\n")
    assert hook("sources").source_page(tmp_path, "dags/x").splitlines() == [
        *("# dags/x", ""),
        *("## a.py", "", "````python", "# a.py", "````", ""),
        *("## b.py", "", "````python", "# b.py", "````"),
    ]


def test_the_tutorial_shows_what_it_printed_and_nothing_of_the_machine_it_ran_on() -> None:
    text = (DOCS / "tutorial.ipynb").read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert all(output["output_type"] != "error" for output in outputs)
    tables = [output for output in outputs if "text/html" in output.get("data", {})]
    assert len(tables) >= 4  # profile, data frame, training, plan
    assert not any(place in text for place in ("/tmp", "/home", "/root", "site-packages"))
