"""Profiles of another machine, or of another input, as sources to transfer from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.prediction.blend import pieces
from flexecutor_energy.prediction.gaussian import HybridFamily
from flexecutor_energy.prediction.predictor import Family, Predictor
from flexecutor_energy.prediction.report import TransferReport
from flexecutor_energy.prediction.samples import StageData
from flexecutor_energy.prediction.stage_model import StageModel
from flexecutor_energy.prediction.transfer import TransferFamily, TransferPredictor
from flexecutor_energy.records.run import Profile, StageRun
from flexecutor_energy.records.store import ProfileStore, load_profile
from flexecutor_energy.workspace import Workspace, file_name

TransferChoice = Workspace | Path | str | Mapping[str, Profile] | None
STALE = "stale"
"""The choice of earlier inputs of the same workflow."""

# Below so many configurations, comparing many families picks luck: on the reference profiles
# (benchmarks/transfer.py) four to six new runs did better with one rival than with seven. And
# below the first of these, errors are too few to prefer anything to the past.
_SOME, _MANY = 4, 8
# half of a 95 % interval, in standard deviations; and an error that counts as none
_SIGMAS, _EXACT = 1.96, 1e-3


@dataclass(frozen=True, slots=True)
class Source:
    """A profile to transfer from.

    Attributes
    ----------
    name : where it comes from, in words
    profile : its runs
    """

    name: str
    profile: Profile


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What was learnt of a stage elsewhere.

    Attributes
    ----------
    source : from which profile
    data, model : its samples, and the predictors fitted on them
    """

    source: Source
    data: StageData
    model: StageModel

    @property
    def parents(self) -> frozenset[str]:
        """The parents whose workers its predictors depend on."""
        return frozenset(self.model.parents)

    def beside(
        self, families: Callable[[str, int], Sequence[Family]]
    ) -> Callable[[str, int], Sequence[Family]]:
        """Return the families that compete, the transferred ones in front."""

        def both(target: str, groups: int) -> Sequence[Family]:
            own = families(target, groups)
            if target not in self.model.targets:
                return own
            plain = TransferFamily.of(self.model.targets[target].predictor, self.data.rows)
            if groups < _MANY:
                return (plain, *own[:1]) if groups >= _SOME else (plain,)
            return (plain, HybridFamily("transfer+gp", plain), *own)

        return both

    def report(self, data: StageData, model: StageModel) -> TransferReport:
        """Return what was transferred to a model that was fitted on new data."""
        found = {target: _within(fitted.predictor) for target, fitted in model.targets.items()}
        return TransferReport(
            source=self.source.name,
            source_runs=len(self.data.run_ids),
            new_runs=len(data.run_ids),
            factors={t: part.factor for t, part in found.items() if part is not None},
            stretch=self._stretch(data, model),
        )

    def _stretch(self, data: StageData, model: StageModel) -> float:
        """Return the power that makes few held-out errors honest.

        That of so few errors; and where these happen to be small, what makes the widest of them
        as wide as the factor is uncertain where it is least certain.
        """
        widened = model.runs.stretch
        off = np.abs(np.log(model.runs.ratio("time"))) / widened
        if widened == 1 or np.all(np.isnan(off)):
            return widened
        plain = TransferFamily.of(self.model.targets["time"].predictor, self.data.rows)
        doubt = plain.doubt(data.rows, self.data.rows)
        least = _SIGMAS * float(np.max(doubt))
        return max(widened, least / max(float(np.nanmax(off)), _EXACT))


def _within(predictor: Predictor) -> TransferPredictor | None:
    """Return the transferred part of a predictor, alone, corrected or in a blend."""
    return next((p for p in pieces(predictor) if isinstance(p, TransferPredictor)), None)


def past_profiles(
    choice: TransferChoice,
    dag: str,
    profiles: Mapping[str, Profile],
    measured: Mapping[str, Profile],
) -> dict[str, Source]:
    """Return the profile to transfer from for each stage that has one.

    Parameters
    ----------
    choice : a workspace or its folder; the folder of one workflow's profiles; profiles by
        stage; or ``"stale"`` for runs of the same code on earlier inputs
    dag : name of the workflow
    profiles : what is trained on, by stage
    measured : all that was measured of the same code, on any input

    Raises
    ------
    ConfigurationError
        There is nothing to transfer from for any stage.
    """
    if choice is None:
        return {}
    if choice == STALE:
        found = {stage: earlier_input(profile) for stage, profile in measured.items()}
        sources = {stage: source for stage, source in found.items() if source is not None}
        where = "runs of the same code on another input"
    elif isinstance(choice, Mapping):
        sources = {
            stage: Source(f"profile {profile.dag or 'given'}/{profile.stage}", profile)
            for stage, profile in choice.items()
            if stage in profiles and profile.runs
        }
        where = "the profiles given"
    else:
        sources = _in_folder(choice, dag, list(profiles))
        where = str(choice.root if isinstance(choice, Workspace) else choice)
    sources = {s: _without(source, profiles[s]) for s, source in sources.items()}
    sources = {stage: source for stage, source in sources.items() if source.profile.runs}
    if not sources:
        raise ConfigurationError(
            f"nothing to transfer from: {where} holds no measured run of any stage of {dag!r} "
            f"({', '.join(profiles)})"
        )
    return sources


def _without(source: Source, new: Profile) -> Source:
    """Return a source without the new runs, which would prove themselves, its code told."""
    kept = tuple(run for run in source.profile.runs if run not in new.runs)
    ours, theirs = ({run.meta.get("code_hash") for run in runs} for runs in (new.runs, kept))
    other = None not in ours | theirs and not ours & theirs
    name = f"{source.name}, of other code" if other else source.name
    return Source(name, replace(source.profile, runs=kept))


def earlier_input(profile: Profile) -> Source | None:
    """Return the runs on the earlier input that is nearest in size to the newest one."""
    newest = profile.newest_input_hash
    new, old = profile.split_stale(None, newest)
    by_input: dict[str, list[StageRun]] = {}
    for run in old:
        by_input.setdefault(str(run.meta["input_hash"]), []).append(run)
    if not by_input:
        return None
    now = _bytes(new.runs)

    def rank(key: str) -> tuple[float, int, str]:
        size = _bytes(by_input[key])
        apart = abs(math.log(size / now)) if size and now else math.inf
        return apart, -len(by_input[key]), key

    nearest = by_input[min(by_input, key=rank)]
    size = _bytes(nearest)
    told = f" of {size:.0f} bytes where there are {now:.0f} now" if size and now else ""
    return Source(f"an earlier input{told}", replace(profile, runs=tuple(nearest), failures=()))


def _bytes(runs: Sequence[StageRun]) -> float | None:
    sizes = [float(run.meta["input_bytes"]) for run in runs if run.meta.get("input_bytes")]
    return median(sizes) if sizes else None


def _in_folder(
    choice: Workspace | Path | str, dag: str, stages: Sequence[str]
) -> dict[str, Source]:
    workspace = choice if isinstance(choice, Workspace) else Workspace.of(Path(choice))
    found = {}
    for stage in stages:
        plain = workspace.root / f"{file_name(stage)}.json"
        if plain.is_file():
            profile = load_profile(plain, dag, stage)
        else:
            profile = ProfileStore(workspace).load(dag, stage)
        if profile.runs:
            found[stage] = Source(f"profiles in {workspace.root}", profile)
    return found
