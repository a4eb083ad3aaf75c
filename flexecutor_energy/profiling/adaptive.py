"""A sweep that runs next what could change the plan, and stops when nothing should.

How good a plan is, and what could change it, is not known here: a rule that is passed in says so
(``decision.RegretRule``).
"""

from collections.abc import Mapping
from dataclasses import replace

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.profiling.adaptive_design import spread_out
from flexecutor_energy.profiling.guide import Advice, EstimatedRegret, Rule
from flexecutor_energy.profiling.needs import StageNeeds
from flexecutor_energy.profiling.schedule import Schedule
from flexecutor_energy.records.run import FailedRun, Profile, StageRun
from flexecutor_energy.workflow.config import ConfigSpace, StageConfig
from flexecutor_energy.workflow.graph import StageGraph


def first_runs(
    graph: StageGraph, space: ConfigSpace, profiles: Mapping[str, Profile], seed: int = 0
) -> Schedule:
    """Return the runs that an adaptive sweep begins with, before it asks its rule."""
    needs = Schedule(graph, space, 1, {}, seed).needs
    chosen = {s: ConfigSpace.of(spread_out(list(own.left), seed)) for s, own in needs.items()}
    return Schedule(graph, ConfigSpace(stages=chosen), 1, profiles, seed)


class AdaptiveSchedule:
    """Decides which configurations the next run tries, by what was measured so far.

    It begins with a few configurations spread over the space of every stage, worker counts of
    parents and children balanced. Then each run takes, for every stage, the configuration whose
    measurement is worth most according to the rule, which may be one that was measured before,
    or the planned one where none is worth anything. It ends when the upper figure of the
    estimated regret is at most ``epsilon`` and every stage was measured as planned.

    Parameters
    ----------
    graph : the workflow
    space : configurations of every stage
    rule : says what is worth measuring
    reps : measurements that a configuration may have at most
    profiles : what was measured before, without stale runs; counts
    epsilon : the regret to stop at, as a share: 0.03 is 3 %
    seed : of the first configurations

    Raises
    ------
    ConfigurationError
        ``epsilon`` is not a number of at least 0, or another argument makes no sense.
    """

    def __init__(
        self,
        graph: StageGraph,
        space: ConfigSpace,
        rule: Rule,
        reps: int,
        profiles: Mapping[str, Profile],
        epsilon: float = 0.03,
        seed: int = 0,
    ) -> None:
        if not 0 <= epsilon < float("inf"):
            raise ConfigurationError(
                f"epsilon must be a share of at least 0, such as 0.03, got {epsilon!r}"
            )
        self._whole = Schedule(graph, space, reps, profiles, seed)
        self._first = first_runs(graph, space, profiles, seed)
        self._order = [stage.stage_id for stage in graph.topological_order()]
        self._rule = rule
        self._epsilon = epsilon
        self._profiles = {
            stage_id: profiles.get(stage_id, Profile(graph.name, stage_id))
            for stage_id in self._order
        }
        self._advice: Advice | None = None
        self._stopped = ""

    @property
    def needs(self) -> dict[str, StageNeeds]:
        """What may still be measured of each stage."""
        return self._whole.needs

    @property
    def runs_left(self) -> int:
        """Runs that are left at most: those of a sweep over the whole space."""
        return 0 if self._stopped else self._whole.runs_left

    @property
    def regret(self) -> EstimatedRegret | None:
        """The regret of the plan that would be chosen now; None while too little is known."""
        advice = self._advised()
        return advice.regret if advice is not None else None

    @property
    def stopped(self) -> str:
        """Why there is nothing more to run."""
        return self._stopped

    def next_configs(self) -> dict[str, StageConfig] | None:
        """Return the configurations of the next run, or None when enough is measured."""
        if hopeless := [s for s in self._order if not self.needs[s].feasible]:
            self._stopped = f"every configuration of {', '.join(hopeless)} failed"
            return None
        advice = self._advised()
        if advice is None:
            begin = self._first if self._first.runs_left else self._whole
            return begin.next_configs()
        chosen = {stage_id: self._pick(stage_id, advice) for stage_id in self._order}
        if self._settled(advice):
            self._stopped = (
                f"the estimated regret is at most {100 * advice.regret.upper:.2g} % with "
                f"probability {advice.regret.level:g}, and {100 * self._epsilon:g} % was asked for"
            )
        elif all(self.needs[s].left.get(config, 0) == 0 for s, config in chosen.items()):
            self._stopped = "nothing that was not measured as often as asked could change the plan"
        return None if self._stopped else chosen

    def measured(self, stage_id: str, requested: StageConfig, run: StageRun) -> None:
        """Count one more measurement."""
        self._advice = None
        profile = self._profiles[stage_id]
        self._profiles[stage_id] = replace(profile, runs=(*profile.runs, run))
        for schedule in (self._whole, self._first):
            schedule.measured(stage_id, requested, run)

    def failed(self, stage_id: str, requested: StageConfig) -> None:
        """Note that a configuration cannot run; it is neither tried nor planned again."""
        self._advice = None
        profile = self._profiles[stage_id]
        failure = FailedRun(requested, "", "failed in this sweep")
        self._profiles[stage_id] = replace(profile, failures=(*profile.failures, failure))
        self._whole.failed(stage_id, requested)
        if requested in self._first.needs[stage_id].left:
            self._first.failed(stage_id, requested)

    def _advised(self) -> Advice | None:
        """Return the rule's advice on what is known now; None before the first runs are done."""
        ready = all(profile.runs for profile in self._profiles.values())
        if self._advice is None and ready and not self._first.runs_left:
            self._advice = self._rule(self._profiles)
        return self._advice

    def _settled(self, advice: Advice) -> bool:
        return advice.regret.upper <= self._epsilon and all(
            self.needs[stage_id].runs[config] for stage_id, config in advice.planned.items()
        )

    def _pick(self, stage_id: str, advice: Advice) -> StageConfig:
        needs, planned = self.needs[stage_id], advice.planned[stage_id]
        if advice.regret.upper <= self._epsilon and needs.runs[planned] == 0:
            return planned
        worth = advice.worth.get(stage_id, {})
        open_ = [config for config in needs.feasible if needs.left[config] > 0]
        best = max(open_, key=lambda config: worth.get(config, 0.0), default=planned)
        return best if worth.get(best, 0.0) > 0 else planned
