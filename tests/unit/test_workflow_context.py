from pathlib import Path

import pytest

from flexecutor_energy.errors import WorkflowError
from flexecutor_energy.workflow.context import StageContext


def context(
    scratch: Path, worker_id: int = 0, outputs: dict[str, str] | None = None
) -> StageContext:
    return StageContext(
        stage_id="count",
        worker_id=worker_id,
        num_workers=4,
        cpu=0.5,
        memory=512,
        params={"size": 3, "none": None},
        inputs={"text": ["/in/a", "/in/b"]},
        outputs={"out": ".csv"} if outputs is None else outputs,
        scratch=scratch,
    )


def test_a_worker_sees_its_place_and_its_resources(tmp_path: Path) -> None:
    seen = context(tmp_path, worker_id=2)
    assert (seen.stage_id, seen.worker_id, seen.num_workers) == ("count", 2, 4)
    assert (seen.cpu, seen.memory) == (0.5, 512)


def test_parameters_have_defaults_only_where_one_is_given(tmp_path: Path) -> None:
    seen = context(tmp_path)
    assert seen.get_param("size") == 3
    assert seen.get_param("none", 7) is None
    assert seen.get_param("other", 7) == 7
    with pytest.raises(WorkflowError, match=r"'count' has no parameter 'other'.*'size'"):
        seen.get_param("other")


def test_input_paths_are_a_copy(tmp_path: Path) -> None:
    seen = context(tmp_path)
    seen.get_input_paths("text").clear()
    assert seen.get_input_paths("text") == ["/in/a", "/in/b"]
    with pytest.raises(WorkflowError, match=r"no input 'nope'; it has: 'text'"):
        seen.get_input_paths("nope")


def test_output_paths_are_new_each_time_and_named_by_worker_and_number(tmp_path: Path) -> None:
    seen = context(tmp_path, worker_id=2)
    first, second = (Path(seen.next_output_path("out")) for _ in range(2))
    assert (first.name, second.name) == ("00002-00000.csv", "00002-00001.csv")
    assert first.parent.is_dir()
    with pytest.raises(WorkflowError, match="no output 'text'"):
        seen.next_output_path("text")


def test_only_files_that_were_written_count_as_outputs(tmp_path: Path) -> None:
    seen = context(tmp_path)
    written, skipped = (Path(seen.next_output_path("out")) for _ in range(2))
    written.write_text("x")
    assert seen.output_paths() == {"out": [str(written)]}
    assert not skipped.exists()


def test_outputs_whose_ids_look_alike_as_files_do_not_mix(tmp_path: Path) -> None:
    seen = context(tmp_path, outputs={"a/b": "", "a_b": "", "..": ""})
    paths = {seen.next_output_path(data_id) for data_id in ("a/b", "a_b", "..")}
    assert len(paths) == 3
    assert all(Path(path).resolve().is_relative_to(tmp_path / "outputs") for path in paths)
