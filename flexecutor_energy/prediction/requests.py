"""How many requests to the object store a stage makes, from those that were counted.

Requests are not noisy: a worker reads what its share of the inputs is and writes its outputs. So
what was counted under the same workers, of the stage and of its parents, is what will be; between
and beyond, counts are sums of terms that such sharing brings about. Objects of a parent are as
many as its workers (``f``), or as the pairs of both where every worker reads from every parent's
(``f·w``); outputs are as many as workers (``w``) or pieces (constant).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls

from flexecutor_energy.prediction.rows import FloatArray
from flexecutor_energy.records.run import StageRun

Requests = tuple[float, float]
Condition = tuple[int, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """The requests of one stage.

    Attributes
    ----------
    counted : (puts, gets) by condition, means where repetitions differ
    parents : whose workers the terms are of
    puts, gets : weights of the terms 1 and ``w``, and of ``f`` and ``f·w`` for each parent
    """

    counted: Mapping[Condition, Requests]
    parents: tuple[str, ...]
    puts: tuple[float, ...]
    gets: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        rows = [[w, dict(fan_in), *counts] for (w, fan_in), counts in self.counted.items()]
        return {
            "counted": rows,
            "parents": list(self.parents),
            "puts": list(self.puts),
            "gets": list(self.gets),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "RequestCounts":
        """Return what ``to_dict`` described."""
        parents = tuple(str(parent) for parent in data["parents"])
        counted = {
            (int(workers), _sorted(fan_in, parents)): (float(puts), float(gets))
            for workers, fan_in, puts, gets in data["counted"]
        }
        puts, gets = (tuple(float(w) for w in data[name]) for name in ("puts", "gets"))
        return cls(counted, parents, puts, gets)

    def of(self, workers: int, fan_in: Mapping[str, int]) -> Requests:
        """Return the (puts, gets) of a run.

        Parameters
        ----------
        workers : of the stage
        fan_in : workers of each parent
        """
        known = self.counted.get((workers, _sorted(fan_in, self.parents)))
        if known is not None:
            return known
        row = _terms(workers, fan_in, self.parents)
        return float(row @ self.puts), float(row @ self.gets)


def count_requests(runs: Iterable[StageRun]) -> RequestCounts | None:
    """Return what the runs of one stage tell of its requests; None where none says.

    Parameters
    ----------
    runs : of the same code and input; those without counts are passed over
    """
    told = [(run, counts) for run in runs if (counts := run.requests) is not None]
    if not told:
        return None
    parents = tuple(sorted(set.intersection(*[set(run.fan_in) for run, _ in told])))
    seen: dict[Condition, list[Requests]] = defaultdict(list)
    for run, counts in told:
        seen[run.config.workers, _sorted(run.fan_in, parents)].append(counts)
    counted = {condition: _mean(counts) for condition, counts in seen.items()}
    matrix = np.array([_terms(workers, dict(fan_in), parents) for workers, fan_in in counted])
    puts, gets = (_weights(matrix, column) for column in np.array(list(counted.values())).T)
    return RequestCounts(counted, parents, puts, gets)


def _sorted(fan_in: Mapping[str, int], parents: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((parent, fan_in[parent]) for parent in parents)


def _terms(workers: int, fan_in: Mapping[str, int], parents: tuple[str, ...]) -> FloatArray:
    theirs = [term for p in parents for term in (fan_in[p], fan_in[p] * workers)]
    return np.array([1.0, workers, *theirs])


def _weights(matrix: FloatArray, counts: FloatArray) -> tuple[float, ...]:
    weights, _ = nnls(matrix, counts, maxiter=100 * matrix.shape[1])
    return tuple(float(weight) for weight in weights)


def _mean(counts: list[Requests]) -> Requests:
    puts, gets = np.mean(counts, axis=0)
    return float(puts), float(gets)
