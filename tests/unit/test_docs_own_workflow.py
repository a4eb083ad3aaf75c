"""The workflow that the documentation tells users to write runs as it stands there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app
from tests.unit.test_docs_examples import ROOT, blocks

PAGE = ROOT / "docs/how-to/own-workflow.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with the module in it."""
    (module,) = blocks(PAGE, "python")
    (tmp_path / "my_words.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("FLEXECUTOR_ENERGY_STORAGE", "file")
    yield tmp_path
    sys.modules.pop("my_words", None)


def test_the_commands_of_the_page_run_one_after_another(folder: Path) -> None:
    (commands,) = blocks(PAGE, "bash")
    for line in commands.strip().splitlines():
        program, *words = line.split()
        assert program == "flexecutor-energy"
        local = ["--backend", "local"] if words[0] in {"profile", "execute"} else []
        result = CliRunner().invoke(app, [*words, *local])
        assert result.exit_code == 0, result.output
        if words[0] == "execute":
            assert "answer: checked, right" in result.output
    assert (folder / "report.html").exists()
