"""An adaptive sweep, and budgets in joules and USD, on real processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flexecutor_energy import DAG, ConfigSpace, FlexData, Stage, StageContext
from flexecutor_energy.errors import ConfigurationError, MissingEnergyError
from flexecutor_energy.execution.joules import RunEnergy
from flexecutor_energy.execution.session import Session
from flexecutor_energy.profiling.sweep import SweepProgress

SPACE = ConfigSpace(cpu=[0.5, 1], memory=[0], workers=[1, 2, 3])
PLACE: dict[str, Any] = {"backend": "local", "storage": "file"}


def work(context: StageContext) -> None:
    sum(i * i for i in range(600_000 // context.num_workers))
    Path(context.next_output_path("part")).write_text("x")


def join(context: StageContext) -> None:
    Path(context.next_output_path("all")).write_text(str(len(context.get_input_paths("part"))))


@pytest.fixture
def dag(tmp_path: Path) -> Iterator[DAG]:
    part, whole = FlexData("part"), FlexData("all")
    first = Stage("work", work, outputs=[part])
    last = Stage("join", join, [part], [whole], max_concurrency=1)
    first >> last
    made = DAG("small", workspace=tmp_path).add_stages([first, last])
    yield made
    made.close()


def test_an_adaptive_sweep_stops_before_the_grid_and_says_why(dag: DAG) -> None:
    told: list[SweepProgress] = []
    result = dag.profile(
        SPACE, adaptive=True, epsilon=0.5, objective="time", progress=[told.append], **PLACE
    )
    assert 4 <= result.end.runs_done < 6 * 3
    assert result.end.regret is not None
    assert result.end.regret.upper <= 0.5
    assert "estimated regret" in result.end.stopped
    assert told[-1] == result.end
    assert [state.stopped for state in told[:-1]] == [""] * (len(told) - 1)
    assert set(result["work"].configs) <= set(SPACE)
    dag.train()
    assert dag.optimize("time", space=SPACE).configs["work"] in set(SPACE)
    again = dag.profile(SPACE, adaptive=True, epsilon=0.5, objective="time", **PLACE)
    assert again.end.runs_done == 0  # what was measured counts
    assert len(again["work"].runs) == len(result["work"].runs)


def test_a_budget_in_joules_or_usd_is_exceeded_by_one_run_at_most(dag: DAG) -> None:
    for unit, shown in (("joules", "J"), ("usd", "USD")):
        told: list[SweepProgress] = []
        result = dag.profile(
            SPACE,
            resume=False,
            budget={unit: 1e-9},
            progress=[told.append],
            **PLACE,
        )
        assert result.end.runs_done == 1
        assert result.end.stopped == f"the budget of 1e-09 {shown} is spent"
        spent = [getattr(state, unit) for state in told]
        assert spent[0] == 0
        assert spent[-1] > 1e-9


def test_joules_that_nobody_counts_are_no_budget(dag: DAG) -> None:
    with pytest.raises(ConfigurationError, match="energy is off"):
        dag.profile(SPACE, energy="off", budget={"joules": 5.0}, **PLACE)
    with pytest.raises(ConfigurationError, match="energy is off"):
        dag.profile(SPACE, energy="off", adaptive=True, **PLACE)
    assert not dag.profiles()["work"].runs


def test_joules_that_turn_out_unmeasured_end_a_sweep_with_such_a_budget(
    dag: DAG, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "joules", lambda *given: RunEnergy(reason="no counter"))
    with pytest.raises(MissingEnergyError, match="budget of 5 J cannot be kept"):
        dag.profile(SPACE, budget={"joules": 5.0}, **PLACE)
    assert len(dag.profiles()["work"].runs) == 1
