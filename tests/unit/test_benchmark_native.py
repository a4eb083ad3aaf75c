"""How the comparison with one process is told."""

from benchmarks.native import NATIVE, ONE, Outcome, Seen, machinery_table, times_table
from flexecutor_energy import StageConfig

ALONE = Seen(2.0, 1.5, {"model": 5.0}, {"startup": 0.5}, {"startup": 1.0})
DEAR = [
    Seen(
        4.0,
        2.0,
        {"model": joules},
        {"startup": 1.0, "engine": 0.75, "storage": 0.25},
        {"startup": 3.0, "engine": 2.0, "storage": 1.0},
    )
    for joules in (9.0, 11.0)
]


def outcome(alone: Seen = ALONE) -> Outcome:
    """Return two rounds of a workflow whose plan is one worker."""
    plan = {"pca": StageConfig(1, 1, 512)}
    rounds = tuple({NATIVE: alone, ONE: dear} for dear in DEAR)
    return Outcome("ml", "small", "lithops", "a machine", "modelled", plan, True, rounds)


def test_joules_stand_beside_those_of_the_single_process() -> None:
    rows = times_table([outcome()]).splitlines()[2:]
    assert rows == [
        "| ml | native | 2.00 s | 1.50 s | 5.0 J | 1.0 |",
        "| ml | one worker | 4.00 s | 2.00 s | 10.0 J | 2.0 |",
        "| ml | plan (is one worker) | 4.00 s | 2.00 s | 10.0 J | 2.0 |",
    ]


def test_a_method_that_a_run_lacks_is_unmeasured_and_not_nothing() -> None:
    both = Seen(2.0, 1.5, {"model": 5.0, "rapl": 4.0}, {}, {})
    head, _, native, one, _ = times_table([outcome(both)]).splitlines()
    assert "| model | rapl |" in head
    assert native.endswith("| 5.0 J | 4.0 J | 1.0, 1.0 |")
    assert one.endswith("| 10.0 J | unmeasured | 2.0, - |")


def test_the_machinery_has_a_name_for_each_of_its_shares() -> None:
    head, _, native, one, _ = machinery_table([outcome()]).splitlines()
    assert head == "| workflow | variant | startup | engine | storage | share of CPU time |"
    assert native == "| ml | native | 0.50 s, 1.0 J | none | none | 25% |"
    assert one == "| ml | one worker | 1.00 s, 3.0 J | 0.75 s, 2.0 J | 0.25 s, 1.0 J | 50% |"
