"""Held-out errors as a table for notebooks."""

from typing import TYPE_CHECKING

from flexecutor_energy.notebook import html_table

if TYPE_CHECKING:
    from flexecutor_energy.prediction.report import TrainReport


def render(report: "TrainReport") -> str:
    """Return the held-out quality of each stage's predictors."""
    rows = [
        (
            name,
            stage.predictor,
            _percent(stage.mape_time),
            _percent(stage.mape_energy),
            _percent(stage.mape_again),
            _percent(stage.coverage),
            str(stage.configurations),
            str(stage.runs),
        )
        for name, stage in report.stages.items()
    ]
    level = next((stage.level for stage in report.stages.values()), 0.95)
    notes = [f"{name}: {note}" for name, s in report.stages.items() for note in s.notes]
    return html_table(
        f"Workflow {report.dag}: errors on configurations held out of training",
        (
            "stage",
            "predictor",
            "time>",
            "energy>",
            "another run>",
            f"inside {100 * level:g} % interval>",
            "configurations>",
            "runs>",
        ),
        rows,
        (*notes, *report.notes),
    )


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"
