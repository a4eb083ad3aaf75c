"""What a run costs: units first, since being off by a thousand is the classic fault."""

import pytest

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.pricing import (
    AWS_LAMBDA_ARM,
    AWS_LAMBDA_X86,
    Pricing,
    host_pricing,
    resolve_pricing,
)


def compute_only(pricing: Pricing, worker_seconds: float, memory_mb: float) -> float:
    return pricing.stage_cost(worker_seconds, memory_mb, workers=0)


def test_one_gb_for_one_second_costs_the_listed_price() -> None:
    assert compute_only(AWS_LAMBDA_X86, 1.0, 1024) == pytest.approx(0.0000166667)
    assert compute_only(AWS_LAMBDA_ARM, 1.0, 1024) == pytest.approx(0.0000133334)


@pytest.mark.parametrize(
    ("memory_mb", "usd_per_ms"), [(128, 0.0000000021), (1024, 0.0000000167), (10240, 0.0000001667)]
)
def test_prices_agree_with_the_table_per_millisecond_that_aws_prints(
    memory_mb: int, usd_per_ms: float
) -> None:
    assert round(compute_only(AWS_LAMBDA_X86, 0.001, memory_mb), 10) == usd_per_ms


def test_a_million_invocations_cost_twenty_cents() -> None:
    assert AWS_LAMBDA_X86.stage_cost(0.0, 1024, workers=1_000_000) == pytest.approx(0.20)


def test_object_store_requests_cost_half_a_cent_for_a_thousand_puts() -> None:
    puts = AWS_LAMBDA_X86.stage_cost(0.0, 1024, 0, requests_put=1000)
    gets = AWS_LAMBDA_X86.stage_cost(0.0, 1024, 0, requests_get=1000)
    assert (puts, gets) == (pytest.approx(0.005), pytest.approx(0.0004))


def test_parts_of_the_cost_add_up() -> None:
    total = AWS_LAMBDA_X86.stage_cost(60.0, 2048, workers=4, requests_put=4, requests_get=16)
    assert total == pytest.approx(120 * 0.0000166667 + 4 * 2e-7 + 4 * 5e-6 + 16 * 4e-7)


def test_a_machine_is_charged_for_the_makespan_and_not_for_stages() -> None:
    host = host_pricing(3.6)
    assert host.usd_per_s == pytest.approx(0.001)
    assert host.stage_cost(1000.0, 4096, workers=8) == 0.0


def test_memory_without_a_limit_is_billed_by_cores_and_says_so() -> None:
    assert AWS_LAMBDA_X86.billed_memory_mb(cpu=2, memory_mb=0) == 3538
    assert AWS_LAMBDA_X86.billed_memory_mb(cpu=0.01, memory_mb=0) == 128
    assert "3538 MB" in AWS_LAMBDA_X86.memory_note(cpu=2, memory_mb=0)
    assert "1,769 MB a core" in AWS_LAMBDA_X86.memory_note(cpu=2, memory_mb=0)


def test_a_memory_limit_is_what_is_billed() -> None:
    assert AWS_LAMBDA_X86.billed_memory_mb(cpu=1, memory_mb=2048) == 2048
    assert AWS_LAMBDA_X86.memory_note(cpu=1, memory_mb=2048) == ""


def test_more_cores_than_lambda_gives_with_that_memory_are_pointed_out() -> None:
    note = AWS_LAMBDA_X86.memory_note(cpu=2, memory_mb=512)
    assert "0.29 cores" in note
    assert "not 2" in note


def test_a_cloud_price_on_times_of_another_place_is_hypothetical() -> None:
    assert "hypothetical" in AWS_LAMBDA_X86.hypothetical("localhost")
    assert "hypothetical" in AWS_LAMBDA_X86.hypothetical(None)
    assert "hypothetical" in AWS_LAMBDA_X86.hypothetical("lithops:localhost")
    assert AWS_LAMBDA_X86.hypothetical("aws_lambda") == ""
    assert AWS_LAMBDA_X86.hypothetical("lithops:aws_lambda") == ""
    assert host_pricing(1.0).hypothetical("localhost") == ""


def test_pricing_is_chosen_by_name_or_object() -> None:
    own = Pricing("own", usd_per_gb_s=1e-5)
    assert resolve_pricing(None) is AWS_LAMBDA_X86
    assert resolve_pricing("aws_lambda_arm") is AWS_LAMBDA_ARM
    assert resolve_pricing(own) is own
    assert resolve_pricing("host:0.34").usd_per_hour == 0.34


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="aws_lambda_x86, aws_lambda_arm, host"):
        resolve_pricing("gcp")


@pytest.mark.parametrize("choice", ["host", "host:cheap"])
def test_a_host_needs_its_price(choice: str) -> None:
    with pytest.raises(ConfigurationError, match=r"host:0\.34"):
        resolve_pricing(choice)


def test_a_negative_price_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 0"):
        host_pricing(-1.0)
    with pytest.raises(ConfigurationError, match="usd_per_gb_s"):
        Pricing("odd", usd_per_gb_s=float("nan"))
