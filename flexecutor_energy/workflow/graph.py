"""The graph of stages: who waits for whom, and who makes whose data."""

from collections.abc import Collection, Iterable
from graphlib import CycleError as GraphCycle
from graphlib import TopologicalSorter
from typing import Self

from flexecutor_energy.errors import (
    CycleError,
    DuplicateStageError,
    UnknownStageError,
    WorkflowError,
)
from flexecutor_energy.workflow.data import FlexData
from flexecutor_energy.workflow.stage import Stage
from flexecutor_energy.workspace import file_name


class StageGraph:
    """A named set of stages with edges.

    Attributes
    ----------
    name : names the folders of profiles, models and runs
    stages : the stages in order of addition
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise WorkflowError(f"a workflow's name is a non-empty text, got {name!r}")
        file_name(name)  # names the folders of its profiles, models and runs
        self.name = name
        self._stages: dict[str, Stage] = {}

    @property
    def stages(self) -> list[Stage]:
        """The stages in order of addition."""
        return list(self._stages.values())

    @property
    def stage_ids(self) -> list[str]:
        """The ids of the stages in order of addition."""
        return list(self._stages)

    def __getitem__(self, stage_id: str) -> Stage:
        try:
            return self._stages[stage_id]
        except KeyError:
            raise UnknownStageError(stage_id, self.stage_ids, "the request") from None

    def add_stage(self, stage: Stage) -> Self:
        """Add one stage; its neighbours may follow later.

        Raises
        ------
        DuplicateStageError, CycleError
            The workflow is left as it was.
        """
        before = dict(self._stages)
        try:
            self._insert([stage])
            self.topological_order()
        except WorkflowError:
            self._stages = before
            raise
        return self

    def add_stages(self, stages: Iterable[Stage]) -> Self:
        """Add stages and check the workflow.

        Raises
        ------
        DuplicateStageError, CycleError
        UnknownStageError
            A stage waits for one that was not added.
        WorkflowError
            A stage reads data that a stage makes for which it does not wait.
        """
        before = dict(self._stages)
        try:
            self._insert(list(stages))
            self._check_parents()
            self.topological_order()
            self._check_data()
        except WorkflowError:
            self._stages = before
            raise
        return self

    def validate(self) -> None:
        """Raise a WorkflowError if the workflow cannot run as it stands."""
        if not self._stages:
            raise WorkflowError(f"workflow {self.name!r} has no stages; call add_stages")
        self._check_parents()
        for stage in self.stages:
            for child in stage.children:
                if self._stages.get(child.stage_id) is not child:
                    raise UnknownStageError(
                        child.stage_id, self.stage_ids, f"stage {stage.stage_id!r} >> …"
                    )
        self.topological_order()
        self._check_data()

    def only(self, stage_ids: Collection[str]) -> "StageGraph":
        """Return the part of the workflow made of these stages alone.

        Raises
        ------
        UnknownStageError
            A parent of one of the stages is not among them.
        """
        part = StageGraph(self.name)
        part.add_stages(stage for stage in self.stages if stage.stage_id in stage_ids)
        return part

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Pairs (parent, child) of stage ids."""
        return [(a.stage_id, b.stage_id) for a in self.stages for b in a.children]

    def topological_order(self) -> list[Stage]:
        """Return the stages by depth, parents before children, ties in order of addition.

        Raises
        ------
        CycleError
        """
        rank = {stage_id: number for number, stage_id in enumerate(self._stages)}
        sorter = TopologicalSorter(
            {
                stage.stage_id: [p.stage_id for p in stage.parents if p.stage_id in self._stages]
                for stage in self.stages
            }
        )
        try:
            sorter.prepare()
        except GraphCycle as error:
            raise CycleError(error.args[1]) from None
        order: list[Stage] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=rank.__getitem__)
            order.extend(self._stages[stage_id] for stage_id in ready)
            sorter.done(*ready)
        return order

    def ancestors(self, stage: Stage) -> set[str]:
        """Return the ids of all stages that come before ``stage``."""
        found: set[str] = set()
        pending = list(stage.parents)
        while pending:
            parent = pending.pop()
            if parent.stage_id not in found:
                found.add(parent.stage_id)
                pending.extend(parent.parents)
        return found

    def producer(self, data: FlexData) -> Stage | None:
        """Return the stage that writes this data, or None for an external input."""
        for stage in self.stages:
            if any(out.data_id == data.data_id for out in stage.outputs):
                return stage
        return None

    @property
    def final_stages(self) -> list[Stage]:
        """The stages that nothing waits for."""
        return [stage for stage in self.stages if not stage.children]

    def _insert(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            if not isinstance(stage, Stage):
                raise WorkflowError(f"a workflow holds stages, not {stage!r}")
            if stage.stage_id in self._stages:
                raise DuplicateStageError(stage.stage_id)
            self._stages[stage.stage_id] = stage

    def _check_parents(self) -> None:
        for stage in self.stages:
            for parent in stage.parents:
                if self._stages.get(parent.stage_id) is not parent:
                    raise UnknownStageError(
                        parent.stage_id, self.stage_ids, f"… >> stage {stage.stage_id!r}"
                    )

    def _check_data(self) -> None:
        makers: dict[str, str] = {}
        places: set[tuple[str | None, str, str]] = set()
        for stage in self.stages:
            for out in stage.outputs:
                if out.data_id in makers:
                    raise WorkflowError(
                        f"stages {makers[out.data_id]!r} and {stage.stage_id!r} both write "
                        f"{out.data_id!r}; give one of them another prefix"
                    )
                makers[out.data_id] = stage.stage_id
                # objects are named by worker and number, so they would overwrite each other
                place = (out.bucket, out.prefix, out.suffix)
                if place in places:
                    raise WorkflowError(
                        f"stage {stage.stage_id!r} writes {out.data_id!r} below {out.prefix!r}, "
                        "where another output goes; give one of them another prefix"
                    )
                places.add(place)
        for stage in self.stages:
            before = self.ancestors(stage)
            for data in stage.inputs:
                maker = makers.get(data.data_id)
                if maker == stage.stage_id:
                    raise WorkflowError(
                        f"stage {maker!r} reads and writes {data.data_id!r}; give its output "
                        "another prefix"
                    )
                if maker is not None and maker not in before:
                    raise WorkflowError(
                        f"stage {stage.stage_id!r} reads {data.data_id!r}, written by {maker!r}, "
                        f"but does not wait for it; add {maker} >> {stage.stage_id}"
                    )
