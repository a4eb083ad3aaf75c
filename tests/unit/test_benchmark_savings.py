"""How savings are judged: by chance between rounds, and by the constants of the power model."""

from collections.abc import Sequence

import pytest

from benchmarks.savings import Outcome, Saving, Seen, _runs_table, _savings_table, saving
from flexecutor_energy.records.power_facts import PowerFacts

POWER = PowerFacts("modelled", idle_w=1.0, rate_w=4.0, bend_w=-1.0, cores=2.0)


def seen(idle_j: float, dynamic_j: float, time_s: float = 1.0) -> Seen:
    return Seen(time_s, 1.0, 1.0, idle_j + dynamic_j, idle_j, dynamic_j)


def rounds(idle_j: float, dynamics_j: Sequence[float]) -> list[Seen]:
    return [seen(idle_j, dynamic_j) for dynamic_j in dynamics_j]


def test_a_saving_beyond_chance_and_constants_is_decided() -> None:
    found = saving(rounds(1, [4, 4.1, 3.9, 4, 4.2]), rounds(2, [8, 8.1, 7.9, 8, 8.2]), POWER)
    assert found.mean == pytest.approx(0.5, abs=0.02)
    assert 0.45 < found.low < found.mean < found.high < 0.55
    assert found.agreeing == 1
    assert found.decided
    assert str(found).startswith("**+50 %** (+")


def test_a_loss_is_told_as_one() -> None:
    found = saving(rounds(2, [8] * 5), rounds(1, [4] * 5), POWER)
    assert found.decided
    assert str(found) == "**-100 %** (-100 … -100)"


def test_what_chance_can_turn_round_is_undecided() -> None:
    found = saving(rounds(1, [4, 6, 5, 4, 6]), rounds(1, [5, 4, 6, 6, 5]), POWER)
    assert found.low < 0 < found.high
    assert not found.decided
    assert str(found).startswith("undecided")


def test_what_constants_can_turn_round_is_undecided() -> None:
    """The plan trades dynamic joules for idle ones, at nearly the same sum."""
    found = saving(rounds(4, [4.0] * 5), rounds(1, [7.4] * 5), POWER)
    assert found.low > 0
    assert 0 < found.agreeing < 0.95
    assert not found.decided
    assert "of models" in str(found)


def test_counters_leave_no_constants_to_doubt() -> None:
    assert saving(rounds(4, [4.0] * 5), rounds(1, [7.4] * 5), PowerFacts("measured")).decided


def test_few_rounds_decide_nothing() -> None:
    found = saving(rounds(1, [4.0] * 4), rounds(2, [8.0] * 4), POWER)
    assert found.low > 0
    assert not found.decided


def test_tables_tell_what_is_the_same_and_what_was_late() -> None:
    runs = {
        "energy plan": rounds(1, [4.0]),
        "fastest": rounds(1, [4.0]),
        "default": [seen(2, 8, time_s=9.0)],
        "uniform": rounds(2, [8.0]),
        "cost": rounds(2, [8.0]),
    }
    other = Saving(0.5, 0.4, 0.6, rounds=7)
    savings = dict.fromkeys(runs, other) | {"fastest": Saving(0, 0, 0, same=True)}
    outcome = Outcome("ml", 2.0, 0.95, {}, runs, savings)
    row = _savings_table([outcome]).splitlines()[-1]
    assert row == (
        "| ml | 5.0 J | same choice | **+50 %** (+40 … +60) † | **+50 %** (+40 … +60) | "
        "**+50 %** (+40 … +60) |"
    )
    late = [line for line in _runs_table([outcome]).splitlines() if "| default |" in line]
    assert late[0].endswith("| 20% | 0 of 1 |")
