"""``flexecutor-energy audit``: coverage of many runs, as people and machines read it."""

import json
from pathlib import Path

import pytest

from flexecutor_energy import Plan
from tests.unit.report_workflow import VM, invoke, keep_run, measured_workspace, vm


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A workspace with runs of a plan; in all of them `train` took three times as long."""
    folder = tmp_path_factory.mktemp("measured")
    dag = vm(folder)
    measured_workspace(folder, dag)
    plan = dag.optimize(objective="energy", max_time=6.0)
    for number in range(3):
        keep_run(folder, plan, f"2026-{number}", factors={"train": 3.0})
    keep_run(folder, plan, "2026-9", audited=False)
    return folder, plan


def test_coverage_ratios_and_stages_to_profile_again_are_shown(
    measured: tuple[Path, Plan],
) -> None:
    result = invoke("audit", VM, measured[0])
    assert result.exit_code == 0, result.output
    output = result.stdout
    assert "3 runs followed a plan; 1 followed none" in output
    assert "max_time: kept in 3 of 3 runs" in output
    assert "3.00 (3.00 … 3.00)   OUTSIDE" in output
    assert "profile again: train (" in output
    assert "0 of 3" in output
    tables = output[: output.index("profile again")]
    assert max(len(line) for line in tables.splitlines()) <= 80


def test_machines_get_the_same_numbers(measured: tuple[Path, Plan]) -> None:
    result = invoke("audit", VM, measured[0], "--json", "--last", "2")
    document = json.loads(result.stdout)
    assert document["runs"] == 1
    assert document["unplanned"] == ["2026-9"]
    assert document["to_profile"] == []  # one run outside may be chance
    (train,) = [
        row for row in document["stages"] if (row["stage_id"], row["metric"]) == ("train", "time")
    ]
    assert (train["judged"], train["inside"]) == (1, 0)
    assert train["median"] == pytest.approx(3.0)


def test_what_moves_over_time_is_shown_with_its_halves(
    tmp_path: Path, measured: tuple[Path, Plan]
) -> None:
    for number in range(8):
        keep_run(tmp_path, measured[1], f"{number}", factors={"train": 0.95 + 0.03 * number})
    result = invoke("audit", VM, tmp_path)
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert "train time 0.99 1.11 +12.1% MOVING" in lines
    assert any(line.startswith("whole run time 1.00 1.00 +0.0%") for line in lines)
    assert "pca time 1.00 1.00" not in result.stdout
    assert "profile again: train (" in result.stdout


def test_corrupt_runs_are_named_on_stderr(tmp_path: Path, measured: tuple[Path, Plan]) -> None:
    keep_run(tmp_path, measured[1], "1")
    keep_run(tmp_path, measured[1], "2").write_text("{}")
    result = invoke("audit", VM, tmp_path)
    assert result.exit_code == 0
    assert "left out:" in result.stderr
    assert "2/run.json" in result.stderr.replace("\n", "")
    assert "1 runs followed a plan" in result.stdout


def test_without_runs_the_command_to_run_first_is_named(tmp_path: Path) -> None:
    result = invoke("audit", VM, tmp_path)
    assert result.exit_code == 2
    assert "flexecutor-energy optimize" in result.stderr
    assert invoke("audit", VM, tmp_path, "--last", "0").exit_code == 2
