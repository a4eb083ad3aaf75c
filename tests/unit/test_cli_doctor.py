import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flexecutor_energy.cli import app, checks
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.workspace import Workspace


def host(cpu: str | None) -> HostFacts:
    return HostFacts(cpu, 4, 2, 1, True, "boot", "machine", 8000.0)


def test_a_processor_that_nobody_knows_is_only_a_guess() -> None:
    findings, certain = checks.energy(host("Frobnicator 9000"))
    model = next(finding for finding in findings if finding.subject == "model")
    assert model.state == "note"
    assert "TDP of this processor" in model.remedy
    assert certain == any(finding.state == "ok" for finding in findings)


def test_every_energy_method_is_listed_with_its_reason() -> None:
    findings, _ = checks.energy(host("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"))
    assert {"rapl", "perf", "model"} <= {finding.subject for finding in findings}
    assert all(finding.detail for finding in findings)


def test_what_the_host_does_not_tell_is_called_unknown() -> None:
    facts = HostFacts(None, None, None, None, None, None, None, None)
    shown = {finding.subject: finding for finding in checks.hardware(facts)}
    assert shown["processor"].state == "note"
    assert shown["host"].detail == (
        "an unknown number of CPUs, an unknown number of cores, unknown memory, "
        "unknown whether real"
    )


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


def test_strict_is_exit_code_4_where_energy_would_be_a_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess = checks.Finding("model", "note", "an average server")
    for certain, code in ((False, 4), (True, 0)):
        monkeypatch.setattr(checks, "energy", lambda facts, c=certain: ([guess], c))
        arguments = ["doctor", "--strict", "--workspace", str(tmp_path), "--storage", "file"]
        assert CliRunner().invoke(app, arguments).exit_code == code
