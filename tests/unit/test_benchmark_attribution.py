"""The simulated hosts of the attribution benchmark, and what it compares on them."""

import numpy as np
import pytest

from benchmarks import attribution as benchmark
from benchmarks.simulated_hosts import CURVES, STEP_S, SimulatedHost, simulate
from flexecutor_energy.energy import attribute


def host(family: str, seed: int) -> SimulatedHost:
    return simulate(family, np.random.default_rng(seed), steps=60)


@pytest.mark.parametrize("family", CURVES)
@pytest.mark.parametrize("seed", range(5))
def test_a_simulated_host_is_one_that_could_be(family: str, seed: int) -> None:
    simulated = host(family, seed)
    assert 2 <= len(simulated.cores) <= 8
    assert simulated.utilisation.max() <= 1 + 1e-9
    assert simulated.rates.min() >= 0
    assert np.all(simulated.rates[~simulated.alive] == 0)
    assert np.all(simulated.rates <= np.array(simulated.cores)[:, None])
    assert 0 <= simulated.foreign_share <= 0.55
    assert np.all(np.diff(simulated.curve.watts) > 0)


@pytest.mark.parametrize("seed", range(5))
def test_a_concave_curve_never_bends_upwards(seed: int) -> None:
    curve = host("specpower concave", seed).curve
    slopes = np.diff(curve.watts) / np.diff(curve.loads)
    assert np.all(np.diff(slopes) < 0)


@pytest.mark.parametrize("family", CURVES)
def test_what_was_recorded_is_what_happened(family: str) -> None:
    simulated = host(family, 3)
    trace = simulated.host_trace()
    drawn = simulated.power_w.sum() * STEP_S
    assert (trace.energy_uj["package-0"][-1] or 0) / 1e6 == pytest.approx(drawn, abs=1e-3)
    for at_samples in (False, True):
        crew = simulated.worker_traces(at_samples=at_samples)
        used = sum(each.cpu_s[-1] for each in crew) + simulated.foreign.sum() * STEP_S
        assert trace.busy_s[-1] == pytest.approx(used, abs=0.011)


@pytest.mark.parametrize("foreign_plays", [False, True])
@pytest.mark.parametrize("family", CURVES)
def test_shapley_energies_are_all_that_the_workers_add(family: str, foreign_plays: bool) -> None:
    simulated = host(family, 4)
    dynamic, total = benchmark.shapley_energy(simulated, foreign_plays=foreign_plays)
    alone = simulated.curve(simulated.foreign / simulated.threads)
    added = (simulated.power_w - alone).sum() * STEP_S
    if foreign_plays:
        assert dynamic.sum() < (simulated.power_w - simulated.idle_w).sum() * STEP_S + 1e-6
    else:
        assert dynamic.sum() == pytest.approx(added)
    idle = simulated.idle_w * simulated.alive.any(axis=0).sum() * STEP_S
    assert (total - dynamic).sum() == pytest.approx(idle)
    assert dynamic.min() > 0


def test_on_a_straight_line_the_value_is_watts_times_cpu_time_and_attribute_finds_it() -> None:
    simulated = host("coefficients", 5)
    watts = (simulated.curve.watts[-1] - simulated.idle_w) / simulated.threads
    expected = simulated.rates.sum(axis=1) * STEP_S * watts
    assert benchmark.shapley_energy(simulated)[0] == pytest.approx(expected)
    found, _ = benchmark.attributed(simulated, simulated.idle_w, at_samples=True)
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("at_samples", [False, True])
def test_the_foreign_share_of_cpu_time_is_found_however_rarely_workers_are_read(
    at_samples: bool,
) -> None:
    for simulated in benchmark.simulated(24, seed=2):
        crew = simulated.worker_traces(at_samples=at_samples)
        shares = attribute(simulated.host_trace(), crew, "none", simulated.idle_w)
        assert shares.foreign_share == pytest.approx(simulated.foreign_share, abs=0.01)


def test_the_errors_of_attribute_are_below_those_of_the_other_methods() -> None:
    measured = [benchmark.errors_of(each) for each in benchmark.simulated(20, seed=1)]
    for kind in ("dynamic", "total", "with_foreign"):
        median = {
            method: np.median(benchmark.pooled(measured, kind, method))
            for method in benchmark.METHODS
        }
        assert median[benchmark.SAMPLES] < median[benchmark.PHASES]
        assert median[benchmark.PHASES] < 0.1 < min(median["equal split"], 0.2)
        assert median[benchmark.PHASES] < median["CPU share of all"]


def test_the_table_tells_seed_and_targets(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--hosts", "8", "--seed", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("8 hosts, ")
    assert "seed 3" in lines[0]
    assert sum("target" in line for line in lines) == 8
