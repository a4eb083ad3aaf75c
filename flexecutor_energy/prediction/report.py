"""What training found out about itself: held-out errors, coverage, cautions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from flexecutor_energy.prediction import report_html

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What a past profile lent to the predictors of a stage.

    Attributes
    ----------
    source : which profile, in words
    source_runs, new_runs : how many runs of it there were, and of this machine and input
    factors : target → factor between the two, of the targets that it predicts
    stretch : power by which held-out errors of the new runs are widened, since there are few
    """

    source: str
    source_runs: int
    new_runs: int
    factors: Mapping[str, float]
    stretch: float

    def note(self) -> str:
        """Return it in a sentence."""
        scaled = ", ".join(f"{_words(n)} × {f:.3g}" for n, f in self.factors.items())
        origin = f"{self.source} ({self.source_runs} runs)"
        if not scaled:
            return f"transfer from {origin} was no better than the {self.new_runs} new runs alone"
        widened = f", their errors widened by a power of {self.stretch:.2g}"
        return (
            f"transferred from {origin}: {scaled}, fitted on {self.new_runs} new runs; intervals "
            f"rest on these alone{widened if self.stretch > 1 else ''}"
        )


def _words(target: str) -> str:
    return target.replace("_", " ")


@dataclass(frozen=True, slots=True)
class StageReport:
    """Held-out quality of the predictors of one stage.

    Attributes
    ----------
    mape_time : mean absolute percentage error of stage time as a share (0.05 is 5 %), each
        configuration predicted by models that never saw it, family and all; None where a single
        run leaves nothing to hold out
    mape_energy : the same of energy (dynamic plus idle); None where unmeasured
    mape_again : error of the time of another run under conditions that were measured, each run
        predicted without itself; None where nothing was repeated
    coverage : share of held-out runs whose time lies in the interval at ``level``
    coverages : level → that share
    level : 0…1
    predictor : family that predicts time
    predictors : target → family
    errors : target → family → held-out error
    configurations, conditions, runs : how many were measured; a condition is a configuration
        with the worker counts of the parents
    notes : sentences on what a reader should know
    transfer : what a past profile lent; None where none was given
    """

    mape_time: float | None
    mape_energy: float | None
    mape_again: float | None
    coverage: float | None
    coverages: Mapping[float, float | None]
    level: float
    predictor: str
    predictors: Mapping[str, str]
    errors: Mapping[str, Mapping[str, float]]
    configurations: int
    conditions: int
    runs: int
    notes: tuple[str, ...] = ()
    transfer: TransferReport | None = None


@dataclass(frozen=True, slots=True)
class TrainReport:
    """Held-out quality of the predictors of a workflow.

    Attributes
    ----------
    dag : name of the workflow
    stages : by id
    notes : sentences that concern the workflow as a whole
    """

    dag: str
    stages: Mapping[str, StageReport]
    notes: tuple[str, ...] = ()

    @property
    def median_mape_time(self) -> float | None:
        """Median over stages of the held-out time error."""
        return _median([stage.mape_time for stage in self.stages.values()])

    @property
    def median_mape_energy(self) -> float | None:
        """Median over stages of the held-out energy error."""
        return _median([stage.mape_energy for stage in self.stages.values()])

    @property
    def worst_stage(self) -> str | None:
        """The stage with the largest held-out time error."""
        known = {n: s.mape_time for n, s in self.stages.items() if s.mape_time is not None}
        return max(known, key=lambda name: known[name]) if known else None

    def _repr_html_(self) -> str:
        """Return the table as notebooks show it."""
        return report_html.render(self)

    def __str__(self) -> str:
        """Return a table 80 columns wide."""
        level = next((stage.level for stage in self.stages.values()), 0.95)
        lines = [
            f"Workflow {self.dag}: error on configurations held out of training (again: on",
            f"another run of a known one); share of held-out runs inside {level:.0%} intervals",
            f"{'stage':<20}{'predictor':<11}{'time':>8}{'energy':>9}{'again':>9}{'inside':>8}"
            f"{'configs':>9}{'runs':>6}",
            "-" * _WIDTH,
        ]
        for name, stage in self.stages.items():
            lines.append(
                f"{_clip(name, 19):<20}{_clip(stage.predictor, 10):<11}"
                f"{_share(stage.mape_time):>8}{_share(stage.mape_energy):>9}"
                f"{_share(stage.mape_again):>9}{_share(stage.coverage, 0):>8}"
                f"{stage.configurations:>9}{stage.runs:>6}"
            )
        if len(self.stages) > 1:
            lines.append("-" * _WIDTH)
            lines.append(
                f"{'median':<31}{_share(self.median_mape_time):>8}"
                f"{_share(self.median_mape_energy):>9}"
            )
        notes = [f"{name}: {note}" for name, s in self.stages.items() for note in s.notes]
        lines += [line for note in (*notes, *self.notes) for line in _wrapped(note)]
        return "\n".join(lines)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _share(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(note: str) -> list[str]:
    lines, line = [], "*"
    for word in note.split():
        if len(line) + 1 + len(word) > _WIDTH and line.strip():
            lines.append(line)
            line = " "
        line = f"{line} {word}"
    return [*lines, line]
