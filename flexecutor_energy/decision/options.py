"""What each stage may run as, by numbers: quicker to weigh than candidates with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.problem import Link
from flexecutor_energy.prediction.rows import FloatArray, Rows, telling_parents
from flexecutor_energy.prediction.samples import StageData
from flexecutor_energy.pricing import Pricing
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph

IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Options:
    """The candidates of a stage: each configuration with each fan-in, in this order.

    Attributes
    ----------
    stage_id : the stage
    configs : what it may run as
    parents : positions of the parents whose workers matter → the counts these may have, rising
    names : of these parents
    """

    stage_id: str
    configs: tuple[StageConfig, ...]
    parents: Mapping[int, tuple[int, ...]]
    names: tuple[str, ...]

    @property
    def fan_ins(self) -> list[tuple[int, ...]]:
        """The workers of the parents, in every combination."""
        return list(product(*self.parents.values()))

    def rows(self) -> Rows:
        """Return the candidates as predictors see them."""
        fan_ins = [dict(zip(self.names, counts, strict=True)) for counts in self.fan_ins]
        pairs = list(product(self.configs, fan_ins))
        return Rows.of([c for c, _ in pairs], [f for _, f in pairs], self.names)

    def costs(self, pricing: Pricing, worker_seconds: FloatArray) -> FloatArray:
        """Return the USD of candidates: array (…, candidates)."""
        prices = [
            (
                pricing.stage_cost(1.0, pricing.billed_memory_mb(c.cpu, c.memory), 0),
                pricing.stage_cost(0.0, 0.0, c.workers),
            )
            for c in self.configs
        ]
        a_second, fixed = np.repeat(np.array(prices), len(self.fan_ins), axis=0).T
        costs: FloatArray = worker_seconds * a_second + fixed
        return costs

    def fan_in_of(self, plans: IntArray, options: Sequence["Options"]) -> IntArray:
        """Return the number of the fan-in that plans bring about: array (plans,).

        Parameters
        ----------
        plans : array (plans, stages), numbers of configurations
        options : of all stages
        """
        number = np.zeros(len(plans), dtype=np.intp)
        for parent, counts in self.parents.items():
            theirs = [counts.index(config.workers) for config in options[parent].configs]
            number = number * len(counts) + np.array(theirs, dtype=np.intp)[plans[:, parent]]
        return number

    def links(self, own: int, options: Sequence["Options"]) -> list[Link]:
        """Return what the choices of parents and of this stage, at this position, agree on."""
        found = []
        for place, parent in enumerate(self.parents):
            assumed = [fan_in[place] for fan_in in self.fan_ins] * len(self.configs)
            theirs = options[parent]
            offered = [c.workers for c in theirs.configs for _ in theirs.fan_ins]
            found.append(Link(parent, own, tuple(offered), tuple(assumed)))
        return found


def options_of(
    graph: StageGraph,
    space: ConfigSpace,
    data: Mapping[str, StageData],
) -> list[Options]:
    """Return what each stage may run as, without what failed.

    Raises
    ------
    ConfigurationError
        Every configuration of a stage failed.
    """
    ids = graph.stage_ids
    configs = {}
    for stage in graph.stages:
        failed = data[stage.stage_id].failed
        clamped = dict.fromkeys(stage.clamped(c) for c in space.for_stage(stage.stage_id))
        configs[stage.stage_id] = tuple(c for c in clamped if c not in failed)
        if not configs[stage.stage_id]:
            raise ConfigurationError(f"every configuration of stage {stage.stage_id!r} failed")
    found = []
    for stage_id in ids:
        names = telling_parents(data[stage_id].rows)
        counts = {ids.index(n): tuple(sorted({c.workers for c in configs[n]})) for n in names}
        found.append(Options(stage_id, configs[stage_id], counts, names))
    return found
