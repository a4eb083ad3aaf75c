"""What notebooks show of plans, profiles and training, and profiles as data frames."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from flexecutor_energy import StageConfig
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.notebook import html_table
from flexecutor_energy.records.run import FailedRun, Profile
from tests.unit.prediction_profiles import grid, made_profile, reference, trained_reference
from tests.unit.report_plans import SOURCE, demo_plan


class Cells(HTMLParser):
    """The words of each table row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_cells_cannot_hold_markup() -> None:
    text = html_table("<b>", ["<i>x", "n>"], [["<script>", "1 & 2"]], ["<u>"])
    for tag in ("<i>", "<script>", "<u>"):
        assert tag not in text
    assert Cells(text).rows[0] == ["<i>x", "n"]
    assert Cells(text).rows[1][0] == "<script>"


def test_a_plan_shows_its_stages_totals_and_the_source_of_its_energy() -> None:
    plan = demo_plan()
    text = plan._repr_html_()
    rows = Cells(text).rows
    assert [row[0] for row in rows[1:]] == [*plan.configs, "whole run"]
    assert rows[1][1].startswith(str(plan.configs["split"]))
    assert SOURCE in text
    assert "Certificate: optimal" in text


def test_energy_that_is_not_known_is_called_unmeasured() -> None:
    rows = Cells(demo_plan(energy=False)._repr_html_()).rows
    assert all(row[3] == "unmeasured" for row in rows[1:])


def test_training_shows_the_held_out_errors_of_each_stage() -> None:
    _, report = trained_reference("jolteon_ml")
    rows = Cells(report._repr_html_()).rows
    assert [row[0] for row in rows[1:]] == list(report.stages)
    assert all(row[2].endswith(" %") and row[3] == "unknown" for row in rows[1:])


def test_a_profile_shows_a_row_for_each_configuration_and_its_failures() -> None:
    profile = made_profile(grid()[::-1], reps=3)
    failure = FailedRun(StageConfig(4, 1, 64), "run-x", "out of memory")
    text = replace(profile, failures=(failure,))._repr_html_()
    rows = Cells(text).rows[1:]
    in_order = sorted(profile.configs)
    assert in_order != list(profile.configs)
    assert [row[:2] for row in rows[: len(grid())]] == [[str(c), "3"] for c in in_order]
    assert "failed in run run-x: out of memory" in text
    assert "unmeasured" in made_profile(grid()[:1], energy=False)._repr_html_()


def test_a_data_frame_holds_a_row_for_each_run() -> None:
    profile = reference("ml_2core_vm")["train"]
    frame = profile.to_pandas()
    assert len(frame) == len(profile.runs)
    assert frame["time_s"].tolist() == [run.time_s for run in profile.runs]
    assert set(frame["workers"]) == {1, 2, 4}
    assert set(frame["meta_method"]) == {"model"}
    assert frame["fan_in_pca"].eq(1).all()


def test_a_data_frame_of_workers_holds_their_phases() -> None:
    profile = made_profile(grid())
    frame = profile.to_pandas(by="worker")
    assert len(frame) == sum(run.config.workers for run in profile.runs)
    slowest = frame.groupby("run_id")["duration_s"].max()
    run = profile.runs[-1]
    assert slowest[str(run.run_id)] == pytest.approx(run.time_s)


def test_unmeasured_joules_are_missing_and_not_zero() -> None:
    frame = made_profile(grid(), energy=False).to_pandas()
    assert frame["energy_j"].isna().all()
    assert Profile("d", "s").to_pandas().empty


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="known: run, worker"):
        made_profile(grid()).to_pandas(by="phase")  # type: ignore[arg-type]
