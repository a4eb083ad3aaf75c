"""A meter of another package: built, installed, and then chosen by its name alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.test_collector_contract import plug_server

ROOT = Path(__file__).parents[2]
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "smart-plug-meter"
version = "1.0"

[project.entry-points."flexecutor_energy.collectors"]
plug = "smart_plug:make"

[tool.hatch.build.targets.wheel]
only-include = ["smart_plug.py"]
"""
ASK = """
import json
from pathlib import Path
from flexecutor_energy.energy import available_collectors, energy_between, select_collector
from flexecutor_energy.errors import EnergyUnavailableError
import smart_plug

nothing = {"root": Path("/nonexistent"), "perf_command": ("/nonexistent/perf",)}
answer = {"listed": list(available_collectors(**nothing)), "file": smart_plug.__file__}
answer["auto"] = select_collector("auto", **nothing).method
try:
    meter = select_collector("plug", **nothing)
except EnergyUnavailableError as error:
    answer["refused"] = [error.method, error.reason, error.remedy]
else:
    answer["chosen"] = [meter.method, meter.probe().reason]
    answer["energy"] = energy_between(meter.read(), meter.read()).domains_j
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the distribution of the plug was installed."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT)
    shutil.copy(ROOT / "tests/contracts/smart_plug.py", source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(source)],
        check=True,
        capture_output=True,
    )
    return target


def ask(installed: Path, folder: Path, url: str) -> dict[str, Any]:
    path = os.pathsep.join([str(installed), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | {"PYTHONPATH": path, "PLUG_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_installed_meter_is_listed_chosen_by_name_and_read(
    installed: Path, tmp_path: Path
) -> None:
    assert list(installed.glob("smart_plug_meter-1.0.dist-info/entry_points.txt"))
    with plug_server() as url:
        answer = ask(installed, tmp_path, url)
    assert answer["file"] == str(installed / "smart_plug.py")
    assert answer["listed"] == ["model", "plug"]
    assert answer["chosen"] == ["plug", f"plug at {url}/rpc/Switch.GetStatus?id=0"]
    assert answer["energy"] == pytest.approx({"wall-0": 3.6})
    assert answer["auto"] == "model"


def test_an_installed_meter_that_does_not_answer_is_refused_and_not_replaced(
    installed: Path, tmp_path: Path
) -> None:
    answer = ask(installed, tmp_path, "http://127.0.0.1:1")
    assert answer["listed"] == ["model"]
    method, reason, remedy = answer["refused"]
    assert method == "plug"
    assert "refused" in reason
    assert remedy == "set PLUG_URL"
