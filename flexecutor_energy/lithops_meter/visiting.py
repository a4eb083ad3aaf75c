"""What a call tells of a host that is not the driver's: its processor and its energy counters."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from flexecutor_energy.energy.choice import MeterChoice
from flexecutor_energy.energy.sampler import HostSampler
from flexecutor_energy.hardware.detect import detect_host, machine_key
from flexecutor_energy.lithops_meter.account import sample_to_dict


def described() -> tuple[dict[str, Any], str]:
    """Return the facts of this host without the ids of the machine, and its key.

    Travels by value, as ``detect_host`` does.
    """
    facts = detect_host()
    return asdict(replace(facts, boot_id=None, machine_id=None)), machine_key(facts)


def watch(
    method: str, root: str | None, perf_command: tuple[str, ...]
) -> tuple[Callable[[], list[dict[str, Any]]], list[tuple[str, str]]]:
    """Read the counters of this host now; needs this package in the runtime.

    Returns
    -------
    tuple
        What reads them once more and returns all samples, and the methods that were refused.
    """
    choice = MeterChoice(method, root, perf_command)
    counters = choice.open()
    sampler = HostSampler(counters.collectors, root=choice.system_root)
    sampler.sample()

    def finish() -> list[dict[str, Any]]:
        sampler.settle()
        sampler.close()
        return [sample_to_dict(sample) for sample in sampler.samples]

    return finish, list(counters.refused)
