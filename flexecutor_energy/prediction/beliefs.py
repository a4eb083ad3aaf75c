"""What a stage may take in configurations that were never run: draws, not one number.

Each quantity follows a law of physical terms (``law``), and draws are of all laws that the
measurements allow: far from these they differ by as much as it matters which terms hold the
weight. It takes a few milliseconds a stage, where comparing families of predictors takes a
hundred.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from flexecutor_energy.prediction import terms
from flexecutor_energy.prediction.deviations import places
from flexecutor_energy.prediction.law import Law
from flexecutor_energy.prediction.results import stage_energy_j
from flexecutor_energy.prediction.rows import FloatArray, Rows
from flexecutor_energy.prediction.samples import StageData

_OWN_TERMS = ("1/(k·w)", "1/w", "1/k", "1", "w", "s/w", "s")
_FAN_IN_TERMS = ("f", "f/w")


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What a stage may take over n rows.

    Attributes
    ----------
    expected : metric → array (n,): ``time`` (s), ``worker_seconds`` and, where measured,
        ``energy`` (J)
    drawn : the same, arrays (draws, n), each row a world that what was measured allows
    doubt : array (n,), standard deviation of the logarithm of the mean time
    noise : of the logarithm of one run about its mean
    """

    expected: Mapping[str, FloatArray]
    drawn: Mapping[str, FloatArray]
    doubt: FloatArray
    noise: float


def believed(
    data: StageData,
    rows: Rows,
    draws: int,
    generator: np.random.Generator,
    scope: str = "provisioned",
) -> Beliefs:
    """Draw what a stage may take, given what was measured of it.

    The time comes first; then what share of it workers work in the mean, and joules of a worker
    from its seconds, each with a deviation of its own.

    Parameters
    ----------
    data : what was measured
    rows : n configurations, with the fan-in from those parents that are to matter
    draws : how many worlds
    generator : of the draws
    scope : of energy

    Raises
    ------
    MissingEnergyError
        The scope needs dynamic energy by itself, and only the total was measured.
    """
    seen = replace(data.rows, fan_in={p: data.rows.fan_in[p] for p in rows.fan_in})
    at, points = places([rows, seen])
    seen, rows = seen.with_held_cpu(), replace(rows, cores=data.rows.cores).with_held_cpu()
    names = terms.applicable(_OWN_TERMS, _FAN_IN_TERMS, rows)
    design = [terms.design_matrix(names, each) for each in (seen, rows)]
    time = Law(data, data.values["time"], data.run_values["time"], design[0], points)
    shares = (
        _shares(data.values, data.rows.workers),
        _shares(data.run_values, data.rows.workers[data.run_rows]),
    )
    ones = np.ones((len(seen), 1)), np.ones((len(rows), 1))
    share = Law(data, *shares, ones[0], points)
    expected = {"time": time.mean(design[1], at)}
    drawn = {"time": time.draw(design[1], at, draws, generator)}
    expected["worker_seconds"] = _billed(expected["time"], share.mean(ones[1], at), rows)
    drawn["worker_seconds"] = _billed(
        drawn["time"], share.draw(ones[1], at, draws, generator), rows
    )
    if (joules := _joules(data, scope)) is not None:
        own = _joule_terms(data.values["worker_seconds"], seen)
        by_seconds = [_joule_terms(v["worker_seconds"], rows) for v in (expected, drawn)]
        if np.any(joules[0] > 0):
            energy = Law(data, *joules, own, points)
            expected["energy"] = rows.workers * energy.mean(by_seconds[0], at)
            drawn["energy"] = rows.workers * energy.draw(by_seconds[1], at, draws, generator)
        else:
            expected["energy"], drawn["energy"] = np.zeros(len(rows)), np.zeros((draws, len(rows)))
    doubt: FloatArray = np.std(np.log(drawn["time"]), axis=0)
    return Beliefs(expected, drawn, doubt, time.noise)


def _shares(values: Mapping[str, FloatArray], workers: FloatArray) -> FloatArray:
    """Return how long workers run in the mean, as a share of the slowest."""
    shares: FloatArray = values["worker_seconds"] / workers / values["time"]
    return shares


def _joules(data: StageData, scope: str) -> tuple[FloatArray, FloatArray] | None:
    """Return the joules of one worker, of conditions and of runs; None where unmeasured."""
    joules = stage_energy_j(data.values, scope, data.stage)
    of_runs = stage_energy_j(data.run_values, scope, data.stage)
    if joules is None or of_runs is None:
        return None
    return joules / data.rows.workers, of_runs / data.rows.workers[data.run_rows]


def _billed(time_s: FloatArray, share: FloatArray, rows: Rows) -> FloatArray:
    billed: FloatArray = time_s * np.minimum(share, 1.0) * rows.workers
    return billed


def _joule_terms(worker_seconds: FloatArray, rows: Rows) -> FloatArray:
    """Return what joules of one worker are a sum of: a start, watts, and watts of each core."""
    seconds = worker_seconds / rows.workers
    return np.stack([np.ones_like(seconds), seconds, rows.cpu * seconds], axis=-1)
