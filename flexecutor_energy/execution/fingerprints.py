"""Hashes that tell whether a profile still describes today's code and input."""

import hashlib
from collections.abc import Mapping

from flexecutor_energy.execution.code_hash import code_hash
from flexecutor_energy.execution.inputs import InputResolver
from flexecutor_energy.workflow.graph import StageGraph


def code_hashes(graph: StageGraph) -> dict[str, str]:
    """Return the hash of each stage's code and parameters."""
    return {stage.stage_id: code_hash(stage) for stage in graph.stages}


def stage_hashes(graph: StageGraph, resolver: InputResolver) -> dict[str, dict[str, str]]:
    """Return ``code_hash`` and ``input_hash`` of each stage.

    What a stage reads is decided by the external inputs of it and of all stages before it, and
    by their code; the input hash covers these.
    """
    codes = code_hashes(graph)
    made = {data.data_id for stage in graph.stages for data in stage.outputs}
    external = {s.stage_id: resolver.fingerprint(s, made) for s in graph.stages}
    return {
        stage.stage_id: {
            "code_hash": codes[stage.stage_id],
            "input_hash": _digest(external, codes, stage.stage_id, graph.ancestors(stage)),
        }
        for stage in graph.stages
    }


def _digest(
    external: Mapping[str, str], codes: Mapping[str, str], own: str, ancestors: set[str]
) -> str:
    digest = hashlib.sha256(external[own].encode())
    for stage_id in sorted(ancestors):
        digest.update(f"{stage_id}\0{external[stage_id]}\0{codes[stage_id]}\n".encode())
    return digest.hexdigest()[:16]
