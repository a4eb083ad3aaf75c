"""Plans as configurations: which candidates they mean, what they take, which one is best."""

import numpy as np
import pytest

from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.optimization import Problem, evaluate
from flexecutor_energy.optimization.schedulers import Instance, Proposal, breaks
from flexecutor_energy.optimization.schedulers.space import Space, makespans
from flexecutor_energy.workflow.config import StageConfig

ONE, TWO = StageConfig(1, 1), StageConfig(1, 2)


def linked(**bounds: float) -> Instance:
    """Return two stages in a row; the second has a candidate for each fan-in of the first."""
    problem = Problem(
        times=[np.array([6.0, 3.0]), np.array([5.0, 7.0, 2.0, 4.0])],
        energies=[np.array([1.0, 3.0]), np.array([1.0, 2.0, 4.0, 8.0])],
        costs=None,
        edges=[(0, 1)],
        links=[(0, 1, [1, 2], [1, 2, 1, 2])],
        **bounds,  # type: ignore[arg-type]
    )
    return Instance(problem, "energy", [[ONE, TWO], [ONE, ONE, TWO, TWO]])


def rows(*plans: tuple[int, ...]) -> np.ndarray:
    return np.array(plans, dtype=np.intp)


def test_the_links_say_which_candidate_a_configuration_means() -> None:
    space = Space(linked())
    assert space.configs == [[ONE, TWO], [ONE, TWO]]
    plans = rows((0, 0), (1, 0), (0, 1), (1, 1))
    assert space.choices(plans).tolist() == [[0, 0], [1, 1], [0, 2], [1, 3]]


def test_plans_that_the_links_exclude_mean_no_candidates() -> None:
    problem = Problem(
        times=[np.array([6.0, 3.0]), np.array([5.0])],
        energies=[np.array([1.0, 3.0]), np.array([1.0])],
        costs=None,
        edges=[(0, 1)],
        links=[(0, 1, [1, 2], [2])],
    )
    space = Space(Instance(problem, "energy", [[ONE, TWO], [ONE]]))
    judged = space.judge(rows((0, 0), (1, 0)))
    assert judged.choices.tolist() == [[-1, -1], [1, 0]]
    assert judged.objective.tolist() == [np.inf, 4.0]
    assert space.best(rows((0, 0))) == Proposal(None, False, 1)


def test_plans_are_ordered_by_bounds_first_and_then_by_the_objective() -> None:
    judged = Space(linked(max_time=10.0)).judge(rows((0, 0), (1, 0), (0, 1), (1, 1)))
    assert judged.makespan_s.tolist() == [11.0, 10.0, 8.0, 7.0]
    assert judged.objective.tolist() == [2.0, 5.0, 5.0, 11.0]
    assert judged.excess == pytest.approx([0.1, 0.0, -0.2, -0.3], abs=1e-8)
    assert judged.order.tolist() == [1, 2, 3, 0]


def test_the_nearest_plan_is_returned_where_none_keeps_the_bounds() -> None:
    proposal = Space(linked(max_time=1.0)).best(rows((0, 0), (1, 1)))
    assert proposal == Proposal((1, 3), False, 2)


def test_the_product_of_energy_and_time_is_an_objective() -> None:
    instance = linked()
    product = Instance(instance.problem, "edp", instance.configs)
    assert Space(product).judge(rows((0, 0))).objective.tolist() == [22.0]


def test_draws_are_kept_in_the_share_that_was_asked_for() -> None:
    base = linked(max_time=11.0)
    factors = np.array([1.0] * 9 + [2.0])[:, None]
    draws = [times[None, :] * factors for times in base.problem.times]
    for confidence, kept in ((0.9, True), (0.95, False)):
        instance = Instance(base.problem, "energy", base.configs, draws, confidence)
        assert Space(instance).best(rows((0, 0)), drawn=True).kept is kept
        assert Space(instance).best(rows((0, 0))).kept


def test_a_plan_that_needs_too_many_cores_is_not_said_to_keep_its_bounds() -> None:
    problem = Problem(
        times=[np.array([4.0]), np.array([4.0])],
        energies=[np.array([1.0]), np.array([1.0])],
        costs=None,
        edges=[],
        max_time=5.0,
        cores=[np.array([2.0]), np.array([1.0])],
        capacity=2.0,
    )
    instance = Instance(problem, "energy", [[ONE], [ONE]])
    proposal = Space(instance).best(rows((0, 0)))
    assert proposal == Proposal((0, 0), False, 1)
    assert breaks(instance, proposal) == ["max_time=5 is exceeded by 8"]


def test_makespans_follow_precedence_in_every_draw() -> None:
    problem = Problem([np.array([1.0])] * 3, None, None, [(0, 2), (1, 2)])
    seconds = [np.array([1.0, 5.0]), np.array([2.0, 1.0]), np.array([10.0, 10.0])]
    assert makespans(problem, seconds).tolist() == [12.0, 15.0]
    assert evaluate(problem, (0, 0, 0)).makespan_s == 2.0


def test_a_proposal_without_a_plan_breaks_everything() -> None:
    assert breaks(linked(), Proposal(None, False, 0)) == ["no plan was formed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"configs": [[ONE, TWO]]}, "configs have"),
        ({"confidence": 1.0}, "between 0 and 1"),
        ({"draws": [np.ones((3, 2))]}, "one array"),
        ({"draws": [np.ones((3, 2)), np.ones((2, 4))]}, "equally many"),
        ({"draws": [np.ones((3, 2)), np.ones((3, 3))]}, "each of its 4 candidates"),
        ({"draws": [np.ones((3, 2)), np.full((3, 4), np.nan)]}, "finite"),
        ({"objective": "cost"}, "no costs"),
    ],
)
def test_instances_that_make_no_sense_are_refused(
    changes: dict[str, object], message: str
) -> None:
    good = linked()
    given: dict[str, object] = {"objective": "energy", "configs": good.configs, **changes}
    with pytest.raises(ConfigurationError, match=message):
        Instance(good.problem, **given)  # type: ignore[arg-type]


def test_energy_that_was_not_measured_is_not_minimised() -> None:
    problem = Problem([np.array([1.0])], None, None, [])
    with pytest.raises(MissingEnergyError):
        Instance(problem, "energy", [[ONE]])
