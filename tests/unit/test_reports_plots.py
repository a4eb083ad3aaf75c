"""Pictures for papers: what they show, and that every energy axis says its source."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flexecutor_energy.auditing.past_runs import past_runs
from flexecutor_energy.prediction.report import TrainReport
from flexecutor_energy.reports.accuracy import held_out_runs
from flexecutor_energy.reports.curves import curves_of
from flexecutor_energy.reports.front import front_of
from flexecutor_energy.reports.gantt import measured_schedule, planned_schedule
from flexecutor_energy.workspace import Workspace
from tests.unit.prediction_profiles import grid, made_profile, trained_reference
from tests.unit.report_plans import SOURCE, demo_plan
from tests.unit.report_workflow import keep_run

pytest.importorskip("matplotlib")

from flexecutor_energy.reports.plots import (
    plot_accuracy,
    plot_front,
    plot_gantt,
    plot_parallelism,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def words(figure: "Figure") -> str:
    """Return all that stands in a figure, in one line."""
    from matplotlib.text import Text

    texts = (item.get_text() for item in figure.findobj(Text))
    return " ".join(" ".join(texts).split())


def names(figure: "Figure") -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def overlapping(figure: "Figure") -> Iterable[tuple[str, str]]:
    """Yield pairs of texts of the legend and the title that cover each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    texts = [t for legend in figure.legends for t in legend.get_texts()]
    title = [figure._suptitle] if figure._suptitle is not None else []  # type: ignore[attr-defined]
    boxes = [(t.get_text(), t.get_window_extent()) for t in [*texts, *title] if t.get_text()]
    for i, (name, box) in enumerate(boxes):
        for other, other_box in boxes[i + 1 :]:
            if box.overlaps(other_box):
                yield name, other


def test_the_front_names_plans_and_says_where_joules_come_from(tmp_path: Path) -> None:
    plan = demo_plan()
    keep_run(tmp_path, plan, "1")
    figure = plot_front(front_of(plan, past_runs(Workspace(tmp_path), "demo").runs), plan)
    energy, cost = figure.axes
    assert energy.get_ylabel().replace("\n", " ").startswith(f"energy (J), {SOURCE}")
    assert energy.get_xlabel() == "time (s)"
    assert "USD" in cost.get_ylabel()
    shown = " ".join(names(figure))
    for name in ("this plan", "default", "fastest", "best uniform", "measured runs", "deadline"):
        assert name in shown
    assert list(overlapping(figure)) == []


def test_without_energy_there_is_no_energy_axis() -> None:
    plan = demo_plan(energy=False)
    (only,) = plot_front(front_of(plan), plan).axes
    assert only.get_ylabel().startswith("cost (USD)")
    assert "energy" not in words(plot_parallelism(curves_of(plan, {}), plan))


def test_workers_are_drawn_against_time_and_energy_with_the_least_marked() -> None:
    plan = demo_plan()
    profile = made_profile(grid(memories=(512,)), stage="map")
    figure = plot_parallelism(curves_of(plan, {"map": profile}), plan)
    assert len(figure.axes) == 2 * len(plan.configs)
    assert f"energy (J), {SOURCE}" in words(figure)
    assert "shaded: 95 % interval" in words(figure)
    shown = names(figure)
    for name in ("0.5 cpu × 512 MB, predicted", "0.5 cpu × 512 MB, measured", "least predicted"):
        assert name in shown
    assert list(overlapping(figure)) == []


def test_the_schedule_shows_slack_idle_cores_and_the_measured_run(tmp_path: Path) -> None:
    plan = demo_plan()
    keep_run(tmp_path, plan, "1", factor=1.2)
    (run,) = past_runs(Workspace(tmp_path), "demo").runs
    figure = plot_gantt(planned_schedule(plan), measured_schedule(run, plan), plan)
    assert {"slack", "measured", "deadline", "planned, on the critical path"} <= set(names(figure))
    assert words(figure).count("core-seconds") == 2
    stages = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert stages == list(plan.configs)
    without = plot_gantt(planned_schedule(plan), None, plan)
    assert "measured" not in words(without)


def test_accuracy_shows_held_out_predictions_of_every_stage() -> None:
    model, report = trained_reference("ml_2core_vm")
    figure = plot_accuracy(held_out_runs(model, "provisioned"), report, demo_plan())
    assert names(figure) == sorted(model.stages)
    time, energy = figure.axes
    assert SOURCE in energy.get_xlabel().replace("\n", " ")
    assert time.get_xlim() == time.get_ylim()
    assert f"{100 * (report.median_mape_time or 0):.1f} %" in words(figure)


def test_a_workflow_without_anything_held_out_is_drawn_empty() -> None:
    figure = plot_accuracy([], TrainReport("demo", {}), demo_plan())
    assert not names(figure)
