from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flexecutor_energy.errors import ProfileFormatError
from flexecutor_energy.records.format import from_text, to_text
from flexecutor_energy.records.run import FailedRun, Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig

NUMBERS = st.none() | st.floats(0, 1e12, allow_nan=False)
COUNTS = st.none() | st.integers(0, 2**60)
CONFIGS = st.builds(
    StageConfig,
    cpu=st.floats(0.01, 128, allow_nan=False),
    workers=st.integers(1, 5),
    memory=st.integers(0, 10_000),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
META = st.fixed_dictionaries(
    {"run_id": st.text(max_size=8)},
    optional={
        "fan_in": st.dictionaries(st.text(max_size=4), st.integers(1, 9), max_size=2),
        "requested_workers": st.integers(1, 9),
        "note": JSON,
    },
)
COLUMN_NAMES = st.text("xyz", min_size=1, max_size=3)


@st.composite
def worker(draw: Any, methods: frozenset[str]) -> WorkerRecord:
    seconds = {name: draw(NUMBERS) for name in ("read_s", "write_s", "cold_start_s", "energy_j")}
    return WorkerRecord(
        **seconds,
        compute_s=draw(NUMBERS),
        memory_peak_mb=draw(NUMBERS),
        bytes_read=draw(COUNTS),
        energy_by_method={method: draw(NUMBERS) for method in methods},
    )


@st.composite
def runs(draw: Any, config: StageConfig, columns: frozenset[str]) -> StageRun:
    methods = draw(st.frozensets(st.sampled_from(["rapl", "model", "perf"])))
    workers = tuple(draw(worker(methods)) for _ in range(config.workers))
    extra = {column: draw(JSON) for column in columns}
    return StageRun(config, workers, draw(NUMBERS), draw(META), extra)


@st.composite
def profiles(draw: Any) -> Profile:
    found: list[StageRun] = []
    failures: list[FailedRun] = []
    for config in draw(st.lists(CONFIGS, unique=True, max_size=3)):
        columns = draw(st.frozensets(COLUMN_NAMES, max_size=2))
        found += draw(st.lists(runs(config, columns), max_size=3))
        reasons = draw(st.lists(st.text(max_size=10), max_size=2))
        failures += [FailedRun(config, "r", reason, {"code_hash": "c"}) for reason in reasons]
    return Profile("dag", "stage", tuple(found), tuple(failures))


@given(profile=profiles())
@settings(deadline=None, max_examples=60)
def test_a_profile_survives_its_file(profile: Profile) -> None:
    again = from_text(to_text(profile), "dag", "stage", "p.json")
    assert again.runs == profile.runs
    configs = {failure.config for failure in profile.failures}
    by_config = {config: [f for f in profile.failures if f.config == config] for config in configs}
    assert {c: [f for f in again.failures if f.config == c] for c in by_config} == by_config
    assert len(again.failures) == len(profile.failures)


@given(first=profiles(), second=profiles())
@settings(deadline=None, max_examples=30)
def test_merging_loses_no_run_and_is_idempotent(first: Profile, second: Profile) -> None:
    merged = first.merged(second)
    assert {str(r.run_id) for r in (*first.runs, *second.runs)} == {
        str(r.run_id) for r in merged.runs
    }
    again = from_text(to_text(merged), "dag", "stage", "p.json")
    names = sorted(str(r.run_id) for r in merged.runs)
    assert sorted(str(r.run_id) for r in again.runs) == names
    assert merged.merged(second).runs == merged.runs
    assert len(merged.runs) <= len(first.runs) + len(second.runs)


@given(text=st.text(max_size=60) | JSON.map(str))
@settings(deadline=None, max_examples=60)
def test_any_text_is_a_profile_or_a_clear_error(text: str) -> None:
    try:
        profile = from_text(text, "dag", "stage", "p.json")
    except ProfileFormatError as error:
        assert "p.json" in str(error)
    else:
        assert to_text(profile)
