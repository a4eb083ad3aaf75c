"""The tutorial runs from its first cell to its last."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="runs notebooks")
pytest.importorskip("ipykernel", reason="runs notebooks")

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.mark.slow
def test_the_tutorial_runs_and_shows_tables_and_a_report(tmp_path: Path) -> None:
    notebook = shutil.copy(TUTORIAL, tmp_path)
    own = {"TMPDIR": str(tmp_path), "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace", notebook],
        cwd=tmp_path,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads(Path(notebook).read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    shown = "".join("".join(output.get("text", [])) for output in outputs)
    assert "Certificate: optimal" in shown
    assert "10 readings flagged, 10 were made up" in shown
    assert sum("text/html" in output.get("data", {}) for output in outputs) >= 4
    assert (tmp_path / "tutorial-workspace" / "report.html").exists()
