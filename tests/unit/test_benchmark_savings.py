"""How savings are judged: by chance between rounds, and by the constants of the power model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.choices import Choice, Deadline
from benchmarks.kept import Kept
from benchmarks.saved import Outcome, Round, saving
from benchmarks.savings import conditions, runs_table, savings_table
from benchmarks.took import Seen, Took
from flexecutor_energy import StageConfig
from flexecutor_energy.records.power_facts import PowerFacts

POWER = PowerFacts("modelled", idle_w=1.0, rate_w=4.0, bend_w=-1.0, cores=2.0)


def seen(idle_j: float, dynamic_j: float, time_s: float = 1.0) -> Seen:
    energy_j = idle_j + dynamic_j
    took = Took(time_s, 0.75, {"model": energy_j}, {"startup": 0.25, "engine": 9.0}, {})
    return Seen(took, reserved_core_s=1.0, energy_j=energy_j, idle_j=idle_j)


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
    assert str(found).endswith(", 4 rounds")


def outcome() -> Outcome:
    """Return five rounds of an energy plan that the fastest plan is the same as."""
    return Outcome(
        name="ml",
        size="small",
        backend="lithops",
        machine="a machine",
        source="modelled",
        deadline=Deadline(2.0, 0.95),
        power=POWER,
        choices={
            "energy plan": Choice({"pca": StageConfig(1, 2, 512)}, 1.1, 4.5),
            "fastest": Choice({"pca": StageConfig(1, 2, 512)}, 1.1, 4.5, like="energy plan"),
            "default": Choice({"pca": StageConfig(1, 1, 512)}, 3.0, 9.0),
            "uniform": Choice({"pca": StageConfig(1, 1, 512)}, 3.0, 9.0, like="default"),
            "cost": Choice({"pca": StageConfig(0.5, 1, 512)}, 1.0, 8.0),
        },
        rounds=tuple(
            Round(
                Took(1.0, 1.0, {"model": 3.0}, {"startup": 0.1}, {"startup": 0.5}),
                {
                    "energy plan": seen(1, 4.0 + more),
                    "default": seen(2, 8.0 + more, time_s=9.0),
                    "cost": seen(2, 8.0 + more),
                },
            )
            for more in (0.0, 0.1, -0.1, 0.0, 0.0)
        ),
    )


def test_tables_tell_what_is_the_same_and_what_was_late() -> None:
    row = savings_table([outcome()]).splitlines()[-1]
    assert row == (
        "| ml | 2.00 s (95%) | 5.0 J | same choice | **+50 %** (+50 … +50) † | "
        "**+50 %** (+50 … +50) † | **+50 %** (+50 … +50) |"
    )
    rows = runs_table([outcome()]).splitlines()
    assert rows[-3] == (
        "| ml | default | 9.00 s (3.00) | 1.00 s | 1.0 core·s | 10.0 J (9.0) | 20% | 0 of 5 |"
    )
    assert len(rows) == 2 + 5


def test_a_plan_that_promises_nothing_keeps_its_deadline_on_average() -> None:
    unpromised = replace(outcome(), deadline=Deadline(2.0, None))
    assert "| 2.00 s (mean) |" in savings_table([unpromised])


def test_what_others_took_of_the_machine_is_told() -> None:
    first, *others = outcome().rounds
    busy = {name: replace(run, foreign=0.25) for name, run in first.runs.items()}
    text = conditions([replace(outcome(), rounds=(Round(first.native, busy), *others))])
    assert text == (
        "5 rounds, lithops, size small; a machine; energy: modelled; others used 25% of the CPUs "
        "in the median run, 25% at most"
    )


def test_what_is_kept_comes_back_and_can_be_added_to(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "rounds", Outcome)
    assert kept.load("ml") is None
    kept.save("ml", outcome())
    assert kept.load("ml") == outcome()
    more = replace(outcome(), rounds=outcome().rounds * 2)
    kept.save("ml", more)
    assert kept.all(["pi", "ml"]) == [more]
