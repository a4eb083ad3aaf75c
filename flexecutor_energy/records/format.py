"""The profile file: Flexecutor's JSON shape, with more columns.

Top level ``"(cpu, memory, workers)"`` → columns; each column is a list of repetitions, each a
list over workers. ``makespan`` and ``meta`` hold one entry a repetition, ``failed`` one a failure.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flexecutor_energy.errors import ConfigurationError, ProfileFormatError
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

# column in the file → field of WorkerRecord
COLUMNS = {
    "read": "read_s",
    "compute": "compute_s",
    "write": "write_s",
    "cold_start": "cold_start_s",
    "energy": "energy_j",
    "energy_dynamic": "energy_dynamic_j",
    "energy_idle": "energy_idle_j",
    "energy_startup": "energy_startup_j",
    "cpu_time": "cpu_time_s",
    "startup_cpu_time": "startup_cpu_time_s",
    "memory_peak": "memory_peak_mb",
    "bytes_read": "bytes_read",
    "bytes_written": "bytes_written",
}
_ONE_A_REPETITION = {"makespan", "meta"}
_PHASES = ("read", "compute", "write", "cold_start")


def to_text(profile: Profile) -> str:
    """Return the content of the profile's file."""
    table: dict[str, dict[str, Any]] = {}
    for run in profile.runs:
        entry = table.setdefault(str(run.config.key), {})
        _append(entry, run)
    for failure in profile.failures:
        entry = table.setdefault(str(failure.config.key), {})
        entry.setdefault("failed", []).append(
            {"run_id": failure.run_id, "reason": failure.reason, **failure.meta}
        )
    # our own numbers are finite; columns of other programs may hold what Python calls NaN
    return json.dumps(table, indent=1) + "\n"


def _append(entry: dict[str, Any], run: StageRun) -> None:
    before = len(entry.get("meta", []))
    for column, name in COLUMNS.items():
        values = [getattr(worker, name) for worker in run.workers]
        entry.setdefault(column, []).append(values)
    methods = {m for worker in run.workers for m in worker.energy_by_method}
    by_method = entry.setdefault("energy_by_method", {})
    for method in sorted(methods | set(by_method)):
        column = by_method.setdefault(method, [None] * before)
        row = [worker.energy_by_method.get(method) for worker in run.workers]
        column.append(row if method in methods else None)
    entry.setdefault("makespan", []).append(run.makespan_s)
    entry.setdefault("meta", []).append(dict(run.meta))
    for column in dict.fromkeys([*(c for c in entry if c not in _KNOWN), *run.extra]):
        entry.setdefault(column, [None] * before).append(run.extra.get(column))


_KNOWN = {*COLUMNS, *_ONE_A_REPETITION, "energy_by_method", "failed"}


def from_text(text: str, dag: str, stage: str, path: Path | str) -> Profile:
    """Return the profile that a file holds.

    Raises
    ------
    ProfileFormatError
        The text is not JSON, or not a profile; names the file and the line.
    """
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise ProfileFormatError(path, f"not valid JSON: {error.msg}", error.lineno) from error
    except (RecursionError, ValueError) as error:  # nested too deep, or a number too long
        raise ProfileFormatError(path, f"not valid JSON: {error}") from error
    if not isinstance(table, dict):
        raise ProfileFormatError(path, "not a profile: the top level must be an object", 1)
    runs: list[StageRun] = []
    failures: list[FailedRun] = []
    for key, entry in table.items():
        reader = _EntryReader(text, path, key)
        config = reader.config()
        if not isinstance(entry, dict):
            raise reader.error("holds no columns")
        runs.extend(reader.runs(config, entry))
        failures.extend(reader.failures(config, entry))
    return Profile(dag, stage, tuple(runs), tuple(failures))


class _EntryReader:
    """Reads what is stored under one configuration, and says where it is wrong."""

    def __init__(self, text: str, path: Path | str, key: str) -> None:
        self._text = text
        self._path = path
        self._key = key

    def error(self, problem: str) -> ProfileFormatError:
        offset = max(self._text.find(json.dumps(self._key)), 0)
        line = self._text.count("\n", 0, offset) + 1
        return ProfileFormatError(self._path, f"{self._key}: {problem}", line)

    def config(self) -> StageConfig:
        parts = self._key.strip().removeprefix("(").removesuffix(")").split(",")
        try:
            numbers = [float(part) for part in parts]
            if len(numbers) != 3:
                raise ValueError(self._key)
            return StageConfig.from_key(numbers)
        except (ValueError, ConfigurationError) as error:
            raise self.error("a key must read '(cpu, memory, workers)'") from error

    def runs(self, config: StageConfig, entry: Mapping[str, Any]) -> list[StageRun]:
        phases = {c: entry[c] for c in _PHASES if c in entry}
        if not phases and "failed" in entry:
            return []
        if "compute" not in phases:
            raise self.error("has no 'compute' column, so it is not a stage profile")
        count = len(self._column("compute", entry["compute"]))
        for column, values in self._columns(entry):
            if len(self._column(column, values)) != count:
                raise self.error(
                    f"column {column!r} has {len(values)} repetitions, 'compute' {count}"
                )
        return [self._run(config, entry, index) for index in range(count)]

    def _columns(self, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield every column with one value a repetition, those of other programs too."""
        for column, values in entry.items():
            if column == "energy_by_method":
                if not isinstance(values, dict):
                    raise self.error("'energy_by_method' must map methods to columns")
                yield from values.items()
            elif column != "failed":
                yield column, values

    def _column(self, column: str, values: Any) -> list[Any]:
        if not isinstance(values, list):
            raise self.error(f"column {column!r} must be a list of repetitions")
        return values

    def _run(self, config: StageConfig, entry: Mapping[str, Any], index: int) -> StageRun:
        width = len(self._row("compute", entry["compute"], index) or [])
        columns: dict[str, list[Any]] = {}
        for column, name in COLUMNS.items():
            columns[name] = self._row(column, entry.get(column), index, width) or [None] * width
        methods = self._methods(entry.get("energy_by_method"), index, width)
        workers = tuple(
            WorkerRecord(
                **{name: row[i] for name, row in columns.items()},
                energy_by_method={method: row[i] for method, row in methods.items()},
            )
            for i in range(width)
        )
        meta = _at(entry.get("meta"), index)
        meta = {} if meta is None else meta
        if not isinstance(meta, dict):
            raise self.error(f"repetition {index} of 'meta' must be an object")
        self._check_meta(meta, index)
        extra = {c: _at(v, index) for c, v in entry.items() if c not in _KNOWN}
        makespan = self._number("makespan", _at(entry.get("makespan"), index))
        return StageRun(config, workers, makespan, meta, extra)

    def _check_meta(self, meta: Mapping[str, Any], index: int) -> None:
        fan_in = meta.get("fan_in")
        if fan_in is not None and not isinstance(fan_in, dict):
            raise self.error(f"'fan_in' of repetition {index} must map stages to workers")
        counts = {"requested_cpu": meta.get("requested_cpu"), **(fan_in or {})}
        counts["requested_workers"] = meta.get("requested_workers")
        for name, count in counts.items():
            self._number(name, count)

    def _row(
        self, column: str, values: Any, index: int, width: int | None = None
    ) -> list[Any] | None:
        row = _at(values, index)
        if row is None:
            return None
        if not isinstance(row, list):
            row = [row]  # a single worker, written without its list
        if width is not None and len(row) != width:
            raise self.error(f"repetition {index} of {column!r} has {len(row)} of {width} workers")
        return [self._number(column, value) for value in row]

    def _methods(self, table: Any, index: int, width: int) -> dict[str, list[Any]]:
        rows = {
            method: self._row(method, values, index, width)
            for method, values in (table or {}).items()
        }
        return {method: row for method, row in rows.items() if row is not None}

    def _number(self, column: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{column!r} holds {value!r}, which is not a number or null")
        if not math.isfinite(value) or value < 0:
            raise self.error(f"{column!r} holds {value!r}; values are finite and not negative")
        return value

    def failures(self, config: StageConfig, entry: Mapping[str, Any]) -> list[FailedRun]:
        failed = entry.get("failed", [])
        if not isinstance(failed, list) or not all(isinstance(item, dict) for item in failed):
            raise self.error("'failed' must be a list of objects")
        return [
            FailedRun(
                config,
                str(item.get("run_id", "")),
                str(item.get("reason", "unknown")),
                {k: v for k, v in item.items() if k not in {"run_id", "reason"}},
            )
            for item in failed
        ]


def _at(values: Sequence[Any] | None, index: int) -> Any:
    return values[index] if values is not None else None
