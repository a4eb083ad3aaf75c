"""What profiles show of the power model behind their joules, and of what they cost."""

from typing import Any

import pytest

from flexecutor_energy.energy.power import MEASURED_ENDS
from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.records.power_facts import (
    PowerFacts,
    host_cores,
    power_facts,
    profiling_spent,
)
from flexecutor_energy.records.run import Profile, StageRun, WorkerRecord
from flexecutor_energy.workflow.config import StageConfig
from tests.unit.prediction_profiles import reference

META = {
    "method": "model",
    "hosts": [{"id": "a", "cores": 4}],
    "idle_power_w": 8.0,
    "energy_source": "EPYC: 0.74–3.5 W per thread",
}


def run(
    cpu_s: float = 1.0,
    rate_w: float = 3.0,
    lasts_s: float = 2.0,
    run_id: str = "r",
    **meta: object,
) -> StageRun:
    """One worker that reserves one core: 0.5 s to start, and the rest for its function."""
    record = WorkerRecord(
        compute_s=lasts_s - 0.5,
        cold_start_s=0.5,
        energy_j=cpu_s * rate_w + 2.0 * (lasts_s - 0.5),
        energy_dynamic_j=cpu_s * rate_w,
        energy_idle_j=2.0 * (lasts_s - 0.5),
        energy_startup_j=4.0,
        cpu_time_s=cpu_s,
    )
    own = {**META, "run_id": run_id, **meta}
    return StageRun(StageConfig(1, 1), (record,), lasts_s, own)


def profile(*runs: StageRun, stage: str = "s") -> Profile:
    return Profile("d", stage, runs)


def test_watts_of_a_core_are_read_back_from_a_profile() -> None:
    facts = power_facts({"s": profile(run(), run(cpu_s=0.5))})
    # starting takes 4 J: 0.5 s × 2 W of them idle
    assert facts == PowerFacts("modelled", 2.0, 3.0, 0.0, 4.0, {"s": 0.25})
    assert facts is not None
    assert facts.full_w == 5.0
    assert facts.dynamic_w(0.5) == 1.5


def test_a_concave_curve_is_seen_in_joules_per_cpu_second() -> None:
    # a run of 2 s on 4 cores, with start-up: the load is (cpu + 3 J / rate) / 8
    runs = []
    for cpu_s in (1.0, 3.0, 5.0):
        load = 0.5
        for _ in range(100):  # rate and load agree
            load = (cpu_s + 3.0 / (4.0 - 2.0 * load)) / 8.0
        runs.append(run(cpu_s, 4.0 - 2.0 * load))
    facts = power_facts({"s": profile(*runs)})
    assert facts is not None
    assert (facts.rate_w, facts.bend_w) == pytest.approx((4.0, -2.0))
    assert facts.dynamic_w(0.5) == pytest.approx(1.5)


def test_counters_need_no_power_model() -> None:
    facts = power_facts({"s": profile(run(method="rapl"))})
    assert facts is not None
    assert facts.origin == "measured"


def test_measured_ends_are_told_from_published_ones() -> None:
    source = f"ends measured: 10–50 W, {MEASURED_ENDS}; band ±15.9%"
    facts = power_facts({"s": profile(run(energy_source=source))})
    assert facts is not None
    assert facts.origin == "calibrated"


@pytest.mark.parametrize(
    "meta", [{"method": None}, {"hosts": []}, {"idle_power_w": None}, {"hosts": [{"id": "a"}]}]
)
def test_profiles_that_say_too_little_show_no_model(meta: dict[str, Any]) -> None:
    assert power_facts({"s": profile(run(**meta))}) is None


def test_the_reference_profile_shows_the_curve_it_was_made_with() -> None:
    facts = power_facts(reference("ml_2core_vm"))
    assert facts is not None
    assert (facts.idle_w, facts.cores) == pytest.approx((0.74, 2.0))
    assert facts.rate_w == pytest.approx(3.5 - 0.74, rel=0.02)
    assert facts.bend_w == 0.0
    assert power_facts(reference("jolteon_ml")) is None


def test_what_profiling_took_counts_each_run_once() -> None:
    one = profile(run(run_id="a", finished_s=3.0), run(run_id="b", finished_s=4.0))
    two = profile(run(run_id="a", finished_s=6.0), stage="t")
    spent = profiling_spent([one, two])
    assert (spent.runs, spent.seconds) == (2, 10.0)
    assert spent.joules == pytest.approx(3 * (3.0 + 3.0 + 4.0))
    assert profiling_spent(reference("jolteon_ml").values()).joules is None
    assert profiling_spent([]).joules is None


def test_the_newest_run_says_how_many_cores_its_hosts_have() -> None:
    two_hosts = [{"id": "a", "cores": 4}, {"id": "b", "cores": 8}]
    old, new = run(time="2026-01-01"), run(time="2026-02-01", hosts=two_hosts)
    assert host_cores({"s": profile(new, old)}) == 12.0
    with pytest.raises(ConfigurationError, match="give capacity as a number"):
        host_cores({"s": profile(run(hosts=[]))})
