"""``flexecutor-energy dags``: which workflows the current folder holds, and which can run."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexecutor_energy.cli.checks import extras as known_extras
from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.findings import Finding, say_findings
from flexecutor_energy.cli.tables import table
from flexecutor_energy.cli.workflows import Workflow, find_workflow, list_workflows
from flexecutor_energy.errors import ConfigurationError, FlexecutorEnergyError, MissingExtraError

if TYPE_CHECKING:
    from flexecutor_energy.workflow.graph import StageGraph


@dataclass(frozen=True, slots=True)
class _Listed:
    """One workflow, as far as it could be looked at.

    Attributes
    ----------
    name, summary : of the package, and the first line of its docstring
    data : what it works on, in its own words; "" where it does not say
    extras : extras of this project that it needs, in its own words
    graph : the workflow at its usual size; None if it could not be built
    problems : why it cannot run
    """

    name: str
    summary: str
    data: str = ""
    extras: tuple[str, ...] = ()
    graph: "StageGraph | None" = None
    problems: tuple[Finding, ...] = ()

    def cells(self) -> list[str]:
        """Return the row of a table."""
        stages = "?" if self.graph is None else ", ".join(self.graph.stage_ids)
        extras = ", ".join(self.extras) or "-"
        return [self.name, stages, self.data or "-", extras, "no" if self.problems else "yes"]

    def document(self) -> dict[str, Any]:
        """Return the workflow for machines."""
        stages = None
        if self.graph is not None:
            stages = [
                {
                    "id": stage.stage_id,
                    "parents": [parent.stage_id for parent in stage.parents],
                    "most_workers": stage.max_concurrency,
                }
                for stage in self.graph.stages
            ]
        return {
            "name": self.name,
            "summary": self.summary,
            "data": self.data,
            "extras": list(self.extras),
            "stages": stages,
            "ready": not self.problems,
            "missing": [
                {"what": problem.detail, "remedy": problem.remedy} for problem in self.problems
            ],
        }


@reported
def dags(show: Show) -> None:
    """List the workflows under ./dags: stages, data, extras, and whether each can run here.

    Each package is imported and builds its workflow at the usual size; nothing of it is run.
    """
    found = [_looked_at(name) for name in list_workflows()]
    if found:
        rows = table("workflow", "stages", "data", "extras", "ready")
        for each in found:
            rows.add_row(*each.cells())
        show.say(rows)
        say_findings(show, [problem for each in found for problem in each.problems])
    else:
        show.say("./dags holds no workflow; yours is found as --dag package.module:function")
    show.document({"dags": [each.document() for each in found]})


def _looked_at(name: str) -> _Listed:
    summary = _summary(Path.cwd() / "dags" / name / "__init__.py")
    try:
        workflow = find_workflow(name)
    except FlexecutorEnergyError as error:
        return _Listed(name, summary, problems=(Finding(name, "bad", str(error)),))
    data = getattr(workflow.module, "DATA", "")
    named = getattr(workflow.module, "EXTRAS", ())
    extras = (named,) if isinstance(named, str) else tuple(map(str, named))
    graph, problems = None, _missing(name, extras)
    try:
        graph = _built(workflow)
    except MissingExtraError as error:
        if not problems:
            remedy = f"`pip install 'flexecutor-energy[{error.extra}]'`"
            problems = [Finding(name, "note", f"{error.package} not installed", remedy)]
    except FlexecutorEnergyError as error:
        problems.append(Finding(name, "bad", str(error)))
    return _Listed(name, summary, str(data), extras, graph, tuple(problems))


def _missing(name: str, extras: tuple[str, ...]) -> list[Finding]:
    """Return which of the extras that a workflow names are not installed."""
    lacking = {f.subject: f for f in known_extras() if f.state != "ok" and f.remedy}
    found = [lacking[f"extra {extra}"] for extra in extras if f"extra {extra}" in lacking]
    return [Finding(name, "note", each.detail, f"`{each.remedy}`") for each in found]


def _built(workflow: Workflow) -> "StageGraph":
    """Build a workflow; an error of its own code is told like others of its row."""
    try:
        graph = workflow.build(None, None)
        graph.validate()
    except FlexecutorEnergyError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"could not build dags/{workflow.name}: {type(error).__name__}: {error}"
        ) from error
    return graph


def _summary(path: Path) -> str:
    """Return the first line of a package's docstring, without running the package."""
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return f"(cannot be read: {type(error).__name__})"
    return (docstring or "").partition("\n")[0]
