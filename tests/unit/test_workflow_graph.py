import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from flexecutor_energy.errors import (
    ConfigurationError,
    CycleError,
    DuplicateStageError,
    UnknownStageError,
    WorkflowError,
)
from flexecutor_energy.workflow.chunking import Chunker
from flexecutor_energy.workflow.context import StageContext
from flexecutor_energy.workflow.data import FlexData, ReadStrategy
from flexecutor_energy.workflow.graph import StageGraph
from flexecutor_energy.workflow.stage import Stage


def nothing(context: StageContext) -> None:
    """Do nothing."""


def stage(
    stage_id: str, inputs: Sequence[FlexData] = (), outputs: Sequence[FlexData] = ()
) -> Stage:
    return Stage(stage_id, nothing, inputs, outputs)


def stages(names: str) -> list[Stage]:
    return [stage(name) for name in names]


def test_arrows_join_single_stages_and_lists_on_either_side() -> None:
    a, b, c, d = stages("abcd")
    a >> [b, c] >> d
    graph = StageGraph("g").add_stages([a, b, c, d])
    assert sorted(graph.edges) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]


def test_arrows_to_the_left_mean_the_same_read_backwards() -> None:
    a, b, c, d = stages("abcd")
    d << [b, c] << a
    graph = StageGraph("g").add_stages([a, b, c, d])
    assert sorted(graph.edges) == [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]


def test_a_chain_of_arrows_is_a_chain_of_stages() -> None:
    a, b, c = stages("abc")
    a >> b >> c
    a >> b  # doing it twice changes nothing
    assert StageGraph("g").add_stages([c, b, a]).edges == [("b", "c"), ("a", "b")]


def test_an_arrow_to_something_else_changes_nothing() -> None:
    a, b = stages("ab")
    wrong: Any = [b, "c"]
    with pytest.raises(WorkflowError, match="'c'"):
        a >> wrong
    assert a.children == []
    assert b.parents == []


def test_a_stage_cannot_wait_for_itself() -> None:
    (a,) = stages("a")
    with pytest.raises(WorkflowError, match="'a' cannot wait for itself"):
        a >> a


def test_a_cycle_is_told_in_the_direction_of_its_arrows() -> None:
    a, b, c = stages("abc")
    a >> b >> c >> a
    with pytest.raises(CycleError) as caught:
        StageGraph("g").add_stages([a, b, c])
    path = caught.value.path
    assert path[0] == path[-1]
    assert set(itertools.pairwise(path)) == {
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
    }


def test_a_refused_stage_leaves_the_workflow_as_it_was() -> None:
    a, b = stages("ab")
    graph = StageGraph("g").add_stage(a)
    a >> b >> a
    with pytest.raises(CycleError):
        graph.add_stage(b)
    with pytest.raises(CycleError):
        graph.add_stages([b])
    assert graph.stage_ids == ["a"]


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(DuplicateStageError, match="'a'"):
        StageGraph("g").add_stages([*stages("a"), *stages("a")])


def test_a_parent_that_was_not_added_is_named() -> None:
    a, b = stages("ab")
    a >> b
    with pytest.raises(UnknownStageError, match="'a'"):
        StageGraph("g").add_stages([b])


def test_a_child_that_was_not_added_is_named_when_the_workflow_is_to_run() -> None:
    a, b = stages("ab")
    a >> b
    graph = StageGraph("g").add_stages([a])
    with pytest.raises(UnknownStageError, match="'b'"):
        graph.validate()


def test_a_workflow_without_stages_cannot_run() -> None:
    with pytest.raises(WorkflowError, match="no stages"):
        StageGraph("g").validate()


def test_a_workflow_holds_stages_only() -> None:
    wrong: Any = ["a"]
    with pytest.raises(WorkflowError, match="holds stages"):
        StageGraph("g").add_stages(wrong)


def test_asking_for_an_unknown_stage_names_the_known_ones() -> None:
    graph = StageGraph("g").add_stages(stages("ab"))
    assert graph["a"].stage_id == "a"
    with pytest.raises(UnknownStageError, match="a, b"):
        graph["c"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "a\0"])
def test_names_that_cannot_be_files_are_refused(name: str) -> None:
    with pytest.raises((ConfigurationError, WorkflowError)):
        StageGraph(name)
    with pytest.raises(ConfigurationError):
        stage(name)


def test_the_order_is_by_depth_and_then_by_addition() -> None:
    r, q, p = stage("r"), stage("q"), stage("p")
    [p, q] >> r
    graph = StageGraph("g").add_stages([r, q, p])
    assert [s.stage_id for s in graph.topological_order()] == ["q", "p", "r"]
    assert [s.stage_id for s in graph.final_stages] == ["r"]


def test_a_chain_of_a_thousand_stages_is_ordered() -> None:
    chain = [stage(f"s{i}", [FlexData(f"d{i}")], [FlexData(f"d{i + 1}")]) for i in range(1000)]
    for first, second in itertools.pairwise(chain):
        first >> second
    graph = StageGraph("g").add_stages(reversed(chain))
    graph.validate()
    assert graph.topological_order() == chain
    assert len(graph.ancestors(chain[-1])) == 999


def test_reading_what_a_stage_writes_needs_waiting_for_it() -> None:
    data = FlexData("middle")
    a, b = stage("a", outputs=[data]), stage("b", inputs=[data])
    with pytest.raises(WorkflowError, match="add a >> b"):
        StageGraph("g").add_stages([a, b])
    a >> b
    graph = StageGraph("g").add_stages([a, b])
    assert graph.producer(data) is a
    assert graph.producer(FlexData("other")) is None


def test_a_stage_cannot_read_what_it_writes() -> None:
    data = FlexData("same")
    with pytest.raises(WorkflowError, match="reads and writes"):
        StageGraph("g").add_stages([stage("a", [data], [data])])


def test_two_stages_cannot_write_the_same_data() -> None:
    a, b = stage("a", outputs=[FlexData("out")]), stage("b", outputs=[FlexData("out")])
    with pytest.raises(WorkflowError, match="both write 'out'"):
        StageGraph("g").add_stages([a, b])


def test_outputs_whose_objects_would_overwrite_each_other_are_refused() -> None:
    a = stage("a", outputs=[FlexData("out", custom_data_id="one")])
    b = stage("b", outputs=[FlexData("out", custom_data_id="two")])
    with pytest.raises(WorkflowError, match="another prefix"):
        StageGraph("g").add_stages([a, b])
    c = stage("c", outputs=[FlexData("out", custom_data_id="three", suffix=".json")])
    assert StageGraph("g").add_stages([a, c]).stage_ids == ["a", "c"]


@pytest.mark.parametrize("prefix", ["", "/", "a//b", "../a", "a/./b"])
def test_a_prefix_that_names_no_folder_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        FlexData(prefix)


def test_data_is_known_by_its_prefix_or_by_a_name_of_its_own() -> None:
    assert FlexData("/in/text/").data_id == FlexData("in/text").id == "in/text"
    assert FlexData("in/text", custom_data_id="text").data_id == "text"


def test_broadcast_data_cannot_be_chunked() -> None:
    with pytest.raises(ConfigurationError, match="broadcast and chunked"):
        FlexData("a", read_strategy=ReadStrategy.BROADCAST, chunker=Chunker(strategy="lines"))
    with pytest.raises(ConfigurationError, match="suffix"):
        FlexData("a", suffix="/x")


def test_a_stage_checks_what_it_is_made_of() -> None:
    wrong: Any = "not callable"
    with pytest.raises(ConfigurationError, match="cannot be called"):
        Stage("a", wrong)
    with pytest.raises(ConfigurationError, match="max_concurrency"):
        Stage("a", nothing, max_concurrency=0)
    with pytest.raises(ConfigurationError, match="FlexData"):
        Stage("a", nothing, inputs=[wrong])
    with pytest.raises(WorkflowError, match="twice"):
        Stage("a", nothing, inputs=[FlexData("x"), FlexData("x")])


def test_a_part_of_a_workflow_needs_the_parents_of_its_stages() -> None:
    a, b, c = stages("abc")
    a >> [b, c]
    graph = StageGraph("g").add_stages([a, b, c])
    assert graph.only({"a", "c"}).stages == [a, c]
    assert graph.only(graph.stage_ids).stages == graph.stages
    with pytest.raises(UnknownStageError, match="'a'"):
        graph.only({"b"})
