"""The video workflow, its inputs, its answer, and the same computation in one process."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from dags.answers import FinishedRun
from dags.inputs import InputSet, upload_once
from dags.sizes import Size, resolve
from dags.video import stages
from dags.video.clips import (
    CLIPS,
    PRESETS,
    Knobs,
    clip_files,
    face_network,
    pieces,
    require_packages,
)
from dags.video.reference import found_alone, in_order
from flexecutor_energy import DAG, ConfigSpace, FlexData, ReadStrategy, Stage, StageConfig

_INPUTS = InputSet("video", "v1")  # the same for all sizes

_DETECTING = ConfigSpace(cpu=[1, 2], memory=[1024], workers=[1, 2, 4])
SPACE = ConfigSpace(
    cpu=[1, 2],
    memory=[512],
    workers=[1, 2, 4],
    stages={"detect": ConfigSpace.of([*_DETECTING, StageConfig(1, workers=1, memory=256)])},
)
"""What to profile. Finding faces in the large clip takes more than 256 MB, at which ``detect``
fails: plans have to avoid it."""


def build(size: Size = "small", workspace: Path | str | None = None) -> DAG:
    """Return the workflow split → choose → sharpen → detect.

    Raises
    ------
    MissingExtraError
        OpenCV or the package that brings the clips is not installed.
    """
    knobs = resolve(size, PRESETS)
    require_packages()
    split, choose, sharpen, detect = _stages(knobs)
    split >> choose >> sharpen >> detect
    dag = DAG("video", workspace=workspace)
    dag.add_stages([split, choose, sharpen, detect])
    return dag


def prepare(
    size: Size = "small", workspace: Path | str | None = None, storage: Any = None
) -> None:
    """Upload the clips and the network that finds faces, unless they are there already.

    Raises
    ------
    DownloadError
        The network is not in the workspace and could not be fetched.
    """
    resolve(size, PRESETS)
    network = face_network(workspace)  # in any case, as the oracle needs it too
    upload_once(_INPUTS, lambda: _objects(network), workspace=workspace, storage=storage)


def answer(run: FinishedRun) -> dict[str, Any]:
    """Return the boxes of faces and people in each key frame."""
    return in_order([entry for text in run.read("detect") for entry in json.loads(text)])


def native(size: Size = "small", workspace: Path | str | None = None) -> dict[str, Any]:
    """Return the answer, computed in this process alone, on one thread."""
    return found_alone(resolve(size, PRESETS), workspace)


def _stages(knobs: Knobs) -> tuple[Stage, Stage, Stage, Stage]:
    everyone = ReadStrategy.BROADCAST
    clips = FlexData(_INPUTS.prefix("clips"), custom_data_id="clips", read_strategy=everyone)
    network = FlexData(_INPUTS.prefix("network"), custom_data_id="network", read_strategy=everyone)
    scenes = FlexData("video/scenes", suffix=".npz")
    keys = FlexData("video/keys", suffix=".npz")
    sharp = FlexData("video/sharp", suffix=".npz")
    found = FlexData("video/found", suffix=".json")
    cuts = [dataclasses.astuple(piece) for piece in pieces(knobs)]
    most = len(cuts)
    return (
        Stage("split", stages.split, [clips], [scenes], {"clips": list(CLIPS), "pieces": cuts},
              max_concurrency=most),
        Stage("choose", stages.choose, [scenes], [keys], {"keys": knobs.keys},
              max_concurrency=most),
        Stage("sharpen", stages.sharpen, [keys], [sharp], max_concurrency=most),
        Stage("detect", stages.detect, [sharp, network], [found], max_concurrency=most),
    )  # fmt: skip


def _objects(network: bytes) -> dict[str, bytes]:
    clips = {f"clips/{name}.mp4": file.read_bytes() for name, file in clip_files().items()}
    return {**clips, "network/centerface.onnx": network}
