"""Parents' workers that went with the stage's own: what sweeps do not tell apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexecutor_energy.prediction import train_profiles
from flexecutor_energy.prediction.confounding import Line, believed, lines_of, on_lines
from flexecutor_energy.prediction.rows import Rows
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import grid, made_profile

counts = st.lists(st.integers(1, 64), min_size=4, max_size=20).filter(lambda w: len(set(w)) > 1)


def rows(own: list[int], parent: list[int]) -> Rows:
    configs = [StageConfig(1, workers, 1024) for workers in own]
    return Rows.of(configs, [{"p": workers} for workers in parent], ["p"])


@given(counts)
def test_what_was_measured_on_a_line_stays_as_it_was(own: list[int]) -> None:
    table = rows(own, own)
    lines = lines_of(table)
    assert lines["p"].told == pytest.approx(0.0, abs=1e-9)
    for moved in (believed(table, lines), on_lines(table, lines)):
        assert moved.fan_in["p"] == pytest.approx(table.fan_in["p"])


def test_half_of_the_way_is_believed_where_nothing_was_told() -> None:
    lines = lines_of(rows([1, 2, 4, 8], [1, 2, 4, 8]))
    moved = believed(rows([4], [16]), lines)
    assert moved.fan_in["p"][0] == pytest.approx(8.0)


def test_counts_that_were_varied_apart_are_believed() -> None:
    own, parent = zip(*((w, p) for w in (1, 2, 4, 8) for p in (1, 2, 4, 8)), strict=True)
    lines = lines_of(rows(list(own), list(parent)))
    assert lines["p"].told > 0.99
    moved = believed(rows([4], [16]), lines)
    assert moved.fan_in["p"][0] == pytest.approx(16.0, rel=0.01)


def test_no_line_runs_through_workers_that_were_never_varied() -> None:
    assert Line.of(np.array([1.0, 1.0]), np.array([2.0, 4.0])) is None
    assert lines_of(rows([2, 4], [3, 3])) == {}


def test_a_run_off_the_line_is_doubted_more_than_one_on_it() -> None:
    shared = grid(cpus=(0.5, 1, 2), workers=(1, 2, 4, 8))
    parent = made_profile(shared, stage="a", reps=1)
    child = made_profile(shared, stage="b", reps=1, parent="a", fan_ins=(1, 2, 4, 8))
    model, _ = train_profiles({"a": parent, "b": child}, {"b": ["a"]}, dag="d")
    stage = model.stages["b"]
    on, off = (stage.rows([StageConfig(1, 2, 1024)], [{"a": count}]) for count in (2, 8))
    assert stage.untold(on, "time")[0] == 0.0
    assert stage.untold(off, "time")[0] > 0.0
