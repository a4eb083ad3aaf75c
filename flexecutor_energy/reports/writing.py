"""Writing a report: one page, and its numbers beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flexecutor_energy.errors import ConfigurationError
from flexecutor_energy.optimization.plan import Plan
from flexecutor_energy.reports.contents import Contents, Sources, contents_of
from flexecutor_energy.reports.document import to_csv, to_json
from flexecutor_energy.reports.page import render
from flexecutor_energy.workspace import write_atomically

if TYPE_CHECKING:
    from flexecutor_energy.dag import DAG


def write_report(
    dag: "DAG", plan: Plan, path: Path | str, *, points: int = 15, time_limit_s: float = 10.0
) -> tuple[Path, ...]:
    """Write the report of a plan: one HTML file that needs no network, with JSON and CSV.

    Parameters
    ----------
    dag : the workflow, whose workspace holds profiles, predictors and past runs
    plan : the plan
    path : the page, such as ``report.html``; ``report.json`` and ``report-….csv`` go beside it
    points : how many points each front should have
    time_limit_s : seconds for the solver: for the fronts, and for the plans to compare with

    Returns
    -------
    The files, the page first.

    Raises
    ------
    ConfigurationError
        The path does not end in ``.html``.
    MissingExtraError
        Jinja2, of the extra ``reports``, is not installed.
    StorageError
        A file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ConfigurationError(f"a report is a page: {path.name!r} must end in .html")
    sources = Sources.of(dag, plan)
    return save(contents_of(sources, points=points, time_limit_s=time_limit_s), path)


def save(contents: Contents, path: Path) -> tuple[Path, ...]:
    """Write the files of a report; see ``write_report``."""
    beside: Mapping[str, str] = {
        f"{path.stem}.json": to_json(contents),
        **{f"{path.stem}-{name}.csv": text for name, text in to_csv(contents).items()},
    }
    page = render(contents, list(beside))
    write_atomically(path, page)
    for name, text in beside.items():
        write_atomically(path.with_name(name), text)
    return (path, *(path.with_name(name) for name in beside))
