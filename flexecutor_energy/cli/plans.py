"""Plans as files: the newest of a workflow, or one that the user names."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexecutor_energy.cli.tables import percent
from flexecutor_energy.errors import ConfigurationError, StorageError
from flexecutor_energy.workspace import Workspace, write_atomically

if TYPE_CHECKING:
    from flexecutor_energy.optimization.plan import Plan


def plan_path(workspace: Workspace, dag: str) -> Path:
    """Return where the newest plan of a workflow is kept."""
    return workspace.runs(dag) / "plan.json"


def save_plan(workspace: Workspace, plan: "Plan") -> Path:
    """Keep a plan as the newest of its workflow, and return its file."""
    path = plan_path(workspace, plan.dag)
    save_text(path, plan.to_json())
    return path


def save_text(path: Path, text: str) -> None:
    """Write a file that the user asked for."""
    write_atomically(path, text if text.endswith("\n") else text + "\n")


def read_plan(path: Path) -> "Plan":
    """Return the plan in a file.

    Raises
    ------
    ConfigurationError
        There is no such file.
    PlanFormatError
        It holds no plan.
    """
    from flexecutor_energy.optimization.plan import Plan

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no plan {path}; make one with: flexecutor-energy optimize --out {path}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"could not read the plan {path}: {error}") from error
    return Plan.from_json(text)


def stored_plan(workspace: Workspace, dag: str, command: str) -> "Plan":
    """Return the newest plan of a workflow.

    Raises
    ------
    ConfigurationError
        None was made yet; the message names the command that makes one.
    """
    path = plan_path(workspace, dag)
    if not path.exists():
        raise ConfigurationError(
            f"there is no plan of {dag!r} yet; run: {command}, give one with --plan, or give a "
            "configuration with --cpu and --workers"
        )
    return read_plan(path)


def plan_document(plan: "Plan") -> dict[str, Any]:
    """Return a plan for machines: the content of its file."""
    document: dict[str, Any] = json.loads(plan.to_json())
    return document


def certificate_line(plan: "Plan") -> str:
    """Return what is proven about a plan, in one line."""
    certificate = plan.certificate
    if certificate.kind == "optimal":
        return f"optimal for predicted {certificate.objective_name}, with a proof"
    return (
        f"predicted {certificate.objective_name} is within {percent(certificate.gap, 2)} of its "
        "lower bound"
    )
