"""Plans come back from JSON as they were, whatever their numbers are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.optimization import Plan, solve
from flexecutor_energy.optimization.table import Candidate, StageOptions, table_hash
from flexecutor_energy.optimization.terms import Terms, problem_of
from flexecutor_energy.quantities import Interval

VALUES = st.floats(min_value=1e-9, max_value=1e9)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    mean = draw(VALUES)
    return Interval(mean, mean * draw(st.floats(0.1, 1.0)), mean * draw(st.floats(1.0, 9.0)), 0.9)


@st.composite
def candidates(draw: st.DrawFn, fan_in: dict[str, int] | None) -> Candidate:
    return Candidate(
        cpu=draw(st.floats(0.01, 128)),
        memory=draw(st.integers(0, 10**6)),
        workers=draw(st.integers(1, 10**4)),
        time=draw(intervals()),
        energy=draw(intervals()),
        cost=draw(intervals()),
        fan_in=fan_in,
        extrapolated=draw(st.booleans()),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=3, unique=True))
    head = draw(st.lists(candidates(None), min_size=1, max_size=3))
    table = [StageOptions(names[0], tuple(head))]
    for name in names[1:]:
        own = [draw(candidates({names[0]: above.workers})) for above in head]
        table.append(StageOptions(name, tuple(own)))
    edges = tuple((names[0], name) for name in names[1:])
    terms = Terms(
        objective=draw(st.sampled_from(["energy", "time", "cost", "edp"])),
        confidence=draw(st.floats(0.01, 0.99)),
        idle_power_w=draw(st.floats(0, 500)),
    )
    solution = solve(problem_of(terms, tuple(table), edges), terms.objective)
    return Plan.of(
        solution,
        dag=draw(st.text(max_size=8)),
        terms=terms,
        table=tuple(table),
        edges=edges,
        energy_source=draw(st.text(max_size=20)),
        created=draw(st.text(max_size=20)),
        version="0",
    )


@settings(deadline=None, max_examples=40)
@given(plan=plans())
def test_json_brings_back_the_same_plan(plan: Plan) -> None:
    text = plan.to_json()
    again = Plan.from_json(text)
    assert again == plan
    assert again.to_json() == text
    assert table_hash(again.table) == table_hash(plan.table)
    assert again.certificate.input_hash == plan.certificate.input_hash
    assert again.verify() == plan.verify()
    assert plan.verify().ok
    assert max(len(line) for line in plan.explain().splitlines()) <= 80
