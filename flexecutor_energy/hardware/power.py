"""From the name of a processor, or the facts of a host, to a power curve."""

import functools
import logging
import re
from dataclasses import replace

from flexecutor_energy.energy.curves import coefficient_curve, default_curve, tdp_curve
from flexecutor_energy.energy.power import PowerCurve
from flexecutor_energy.hardware.catalogue import Catalogue
from flexecutor_energy.hardware.detect import HostFacts
from flexecutor_energy.hardware.lookup import current_catalogue
from flexecutor_energy.hardware.names import normalise, stated_cores
from flexecutor_energy.hardware.records import CpuRecord, InstanceRecord

_LOG = logging.getLogger(__name__)

_SERVER_EPYC = re.compile(r"amd epyc [4789]")
"""Not the embedded 3000 line, which holds parts with one thread a core."""

_EC2 = re.compile(r"Amazon EC2 (?P<type>[a-z][\w-]*\.[\w-]+)")
"""Vendor and product of a virtual machine at AWS (Nitro), as its firmware tells them."""


def power_curve(name: str | None, *, catalogue: Catalogue | None = None) -> PowerCurve:
    """Return the power curve of one package of a processor.

    A published TDP gives a package curve. A part without one, but with coefficients of its
    micro-architecture, gives a wall curve of all its threads. A processor that the catalogue does
    not know gives the default of **one thread**, with ``known`` False, the widest band and a
    warning in the log; scale it with ``for_threads``.

    Parameters
    ----------
    name : model name as the host reports it; None if it reports none
    catalogue : where to look; None takes ``current_catalogue()``
    """
    shown = name or "processor without a name"
    catalogue = catalogue or current_catalogue()
    record = catalogue.find(name) if name else None
    if record is None:
        _LOG.warning("%s is not in the hardware catalogue: an average server is assumed", shown)
        return default_curve(shown)
    threads = record.threads or _stated_threads(shown)
    if record.tdp_w is not None:
        return tdp_curve(shown, record.tdp_w, threads=threads, source=record.source)
    coefficients = catalogue.coefficients(record.family)
    if coefficients is None:
        _LOG.warning(
            "no TDP of %s is known (%s): an average server is assumed", shown, _why(record)
        )
        return default_curve(shown)
    return coefficient_curve(
        shown,
        min_w=coefficients.min_w,
        max_w=coefficients.max_w,
        threads=threads,
        measured=coefficients.measured,
        source=f"{record.family}, {coefficients.citation}",
    )


def host_power_curve(facts: HostFacts, *, catalogue: Catalogue | None = None) -> PowerCurve:
    """Return the power curve of all that a host sees of its processors.

    A bare machine has its packages whole. A rented one whose type the catalogue knows has the
    share ``vcpu / platform_vcpu`` of the packages of its platform, also where some of its CPUs
    were switched off. Any other virtual machine has the share of a package that its threads are;
    where nobody knows how many threads the package has, no share can be told, and the default
    per thread is used, with ``known`` False and the reason in ``source``.

    Parameters
    ----------
    facts : the host, from ``detect_host``
    catalogue : where to look; None takes ``current_catalogue()``
    """
    catalogue = catalogue or current_catalogue()
    instance = _instance(facts, catalogue)
    named = facts.cpu_name or (instance.cpu if instance else None)
    curve = power_curve(named, catalogue=catalogue)
    visible = facts.logical_cpus
    if curve.kind == "tdp" and facts.virtualised is False:
        return _with_threads(curve.scaled(facts.sockets or 1), visible)
    rented = _rented(curve, instance, visible) if instance is not None else None
    if rented is not None:
        return rented
    return _by_threads(curve, visible or (instance.vcpu if instance is not None else None))


@functools.cache
def remembered_host_curve(facts: HostFacts) -> PowerCurve:
    """Return ``host_power_curve``, looked up once: an unknown processor is warned of once."""
    return host_power_curve(facts)


def _instance(facts: HostFacts, catalogue: Catalogue) -> InstanceRecord | None:
    """Return what is known of the machine type of an EC2 host."""
    found = _EC2.fullmatch(facts.product or "")
    return catalogue.instance(found["type"], provider="aws") if found else None


def _rented(curve: PowerCurve, instance: InstanceRecord, visible: int | None) -> PowerCurve | None:
    """Return the share of its platform's packages that a machine type is; None if not known.

    A platform with another processor than the one found tells nothing about this one, and where
    the curve is one of threads, the threads are counted.
    """
    other_cpu = instance.cpu is not None and normalise(instance.cpu) != normalise(curve.cpu)
    if other_cpu or curve.kind != "tdp":
        return None
    vcpu, platform, sockets = instance.vcpu, instance.platform_vcpu, instance.sockets
    if vcpu is None or platform is None or sockets is None:
        return None
    share = replace(curve.scaled(sockets * vcpu / platform), threads=float(visible or vcpu))
    packages = "package" if sockets == 1 else f"{sockets} packages"
    what = f"{instance.type}: {vcpu} of {platform} vCPU on {packages}"
    return replace(share, source=f"{share.source}; {what} ({instance.platform_source})")


def _by_threads(curve: PowerCurve, visible: int | None) -> PowerCurve:
    """Return the share of a curve that some of its threads are, the default if nobody knows."""
    if visible is None:
        _LOG.warning("%s: the number of CPUs is not known, one thread is assumed", curve.cpu)
        visible = 1
    if curve.threads is not None:
        whole = f" of {curve.threads:g}" if curve.known else ""
        share = curve.for_threads(visible)
        return replace(share, source=f"{share.source}; {visible}{whole} threads")
    _LOG.warning("%s: its thread count is not known, so a share of it is not either", curve.cpu)
    default = default_curve(curve.cpu, visible)
    why = f"TDP known, but not how many threads share it ({curve.source})"
    return replace(default, source=f"{default.source}; {why}")


def _with_threads(curve: PowerCurve, threads: int | None) -> PowerCurve:
    return curve if threads is None else replace(curve, threads=float(threads))


def _stated_threads(name: str) -> int | None:
    """Return the threads of an EPYC that states its cores: the server lines run two a core."""
    cores = stated_cores(name)
    return 2 * cores if cores is not None and _SERVER_EPYC.match(normalise(name)) else None


def _why(record: CpuRecord) -> str:
    return {"conflicting": "its sources disagree"}.get(record.confidence, record.source)
