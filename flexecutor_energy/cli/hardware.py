"""``flexecutor-energy hardware``: what is known of processors and rented machines."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flexecutor_energy.cli import options as opt
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.tables import table
from flexecutor_energy.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.table import Table

    from flexecutor_energy.energy.power import PowerCurve
    from flexecutor_energy.hardware.catalogue import Catalogue
    from flexecutor_energy.hardware.records import Coefficients, CpuRecord, InstanceRecord

    Row = CpuRecord | InstanceRecord | Coefficients

_SHOWN = 40

app = typer.Typer(
    help="The hardware catalogue behind modelled joules: find, list, import.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    """The tables of the catalogue."""

    CPU = "cpu"
    INSTANCE = "instance"
    COEFFICIENT = "coefficient"


Name = Annotated[
    str | None,
    typer.Argument(
        help="A processor as /proc/cpuinfo names it, or a type of EC2; this host by default.",
        show_default=False,
    ),
]
Part = Annotated[
    str,
    typer.Argument(help="Part of the names to list; everything by default.", show_default=False),
]
WhichTable = Annotated[
    Kind, typer.Option("--kind", help="Processors, machine types, or micro-architectures.")
]
Imported = Annotated[bool, typer.Option("--imported", help="Only rows that were imported.")]
All = Annotated[bool, typer.Option("--all", help=f"Every row, not the first {_SHOWN}.")]
File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="The rows, with their source.")]


@app.command(epilog=opt.example('hardware find "AMD EPYC 7R13 Processor"'))
@reported
def find(show: Show, name: Name = None) -> None:
    """Say what is known of a processor or a machine type, and the power curve that follows."""
    from flexecutor_energy.hardware.detect import detect_host

    catalogue = _catalogue()
    asked = name if name is not None else detect_host().cpu_name
    if not asked:
        raise ConfigurationError("this host does not name its processor; give a name")
    instance = catalogue.instance(asked)
    named = instance.cpu if instance is not None else asked
    record = catalogue.find(named) if named else None
    curve = _curve(named, instance, catalogue) if named and record is not None else None
    if instance is not None:
        _say_instance(show, instance)
    elif record is None:
        show.say(f"{asked}: unknown; no row of the catalogue has this model")
    if record is not None:
        _say_cpu(show, record)
    if curve is not None:
        _say_curve(show, curve)
    document = {"asked": asked, "known": record is not None, "processor": record}
    document |= {"instance": instance, "curve": curve, "catalogue": _place(catalogue)}
    show.document(document)


@app.command(name="list", epilog=opt.example('hardware list "EPYC 7"'))
@reported
def list_(
    show: Show,
    part: Part = "",
    kind: WhichTable = Kind.CPU,
    imported: Imported = False,
    every: All = False,
) -> None:
    """List rows as their sources have them; what nobody says is shown as unknown."""
    catalogue = _catalogue()
    named = _rows(catalogue, kind)
    rows = [
        row
        for name, row in named
        if part.lower() in name.lower() and (row.imported or not imported)
    ]
    shown = rows if every else rows[:_SHOWN]
    if not show.for_machines and shown:
        show.say(_table(shown))
    if len(shown) < len(rows):
        show.note(f"{len(rows) - len(shown)} more rows: give part of a name, or --all")
    show.say(f"{len(rows)} of {len(named)} rows; {_place(catalogue)}")
    show.document({"catalogue": _place(catalogue), "kind": kind.value, "rows": rows})


@app.command(name="import", epilog=opt.example("hardware import my-cpus.csv"))
@reported
def import_(show: Show, file: File) -> None:
    """Import rows of your own, which win over those that are shipped.

    The file is CSV with a line of column names: name, tdp_w, source (and cores, threads, family,
    confidence) of processors; type, vcpu, source (and provider, memory_gb, cpu, platform_vcpu,
    sockets) of machine types; or architecture, min_w, max_w, measured, source, version, date.
    """
    from flexecutor_energy.hardware.lookup import stored_catalogue
    from flexecutor_energy.hardware.tables import read_import

    facts = read_import(file)
    catalogue = stored_catalogue()
    catalogue.add(facts)
    names = [row.name for row in facts.cpus] + [row.type for row in facts.instances]
    names += [row.architecture for row in facts.coefficients]
    show.say(*(f"imported {name}" for name in names))
    show.say(f"rows in {catalogue.place} win over shipped ones from now on")
    show.document({"imported": names, "database": catalogue.place})


def _catalogue() -> "Catalogue":
    """Return the catalogue that lookups use; a database that the settings name is set up."""
    from flexecutor_energy.hardware.lookup import current_catalogue, stored_catalogue
    from flexecutor_energy.settings import Settings

    return stored_catalogue() if Settings().database_url else current_catalogue()


def _place(catalogue: "Catalogue") -> str:
    place = getattr(catalogue, "place", None)
    return f"database {place}" if place else "the rows that come with the program"


def _rows(catalogue: "Catalogue", kind: Kind) -> "list[tuple[str, Row]]":
    """Return the rows of a table with their names."""
    if kind is Kind.CPU:
        return [(row.name, row) for row in catalogue.all()]
    if kind is Kind.INSTANCE:
        return [(row.type, row) for row in catalogue.all_instances()]
    return [(row.architecture, row) for row in catalogue.all_coefficients()]


def _curve(
    cpu: str, instance: "InstanceRecord | None", catalogue: "Catalogue"
) -> "PowerCurve | None":
    """Return the curve of a rented machine, or of one package of a processor."""
    from flexecutor_energy.hardware.detect import HostFacts
    from flexecutor_energy.hardware.power import host_power_curve, power_curve

    if instance is None:
        return power_curve(cpu, catalogue=catalogue)
    if instance.provider != "aws" or instance.vcpu is None:
        return None
    facts = HostFacts(
        cpu_name=cpu,
        logical_cpus=instance.vcpu,
        physical_cores=None,
        sockets=instance.sockets,
        virtualised=".metal" not in instance.type,
        boot_id=None,
        machine_id=None,
        memory_mb=None,
        product=f"Amazon EC2 {instance.type}",
    )
    return host_power_curve(facts, catalogue=catalogue)


def _say_cpu(show: Show, record: "CpuRecord") -> None:
    show.say(
        f"{record.name}{_imported(record.imported)}",
        f"  TDP      {_known(record.tdp_w, ' W')} ({record.source}; {record.confidence})",
        f"  cores    {_known(record.cores)}, threads {_known(record.threads)}"
        f" ({record.topology_source or 'no source'})",
    )
    if record.family is not None:
        show.say(f"  family   {record.family}")


def _say_curve(show: Show, curve: "PowerCurve") -> None:
    low, high = curve.relative_band()
    threads = "" if curve.threads is None else f" for {curve.threads:g} threads"
    show.say(
        f"modelled {curve.boundary} power{threads}",
        f"  idle     {curve.idle_w:.3g} W, busy {curve.max_w:.3g} W; 80 % band at half load"
        f" {low:.2f} to {high:.2f} times",
        f"  from     {curve.source}",
    )


def _say_instance(show: Show, row: "InstanceRecord") -> None:
    show.say(
        f"{row.provider} {row.type}{_imported(row.imported)}",
        f"  rents    {_known(row.vcpu)} vCPU, {_known(row.memory_gb, ' GB')}"
        f" ({row.source}; {row.confidence})",
        f"  host     {row.cpu or 'processor unknown'}, {_known(row.platform_vcpu)} vCPU on"
        f" {_known(row.sockets)} sockets ({row.platform_source}; {row.platform_confidence})",
    )


def _table(rows: "list[Row]") -> "Table":
    from flexecutor_energy.hardware.records import CpuRecord, InstanceRecord

    match rows[0]:
        case CpuRecord():
            result = table("processor", "TDP W>", "cores>", "threads>", "trust", "source")
        case InstanceRecord():
            result = table("type", "vCPU>", "GB>", "of vCPU>", "sockets>", "trust", "processor")
        case _:
            result = table("micro-architecture", "idle W>", "busy W>", "measured", "source")
    for row in rows:
        result.add_row(*_cells(row))
    return result


def _cells(row: "Row") -> list[str]:
    from flexecutor_energy.hardware.records import CpuRecord, InstanceRecord

    origin = _imported(row.imported)
    match row:
        case CpuRecord():
            numbers = (row.tdp_w, row.cores, row.threads)
            return [row.name, *map(_known, numbers), row.confidence, f"{row.source}{origin}"]
        case InstanceRecord():
            rented = (_known(row.vcpu), _known(row.memory_gb))
            host = (_known(row.platform_vcpu), _known(row.sockets), row.platform_confidence)
            return [row.type, *rented, *host, f"{row.cpu or 'unknown'}{origin}"]
        case _:
            watts = (_known(row.min_w), _known(row.max_w))
            measured = "yes" if row.measured else "no"
            return [row.architecture, *watts, measured, f"{row.citation}{origin}"]


def _imported(imported: bool) -> str:
    return " (imported)" if imported else ""


def _known(value: float | None, unit: str = "") -> str:
    return "unknown" if value is None else f"{value:g}{unit}"
