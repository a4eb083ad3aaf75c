"""``flexecutor-energy optimize`` on cores that stages share."""

from pathlib import Path

import pytest

from tests.unit.report_workflow import JOLTEON, VM, invoke, jolteon, measured_workspace, vm


def test_the_cores_of_the_profiled_hosts_can_be_shared(tmp_path: Path) -> None:
    measured_workspace(tmp_path, vm(tmp_path))
    result = invoke("optimize", VM, tmp_path, "--capacity", "host")
    assert result.exit_code == 0, result.output
    assert "on 2 cores that all stages share" in " ".join(result.stdout.split())
    own = invoke("optimize", VM, tmp_path, "--capacity", "1.5")
    assert "on 1.5 cores that all stages share" in " ".join(own.stdout.split())


def test_hosts_whose_cores_nobody_knows_need_a_number(tmp_path: Path) -> None:
    measured_workspace(tmp_path, jolteon(tmp_path))
    result = invoke("optimize", JOLTEON, tmp_path, "--objective", "time", "--capacity", "host")
    assert result.exit_code == 2
    assert "give capacity as a number" in " ".join(result.stderr.split())


@pytest.mark.parametrize("cores", ["many", "0", "nan", "inf"])
def test_senseless_capacities_are_refused(tmp_path: Path, cores: str) -> None:
    result = invoke("optimize", VM, tmp_path, "--capacity", cores)
    assert result.exit_code == 2
    assert "--capacity must be a number of cores or host" in " ".join(result.stderr.split())
