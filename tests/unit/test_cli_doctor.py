import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app, checks
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.findings import Finding, folded, say_findings
from flexecutor_energy.cli.host_table import Host, hidden, host_table
from flexecutor_energy.energy.calibration import Calibration, MeasuredPower
from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.perf import REMEDY_NO_PMU
from flexecutor_energy.energy.rapl import REMEDY_NO_ZONES, REMEDY_ROOT_ONLY
from flexecutor_energy.energy.reading import Availability
from flexecutor_energy.errors import ExecutionError
from flexecutor_energy.execution import examination
from flexecutor_energy.execution.backends import select
from flexecutor_energy.execution.examination import HostExamination
from flexecutor_energy.execution.task import HostView
from flexecutor_energy.hardware.calibrations import save_calibration
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.workspace import Workspace

KNOWN = "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"
NO_COUNTERS = {
    "rapl": Availability(False, "there are no zones", REMEDY_NO_ZONES),
    "perf": Availability(False, "there is no PMU", REMEDY_NO_PMU),
    "model": Availability(True, "CPU time can be read"),
}


def host(
    cpu: str | None,
    energy: Mapping[str, Availability] | None = None,
    *,
    host_id: str = "h1",
    virtual: bool = True,
    cpu_limit: str | None = "cgroup-v2-quota",
    usable: int = 4,
) -> HostExamination:
    facts = HostFacts(cpu, 4, 2, 1, virtual, None, None, 8000.0)
    view = HostView(host_id, f"node-{host_id}", facts, machine_key=f"key-{host_id}")
    software = {"python": "3.11.7", "lithops": None}
    return HostExamination(view, usable, energy or NO_COUNTERS, cpu_limit, software)


def calibration(key: str = "key-h1") -> Calibration:
    return Calibration(
        machine_key=key,
        cpu="Frobnicator 9000",
        method="given",
        boundary="wall",
        idle=MeasuredPower(38.0),
        loaded=MeasuredPower(142.0),
        time="2026-01-02T03:04:05Z",
        source="Acme plug",
    )


def method(found: checks.EnergyFindings, name: str) -> Finding:
    return next(finding for finding in found.methods if finding.subject == name)


def test_a_processor_that_nobody_knows_is_only_a_guess() -> None:
    found = checks.energy(host("Frobnicator 9000"), {})
    assert method(found, "model").state == "note"
    assert "default guess" in method(found, "model").detail
    assert "hardware import" in method(found, "model").remedy
    assert not found.certain
    assert "--idle-w" in found.calibration.remedy


def test_every_energy_method_is_listed_with_its_reason_and_what_would_help() -> None:
    found = checks.energy(host(KNOWN), {})
    assert [finding.subject for finding in found.methods] == ["rapl", "perf", "model"]
    assert all(finding.detail for finding in found.methods)
    assert [finding.state for finding in found.methods] == ["note", "note", "ok"]
    assert found.certain
    assert "TDP" in method(found, "model").more


def test_no_driver_is_recommended_to_a_virtual_machine() -> None:
    virtual, bare = (checks.energy(host(KNOWN, virtual=one), {}) for one in (True, False))
    assert "modprobe" not in method(virtual, "rapl").remedy
    assert "bare metal" in method(virtual, "perf").remedy
    assert "modprobe" in method(bare, "rapl").remedy
    refused = {"rapl": Availability(False, "package-0: Permission denied", REMEDY_ROOT_ONLY)}
    assert "chmod" in method(checks.energy(host(KNOWN, refused), {}), "rapl").remedy


def test_a_counter_that_can_be_read_is_certain_whatever_the_processor() -> None:
    found = checks.energy(host(None, {"rapl": Availability(True, "package-0")}), {})
    assert found.certain
    assert method(found, "rapl").state == "ok"
    assert "measures it" in found.calibration.remedy


def test_the_calibration_of_this_very_machine_is_used_and_no_other() -> None:
    unknown = host("Frobnicator 9000")
    found = checks.energy(unknown, {"key-h1": calibration()})
    assert (found.curve.idle_w, found.curve.max_w, found.curve.boundary) == (38.0, 142.0, "wall")
    assert found.certain
    assert method(found, "model").state == "ok"
    assert "idle 38 W, busy 142 W, wall; given at 2026-01-02" in found.calibration.detail
    other = checks.energy(unknown, {"key-h2": calibration("key-h2")})
    assert not other.certain
    assert "none of this machine (1 of other machines)" in other.calibration.detail
    away = checks.energy(unknown, {}, here=False)
    assert "copied" in away.calibration.remedy


def test_what_the_host_does_not_tell_is_called_unknown() -> None:
    view = HostView("h", "node", HostFacts(None, None, None, None, None, None, None, None))
    silent = HostExamination(view, 2, {}, None, {})
    shown = {finding.subject: finding for finding in checks.hardware(silent)}
    assert shown["processor"].state == "note"
    assert shown["host"].detail == (
        "an unknown number of CPUs on an unknown number of cores, unknown memory, "
        "unknown whether real"
    )


def test_cpus_that_a_process_may_not_use_are_told() -> None:
    assert "4 CPUs on 2 cores (1 usable)" in checks.hardware(host(KNOWN, usable=1))[1].detail


def test_shares_of_a_core_that_cannot_be_enforced_say_what_would_help() -> None:
    assert checks.limits(host(KNOWN))[0].state == "ok"
    refused = checks.limits(host(KNOWN, cpu_limit=None))[0]
    assert (refused.state, "control groups" in refused.remedy) == ("note", True)


def test_hosts_stand_side_by_side_and_many_are_counted() -> None:
    def looked(seen: HostExamination, workers: int) -> Host:
        return Host(seen, checks.energy(seen, {}), workers)

    driver = looked(host("Frobnicator 9000", host_id="d"), 0)
    readable = {"rapl": Availability(True, "package-0"), "model": NO_COUNTERS["model"]}
    same = looked(host("Frobnicator 9000", host_id="d"), 1)
    others = [looked(host(KNOWN, readable, host_id=f"w{at}"), 2) for at in range(4)]
    show = Show()
    with show.out.capture() as captured:
        show.say(host_table(driver, [same, *others]))
    text = captured.get()
    assert "1 worker" in text
    assert "driver's" in text
    assert "yes: package-0" in text
    assert "not there" in text  # Lithops
    assert max(map(len, text.splitlines())) <= 80
    assert hidden([same, *others]) == 3


def test_commands_are_not_broken_into_lines() -> None:
    lines = folded("take `one two three four` and go", 14, "  - ")
    assert lines == ["  - take", "    `one two three four`", "    and go"]


def test_findings_fit_eighty_columns() -> None:
    show = Show()
    with show.out.capture() as captured:
        say_findings(show, [Finding("rapl", "note", "word " * 60, REMEDY_ROOT_ONLY, "more " * 30)])
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("→" in line for line in lines)


def test_a_store_that_does_not_answer_is_bad_and_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIO_ACCESS_KEY", "the-access-key")
    monkeypatch.setenv("MINIO_SECRET_KEY", "the-secret-key")
    (finding,) = checks.storage("http://127.0.0.1:9", Workspace.of(tmp_path))
    assert finding.state == "bad"
    assert "http://127.0.0.1:9" in finding.detail
    assert "the-" not in finding.detail


def test_a_folder_is_a_store_that_works(tmp_path: Path) -> None:
    (finding,) = checks.storage("file", Workspace.of(tmp_path))
    assert finding.state == "ok"


def test_an_extra_whose_package_is_missing_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def requires(name: str) -> list[str]:
        return [
            "typer>=0.12",
            "no-such-package>=1; extra == 'ml'",
            "typer>=0.12; extra == 'server'",
            'flexecutor-energy[ml]; extra == "all"',
            "pytest; extra == 'dev'",
        ]

    monkeypatch.setattr("importlib.metadata.requires", requires)
    ml, server = checks.extras()
    assert (ml.state, ml.remedy) == ("note", "pip install 'flexecutor-energy[ml]'")
    assert (server.subject, server.state) == ("extra server", "ok")


def test_the_findings_are_one_document(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["doctor", "--workspace", str(tmp_path), "--storage", "file", "--json"]
    )
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"software", "hardware", "energy", "limits", "storage", "Lithops"} <= set(document)


def run_doctor(tmp_path: Path, *options: str) -> Any:
    arguments = ["doctor", "--workspace", str(tmp_path), "--storage", "file", *options]
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "examine_host", lambda choice: host("Frobnicator 9000"))


@pytest.mark.usefixtures("unknown_host")
def test_strict_is_exit_code_4_where_energy_would_be_a_guess(tmp_path: Path) -> None:
    assert run_doctor(tmp_path).exit_code == 0
    refused = run_doctor(tmp_path, "--strict")
    assert refused.exit_code == 4
    assert "guessed at on node-h1: rapl: there are no zones" in refused.output
    save_calibration(Workspace(tmp_path), calibration())
    calibrated = run_doctor(tmp_path, "--strict", "--json")
    assert calibrated.exit_code == 0
    curve = json.loads(calibrated.stdout)["driver"]["power_curve"]
    assert (curve["mean_w"][0], curve["mean_w"][-1]) == (38.0, 142.0)


@pytest.mark.usefixtures("unknown_host")
def test_a_damaged_calibration_is_named_and_the_rest_still_told(tmp_path: Path) -> None:
    path = save_calibration(Workspace(tmp_path), calibration())
    path.write_text("{")
    result = run_doctor(tmp_path)
    assert result.exit_code == 0
    assert result.output.count("BAD  calibration") == 1
    assert path.name in "".join(result.output.split())
    assert "default guess" in result.output


def test_a_configuration_that_lithops_finds_by_itself_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LITHOPS_CONFIG_FILE", raising=False)
    (tmp_path / ".lithops_config").write_text(
        "lithops:\n  backend: localhost\nminio:\n  secret_access_key: very-secret\n"
    )
    shown = checks.lithops()
    assert [finding.state for finding in shown] == ["ok", "ok"]
    assert str(tmp_path / ".lithops_config") in shown[1].detail
    assert "very-secret" not in str(shown)


def test_a_named_configuration_that_is_missing_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", str(tmp_path / "nowhere.yaml"))
    leads, where = checks.lithops()
    assert "lithops:localhost" in leads.detail
    assert (where.state, "nowhere.yaml" in where.detail) == ("bad", True)


def test_a_configuration_in_a_variable_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = {"lithops": {"backend": "localhost"}, "minio": {"secret_access_key": "very-secret"}}
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps(content))
    shown = checks.lithops()
    assert shown[1].detail == "in LITHOPS_CONFIG"
    assert "very-secret" not in str(shown)


def test_without_a_configuration_the_places_that_were_searched_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lithops.constants.CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LITHOPS_CONFIG_FILE", raising=False)
    detail = checks.lithops()[1].detail
    assert "~/.lithops/config" in detail


def test_a_configuration_file_given_as_backend_is_the_one_that_counts(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("lithops:\n  backend: localhost\n")
    assert checks.lithops(str(file))[1].detail == f"in {file}"
    file.unlink()
    (missing,) = checks.lithops(str(file))
    assert missing.state == "bad"


class Workers:
    """A backend whose workers find themselves on the hosts that are given."""

    name = "elsewhere"
    on_this_host = False

    def __init__(self, *seen: HostExamination) -> None:
        self.seen = list(seen)
        self.closed = False

    def examine(self, choice: MeterChoice, probes: int = 1) -> list[HostExamination]:
        del choice
        if not self.seen:
            raise ExecutionError("nobody answered")
        return (self.seen * probes)[:probes]

    def close(self) -> None:
        self.closed = True


@pytest.mark.usefixtures("unknown_host")
def test_workers_are_grouped_by_host_and_strict_asks_about_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable = {**NO_COUNTERS, "rapl": Availability(True, "package-0")}
    there = Workers(host(None, readable, host_id="a"), host(None, readable, host_id="b"))
    monkeypatch.setattr(select, "open_backend", lambda name: there)
    result = run_doctor(tmp_path, "--remote", "--probes", "3", "--strict", "--json")
    assert result.exit_code == 0  # counters can be read there, although not here
    document = json.loads(result.stdout)
    assert not document["energy_known"]
    found = [(each["host"]["host"]["host_id"], each["workers"]) for each in document["workers"]]
    assert found == [("a", 2), ("b", 1)]
    assert there.closed
    there.seen.append(host("Frobnicator 9000", host_id="c"))
    refused = run_doctor(tmp_path, "--remote", "--probes", "3", "--strict")
    assert refused.exit_code == 4
    assert "on node-c:" in refused.output
    assert "copied to .flexecutor/calibration" in " ".join(refused.output.split())


@pytest.mark.usefixtures("unknown_host")
def test_where_workers_do_not_answer_the_rest_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "open_backend", lambda name: Workers())
    result = run_doctor(tmp_path, "--remote")
    assert result.exit_code == 1
    assert "nobody answered" in result.output
    assert "Frobnicator" in result.output
    document = json.loads(run_doctor(tmp_path, "--remote", "--json").stdout)
    assert document["error"]["type"] == "ExecutionError"
