"""The benchmark of robustness: real servers that the claim is held against."""

import statistics

import pytest

from benchmarks import robustness as benchmark
from tests.unit.power_plans import POWER


def test_real_servers_are_worlds_of_their_own_shape_at_the_models_scale() -> None:
    worlds = benchmark.real_worlds(POWER)
    assert len(worlds) == 2 * len(benchmark.REAL_W)
    for world in worlds:
        assert world.watts[-1] == pytest.approx(POWER.full_w)
        assert len(world.watts) == len(world.loads) == 11
        assert list(world.watts) == sorted(world.watts)
    assert {world.memory_w_gb for world in worlds} == {0.0, 0.392}


@pytest.mark.slow
def test_plans_hold_on_real_servers_about_as_often_as_they_say() -> None:
    rows = list(benchmark.reference_plans())
    assert {row.scope for row in rows} == {"marginal", "provisioned", "host"}
    misses = [abs((r.claimed.best_share or 0) - (r.real.best_share or 0)) for r in rows]
    assert statistics.fmean(misses) < 0.2
    for row in rows:
        assert row.real.worst_regret is not None and row.claimed.worst_regret is not None
        assert row.real.worst_regret <= row.claimed.worst_regret + 0.02
