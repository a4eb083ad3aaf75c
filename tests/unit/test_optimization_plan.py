"""Plans: what they show, what they hold, and which files they refuse."""

import json
from dataclasses import replace
from typing import Any

import pytest

from flexecutor_energy.errors import ConfigurationError, FlexecutorEnergyError, PlanFormatError
from flexecutor_energy.optimization import Plan, solve
from flexecutor_energy.optimization.table import Candidate, StageOptions, Table
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.quantities import Interval
from flexecutor_energy.workflow.config import StageConfig

EDGES = (("split", "map"), ("split", "side"), ("map", "merge"), ("side", "merge"))


def around(value: float) -> Interval:
    return Interval(value, value * 0.9, value * 1.2)


def candidate(
    cpu: float, workers: int, work: float, fan_in: dict[str, int] | None = None
) -> Candidate:
    seconds = work / (cpu * workers) ** 0.8 + 0.2 * workers
    seconds += 0.1 * sum((fan_in or {}).values())
    joules = 5 * cpu * workers * seconds
    return Candidate(
        cpu=cpu,
        memory=512,
        workers=workers,
        time=around(seconds),
        energy=around(joules),
        cost=around(seconds * workers * cpu * 1e-5),
        fan_in=fan_in,
        extrapolated=cpu * workers > 4,
    )


def table() -> Table:
    space = [(cpu, workers) for cpu in (0.5, 1, 2) for workers in (1, 2, 4)]
    fan_ins = [{"map": above, "side": beside} for above in (1, 2, 4) for beside in (1, 2, 4)]
    stages: list[tuple[str, float]] = [("split", 4.0), ("map", 20.0), ("side", 5.0)]
    options = [
        StageOptions(name, tuple(candidate(*config, work) for config in space))
        for name, work in stages
    ]
    merge = tuple(candidate(*config, 6.0, fan_in) for config in space for fan_in in fan_ins)
    return (*options, StageOptions("merge", merge))


def make(terms: Terms | None = None, candidates: Table | None = None) -> Plan:
    terms = terms or Terms(max_time=25.0, mean_max_time=22.0)
    candidates = candidates or table()
    problem = problem_of(terms, candidates, EDGES)
    return Plan.of(
        solve(problem, terms.objective, gap=0),
        dag="demo",
        terms=terms,
        table=candidates,
        edges=EDGES,
        energy_source="model of a test, ±30 %",
        created="2026-01-02T03:04:05+00:00",
        version="0.1.0",
        default_choice=(0, 0, 0, 0),
    )


@pytest.fixture(name="plan", scope="module")
def _plan() -> Plan:
    return make()


def test_a_plan_names_a_configuration_for_every_stage(plan: Plan) -> None:
    assert list(plan.configs) == ["split", "map", "side", "merge"]
    assert all(isinstance(config, StageConfig) for config in plan.configs.values())
    assert plan.objective == "energy"
    assert plan.time.mean <= 22.0
    assert plan.time.low < plan.time.mean < plan.time.high
    assert plan.energy is not None and plan.cost is not None
    assert plan.energy.mean == pytest.approx(plan.certificate.objective)


def test_the_chosen_fan_in_is_what_the_parents_run(plan: Plan) -> None:
    fan_in = plan.chosen["merge"].fan_in
    assert fan_in == {name: plan.configs[name].workers for name in ("map", "side")}


def test_stages_know_their_start_and_slack(plan: Plan) -> None:
    stages = plan.stages
    assert stages["split"].start_s == 0.0
    assert stages["map"].start_s == pytest.approx(stages["split"].time.mean)
    assert stages["split"].critical and stages["merge"].critical
    assert stages["map"].critical != stages["side"].critical
    assert stages["side"].config == plan.configs["side"]


def test_intervals_that_are_given_are_kept() -> None:
    terms = Terms(objective="time")
    given = Interval(5.0, 4.0, 7.0)
    problem = problem_of(terms, table(), EDGES)
    plan = Plan.of(
        solve(problem, "time"),
        dag="demo",
        terms=terms,
        table=table(),
        edges=EDGES,
        energy_source="",
        created="",
        version="",
        intervals={"time": given},
    )
    assert plan.time == given


def test_a_plan_survives_json(plan: Plan) -> None:
    again = Plan.from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()
    assert again.verify().ok


def test_plans_of_format_1_can_still_be_read(plan: Plan) -> None:
    old = json.loads(plan.to_json())
    assert old["format"] == "flexecutor-energy/plan/2"
    old["format"] = "flexecutor-energy/plan/1"
    del old["context"]
    for options in old["table"]:
        for candidate in options["candidates"]:
            del candidate["dynamic_j"], candidate["memory_gb_s"]
    again = Plan.from_json(json.dumps(old))
    assert again == plan
    assert again.verify().ok


def test_parts_of_energy_cannot_be_changed_in_a_file() -> None:
    split = tuple(
        StageOptions(o.stage_id, tuple(replace(c, dynamic_j=1.0) for c in o.candidates))
        for o in table()
    )
    plan = make(candidates=split)
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(PlanFormatError, match="hash"):
        Plan.from_json(altered(plan, table__0__candidates__0__dynamic_j=2.0))


def test_a_plan_verifies_itself_to_the_optimum(plan: Plan) -> None:
    verification = plan.verify()
    assert verification.problems == ()
    assert verification.proved_bound == pytest.approx(plan.certificate.objective)


def altered(plan: Plan, **changes: Any) -> str:
    data = json.loads(plan.to_json())
    for path, value in changes.items():
        place, *rest = path.split("__")
        inner = data
        for key in rest:
            inner, place = inner[int(place) if place.isdigit() else place], key
        if value is KeyError:
            del inner[place]
        else:
            inner[int(place) if place.isdigit() else place] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "flexecutor-energy/plan/9"}, "format"),
        ({"table__0__candidates__0__time__mean": 3.25}, "hash"),
        ({"table__0__candidates__0__extrapolated": True}, "hash"),
        ({"table__0__candidates__0__cpu": -1.0}, "cpu must be above 0"),
        ({"table__0__candidates__0__time__low": 99.0}, "swapped"),
        ({"choice": [0, 0, 0]}, "does not fit"),
        ({"choice": [0, 0, 0, 999]}, "does not fit"),
        ({"choice": [0, 0, 0, "1"]}, "choice.3"),
        ({"edges": [["split", "nowhere"]]}, "'nowhere'"),
        ({"terms__max_time": -4.0, "terms__mean_max_time": None}, "max_time=-4.0"),
        ({"terms__objective": "speed"}, "terms.objective"),
        ({"certificate": KeyError}, "certificate"),
        ({"certificate__lower_bound": "0"}, "certificate.lower_bound"),
        ({"certificate__multipliers__0__weights": KeyError}, "certificate.multipliers.0"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_changed_file_is_refused_with_the_place(
    plan: Plan, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanFormatError, match=message):
        Plan.from_json(altered(plan, **changes))


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '{"format": "flexecutor-energy/plan/1"}', "cos\nsystem\n(S'x'\ntR."],
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanFormatError):
        Plan.from_json(text)


def test_numbers_that_are_none_are_refused(plan: Plan) -> None:
    for word in ("NaN", "Infinity", "1e999"):
        broken = plan.to_json().replace('"idle_power_w":0.0', f'"idle_power_w":{word}')
        broken = broken.replace('"idle_power_w": 0.0', f'"idle_power_w": {word}')
        assert word in broken
        with pytest.raises(PlanFormatError, match=r"idle_power_w|no plan"):
            Plan.from_json(broken)


def test_a_forged_bound_is_found_by_verifying(plan: Plan) -> None:
    value = plan.certificate.objective
    forged = altered(plan, certificate__proved_bound=value * 0.999999)
    verification = Plan.from_json(forged).verify()
    assert not verification.ok
    assert "the multipliers prove" in verification.problems[0]


def test_loosened_terms_are_found_by_verifying(plan: Plan) -> None:
    loosened = Plan.from_json(altered(plan, terms__mean_max_time=30.0))
    assert any("input hash" in line for line in loosened.verify().problems)


def test_an_explanation_fits_80_columns_and_says_what_was_promised(plan: Plan) -> None:
    text = plan.explain()
    assert max(len(line) for line in text.splitlines()) <= 80
    for stage_id, config in plan.configs.items():
        assert stage_id in text
        assert str(config) in text
    for words in (
        "next best:",
        "Critical path: split >> map >> merge",
        "it binds",
        "default:",
        "fastest:",
        "cheapest:",
        "best uniform",
        "floor",
        "Certificate: optimal",
        "model of a test, ±30 %",
        "scope provisioned",
    ):
        assert words in " ".join(text.split())
    assert "\N{NO-BREAK SPACE}" not in text


@pytest.mark.parametrize("objective", ["time", "cost", "edp"])
def test_every_objective_can_be_explained(objective: Any) -> None:
    plan = make(Terms(objective=objective, max_energy=900.0, idle_power_w=3.0, scope="host"))
    assert plan.verify().ok
    text = " ".join(plan.explain().split())
    assert "max_energy 900 J" in text
    assert Plan.from_json(plan.to_json()) == plan


def test_a_plan_without_energy_says_so() -> None:
    unmeasured = tuple(
        StageOptions(o.stage_id, tuple(replace(c, energy=None) for c in o.candidates))
        for o in table()
    )
    plan = make(Terms(objective="cost", max_time=30.0), unmeasured)
    assert plan.energy is None
    assert plan.stages["map"].energy is None
    assert "unmeasured" in plan.explain()
    assert Plan.from_json(plan.to_json()) == plan
    assert all(point.energy is None for point in plan.pareto(points=3))


def test_the_front_of_a_plan_is_made_of_plans(plan: Plan) -> None:
    front = plan.pareto(points=5)
    assert len(front) == 5
    energies = [point.energy.mean for point in front if point.energy is not None]
    assert [point.time.mean for point in front] == sorted(point.time.mean for point in front)
    assert energies == sorted(energies, reverse=True)
    for point in front:
        assert point.time.mean <= 22.0 * (1 + 1e-9)
        assert point.terms.max_time == pytest.approx(point.time.mean * 25.0 / 22.0)
        assert point.verify().ok
        assert Plan.from_json(point.to_json()) == point
        assert point.time.high / point.time.mean == pytest.approx(plan.time.high / plan.time.mean)


def test_candidates_larger_than_the_hosts_count_as_the_hosts() -> None:
    plan = make(Terms(max_time=60.0, capacity=2.0))
    assert plan.verify().ok
    assert plan.certificate.starts_s is not None
    cores = plan.problem().cores
    assert cores is not None
    assert max(row.max() for row in cores) == 2.0


def test_a_fan_in_of_only_some_candidates_is_refused() -> None:
    *others, merge = table()
    first, *rest = merge.candidates
    broken = (*others, StageOptions("merge", (replace(first, fan_in=None), *rest)))
    with pytest.raises(ConfigurationError, match="only some candidates of stage 'merge'"):
        problem_of(Terms(), broken, EDGES)
    stray = tuple(replace(c, fan_in={"nobody": 1}) for c in merge.candidates)
    with pytest.raises(ConfigurationError, match="'nobody'"):
        problem_of(Terms(), (*others, StageOptions("merge", stray)), EDGES)


def test_all_refusals_are_errors_of_this_project() -> None:
    with pytest.raises(FlexecutorEnergyError):
        Plan.from_json("{}")
