"""Tables, lines and forecasts as people read them."""

import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from flexecutor_energy.cli.auditing import audit_table, energy_line, verdict
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.dryrun import Forecast, StageForecast
from flexecutor_energy.cli.measuring import by_config, profile_table
from flexecutor_energy.cli.progress import SweepView
from flexecutor_energy.cli.stage_table import RunView
from flexecutor_energy.cli.tables import interval, ledger_table, percent, shown_path, span
from flexecutor_energy.energy.method import EnergyMethod
from flexecutor_energy.errors import StageFailedError
from flexecutor_energy.execution.events import StageFailed, StageStarted, WorkerRetried
from flexecutor_energy.execution.joules import MethodEnergy, RunEnergy
from flexecutor_energy.execution.ledger import Ledger
from flexecutor_energy.execution.run import DAGRun
from flexecutor_energy.optimization.audit import Audit, Comparison, StageAudit
from flexecutor_energy.optimization.terms import Terms
from flexecutor_energy.pricing import resolve_pricing
from flexecutor_energy.profiling.sweep import SweepProgress
from flexecutor_energy.quantities import Interval
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

LEDGER = Ledger(workers_s=2.0, startup_s=1.0, engine_s=0.5, storage_s=0.0, total_s=4.0)


def lines(what: RenderableType) -> list[str]:
    """Return what is printed where nobody sits before a terminal."""
    text = StringIO()
    Console(file=text, width=80).print(what)
    return [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("values", "text"),
    [([1.0, 3.0, 2.0], "1 s … 3 s"), ([2.0], "2 s"), ([None, 2.0], "2 s"), ([], "unmeasured")],
)
def test_a_span_shows_both_ends(values: list[float | None], text: str) -> None:
    assert span(values, "s") == text


def test_an_interval_shows_its_ends_also_where_there_is_none() -> None:
    assert interval(Interval(2, 1, 4), "J") == "2 J (1 J … 4 J)"
    assert interval(Interval(2, 1, math.inf), "J") == "2 J (1 J … ∞)"
    assert interval(None, "J") == "unmeasured"


def test_a_share_is_a_percentage() -> None:
    assert (percent(0.951), percent(0.9512, 1), percent(None)) == ("95 %", "95.1 %", "unknown")


def test_a_path_is_shown_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "profiles") == "profiles"
    assert shown_path(Path("/elsewhere/profiles")) == "/elsewhere/profiles"


def test_a_ledger_shows_its_rows_and_how_much_they_cover() -> None:
    shown = lines(ledger_table([("sweep", None), ("this run", LEDGER)]))
    assert "sweep" not in shown[0]
    assert shown[2].split() == ["stage", "functions", "2", "s"]
    assert shown[-1].split() == ["coverage", "87.5", "%"]


def run_of(count_s: float, joules: float | None) -> DAGRun:
    """Return a run of 3 s and some joules whose stage ``count`` took this long."""
    time = Comparison(Interval(2, 1, 3), 2.5)
    energy = Comparison(Interval(10, 8, 12), joules)
    stage = StageAudit(Comparison(Interval(1.5, 1, 2), count_s), energy, Comparison(None, None))
    audit = Audit(time, energy, Comparison(None, 0.0), {"count": stage}, {}, {"count": "1 worker"})
    how = RunEnergy(reason="switched off")
    pricing = resolve_pricing(None)
    return DAGRun("id", "d", "local", 2.5, joules, 0.0, {}, {}, LEDGER, how, pricing, audit)


def test_measured_stands_beside_predicted_and_what_lies_outside_is_marked() -> None:
    shown = lines(audit_table(run_of(2.5, None).audit, "time"))
    assert shown[0].split() == ["time", "predicted", "95", "%", "band", "measured"]
    assert shown[2].split() == [
        "count",
        "1.5",
        "s",
        "1",
        "s",
        "…",
        "2",
        "s",
        "2.5",
        "s",
        "OUTSIDE",
    ]
    assert shown[3].endswith("2.5 s   inside")


def test_what_was_not_measured_is_neither_inside_nor_outside() -> None:
    shown = lines(audit_table(run_of(1.5, None).audit, "energy"))
    assert shown[2].endswith("unmeasured")


def test_the_verdict_names_missed_bounds_and_figures_outside() -> None:
    said = verdict(Terms(max_time=2.0, max_energy=20.0), run_of(2.5, 15.0))
    assert said == [
        "deadline of 2 s: MISSED, with 2.5 s",
        "energy bound of 20 J: kept, with 15 J",
        "1 of 4 figures lie inside their 95 % band; OUTSIDE: time of count, energy of count, "
        "energy of whole run",
        "stage count ran otherwise: 1 worker",
    ]


def test_the_verdict_does_not_call_an_unmeasured_bound_kept() -> None:
    said = verdict(Terms(max_energy=20.0), run_of(1.5, None))
    assert said[0] == "energy bound of 20 J: unknown, it was not measured"
    assert said[1] == "2 of 2 figures lie inside their 95 % band"


def test_joules_come_with_their_source_and_band() -> None:
    how = EnergyMethod("model", "wall", False, "a table", "host", (0.5, 1.5))
    line = energy_line(RunEnergy(MethodEnergy(how, {})))
    assert "modelled" in line
    assert "-50 % to +50 %" in line
    assert "a table" in line
    assert energy_line(RunEnergy(reason="off")) == "energy was not measured: off"


def test_a_profile_is_summed_up_by_its_extremes() -> None:
    runs = tuple(
        StageRun(
            StageConfig(1, workers),
            (
                WorkerRecord(
                    compute_s=seconds, cold_start_s=0.5, energy_j=joules, energy_startup_j=4.0
                ),
            ),
        )
        for workers, seconds, joules in ((1, 2.5, 10.0), (1, 3.5, 30.0), (2, 1.5, None))
    )
    profile = Profile("d", "count", runs)
    assert by_config(profile) == {StageConfig(1, 1): (3.5, 20.0), StageConfig(1, 2): (2.0, None)}
    row = lines(profile_table({"count": profile}))[2]
    assert row.split() == ["count", "2", "3", "2", "s", "…", "3.5", "s", "20", "J", "4", "J"]


def test_failed_configurations_are_counted_where_there_are_any() -> None:
    failure = FailedRun(StageConfig(1, 1), "id", "out_of_memory: too much")
    shown = lines(profile_table({"count": Profile("d", "count", failures=(failure,))}))
    assert shown[0].endswith("failed")
    assert shown[2].split() == ["count", "0", "0", *["unmeasured"] * 3, "1"]


def forecast(run_j: float | None) -> Forecast:
    stages = {
        "count": StageForecast(2, 4, 2, 1.5, run_j),
        "add": StageForecast(1, 3, 3, 0.5, 1.0),
    }
    return Forecast("counting", 4, stages)


def test_a_forecast_adds_stages_up_and_does_not_invent_joules() -> None:
    assert (forecast(2.0).seconds, forecast(2.0).joules) == (8.0, 12.0)
    assert (forecast(None).seconds, forecast(None).joules) == (8.0, None)
    last = forecast(None).lines()[-1]
    assert last == (
        "\n4 runs of counting would be made: about 8 s, judging by the runs measured so far"
    )


def state(done: int, left: int, joules: float | None, failed: dict[str, str]) -> SweepProgress:
    return SweepProgress(done, left, 2.0 * done, joules, failed, LEDGER)


def test_progress_without_a_terminal_is_a_line_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    with SweepView(Show(), "counting") as view:
        view.told(state(0, 3, 0.0, {}))
        view.told(state(1, 2, 12.0, {}))
        view.told(state(2, 1, None, {"add": "out_of_memory: too much"}))
        view.told(state(3, 0, None, {}))
    assert capsys.readouterr().err.splitlines() == [
        "counting: 0 of 3 runs",
        "counting: 1 of 3 runs, 2 s, 12 J modelled, 4 s left",
        "stage add failed in this configuration: out_of_memory: too much",
        "counting: 2 of 3 runs, 4 s, energy unmeasured, 2 s left, 1 failed",
        "counting: 3 of 3 runs, 6 s, energy unmeasured, 1 failed",
    ]
    assert view.failures == ["add: out_of_memory: too much"]


def test_an_adaptive_sweep_counts_to_the_most_there_may_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with SweepView(Show(), "counting", at_most=True) as view:
        view.told(state(1, 2, 12.0, {}))
    assert capsys.readouterr().err == "counting: 1 of at most 3 runs, 2 s, 12 J modelled\n"


def test_progress_on_a_terminal_is_a_bar() -> None:
    show = Show()
    text = StringIO()
    show.err = Console(file=text, force_terminal=True, width=80)
    with SweepView(show, "counting") as view:
        view.told(state(1, 2, 12.0, {}))
    assert "1/3" in text.getvalue()
    assert "12 J modelled, 4 s left" in text.getvalue()


def test_a_sweep_with_nothing_to_do_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SweepView(Show(), "counting") as view:
        view.told(state(0, 0, 0.0, {}))
    assert capsys.readouterr().err == ""


def test_events_of_a_run_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told = RunView(Show(), ["count"]).told
    told(StageStarted("id", "count", StageConfig(1, 2)))
    told(WorkerRetried("id", "count", 1, 2, "ValueError: 7"))
    told(StageFailed("id", "count", StageFailedError("count", 1, "raised", "ValueError: 7")))
    assert capsys.readouterr().err.splitlines() == [
        "count: started, 2 workers × 1 cpu × no memory limit",
        "count: worker 1 failed and is tried again (ValueError: 7)",
        "count: failed",
    ]
