"""``flexecutor-energy pareto``: the front as people and machines read it."""

import json
from pathlib import Path

import pytest

from tests.unit.report_workflow import (
    JOLTEON,
    VM,
    invoke,
    jolteon,
    keep_plan,
    measured_workspace,
    vm,
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    for dag, objective in ((vm(folder), "energy"), (jolteon(folder), "cost")):
        measured_workspace(folder, dag)
        keep_plan(folder, dag.optimize(objective=objective, max_time=80.0))  # type: ignore[arg-type]
    return folder


def test_the_front_is_listed_with_the_plans_to_compare_it_with(measured: Path) -> None:
    result = invoke("pareto", VM, measured, "--points", "6")
    assert result.exit_code == 0, result.output
    for word in ("front 1", "this plan", "fastest", "best uniform", "energy: modelled, wall"):
        assert word in result.stdout


def test_machines_get_intervals_and_configurations(measured: Path) -> None:
    result = invoke("pareto", VM, measured, "--points", "6", "--json")
    document = json.loads(result.stdout)
    assert document["against"] == "energy"
    front = [point for point in document["points"] if point["kind"] == "front"]
    assert 2 <= len(front) <= 6
    energies = [point["energy"]["mean"] for point in front]
    assert energies == sorted(energies, reverse=True)
    assert set(front[0]["configs"]) == {"pca", "train", "aggregate", "test"}
    assert front[0]["time"]["low"] < front[0]["time"]["high"]


def test_configurations_are_shown_when_asked_for(measured: Path) -> None:
    result = invoke("pareto", VM, measured, "--points", "3", "--configs", "--against", "cost")
    assert result.exit_code == 0, result.output
    assert "aggregate        1 worker × " in result.stdout


def test_without_energy_cost_is_traded_for_time(measured: Path) -> None:
    result = invoke("pareto", JOLTEON, measured, "--points", "4", "--json")
    assert json.loads(result.stdout)["against"] == "cost"
    refused = invoke("pareto", JOLTEON, measured, "--against", "energy")
    assert refused.exit_code == 2
    assert "holds no energy: unmeasured" in refused.stderr


@pytest.mark.parametrize("arguments", [("--points", "1"), ("--against", "time")])
def test_what_makes_no_sense_is_refused(measured: Path, arguments: tuple[str, ...]) -> None:
    assert invoke("pareto", VM, measured, *arguments).exit_code == 2
