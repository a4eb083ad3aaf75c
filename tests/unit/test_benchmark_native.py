"""How the comparison with one process is told."""

from collections.abc import Mapping

from benchmarks.choices import Choice, Deadline
from benchmarks.native import machinery_table, times_table
from benchmarks.saved import Outcome, Round
from benchmarks.took import Seen, Took
from flexecutor_energy import StageConfig

ALONE = Took(2.0, 1.5, {"model": 5.0}, {"startup": 0.5}, {"startup": 1.0})


def dear(joules: float) -> Seen:
    took = Took(
        4.0,
        2.0,
        {"model": joules},
        {"startup": 1.0, "engine": 0.75, "storage": 0.25},
        {"startup": 3.0, "engine": 2.0, "storage": 1.0},
    )
    return Seen(took, reserved_core_s=4.0, energy_j=joules, idle_j=3.0)


def outcome(choices: Mapping[str, Choice], native: Took = ALONE) -> Outcome:
    """Return two rounds in which every choice that is run takes the same."""
    names = [name for name, choice in choices.items() if not choice.like]
    rounds = tuple(Round(native, dict.fromkeys(names, dear(joules))) for joules in (9.0, 11.0))
    deadline = Deadline(5.0, 0.95)
    return Outcome(
        "ml", "small", "local", "a machine", "modelled", deadline, None, choices, rounds
    )


ONE = Choice({"pca": StageConfig(1, 1, 512)}, 4.0, 10.0)
TWO = Choice({"pca": StageConfig(1, 2, 512)}, 3.0, 12.0)
ITSELF = {"energy plan": ONE, "default": Choice(ONE.configs, 4.0, 10.0, like="energy plan")}
OTHER = {
    "energy plan": TWO,
    "fastest": ONE,
    "default": Choice(ONE.configs, 4.0, 10.0, like="fastest"),
}


def test_joules_stand_beside_those_of_the_single_process() -> None:
    assert times_table([outcome(OTHER)]).splitlines()[2:] == [
        "| ml | native | 2.00 s | 1.50 s | 5.0 J | 1.0 |",
        "| ml | one worker | 4.00 s | 2.00 s | 10.0 J | 2.0 |",
        "| ml | plan | 4.00 s | 2.00 s | 10.0 J | 2.0 |",
    ]


def test_a_plan_that_is_one_worker_is_told_as_such() -> None:
    rows = times_table([outcome(ITSELF)]).splitlines()
    assert rows[-1] == "| ml | plan (is one worker) | 4.00 s | 2.00 s | 10.0 J | 2.0 |"


def test_a_method_that_a_run_lacks_is_unmeasured_and_not_nothing() -> None:
    both = Took(2.0, 1.5, {"model": 5.0, "rapl": 4.0}, {}, {})
    head, _, native, one, _ = times_table([outcome(OTHER, both)]).splitlines()
    assert "| model | rapl |" in head
    assert native.endswith("| 5.0 J | 4.0 J | 1.0, 1.0 |")
    assert one.endswith("| 10.0 J | unmeasured | 2.0, - |")


def test_the_machinery_has_a_name_for_each_of_its_shares() -> None:
    head, _, native, one, _ = machinery_table([outcome(OTHER)]).splitlines()
    assert head == "| workflow | variant | startup | engine | storage | share of CPU time |"
    assert native == "| ml | native | 0.50 s, 1.0 J | none | none | 25% |"
    assert one == "| ml | one worker | 1.00 s, 3.0 J | 0.75 s, 2.0 J | 0.25 s, 1.0 J | 50% |"
