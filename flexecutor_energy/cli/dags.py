"""``flexecutor-energy dags``: which workflows the current folder holds."""

import ast
from pathlib import Path

from flexecutor_energy.cli.console import Show
from flexecutor_energy.cli.failures import reported
from flexecutor_energy.cli.tables import table
from flexecutor_energy.cli.workflows import list_workflows


@reported
def dags(show: Show) -> None:
    """List the workflows under ./dags."""
    found = {
        name: _summary(Path.cwd() / "dags" / name / "__init__.py") for name in list_workflows()
    }
    rows = table("workflow", "what it does")
    for name, summary in found.items():
        rows.add_row(name, summary)
    if found:
        show.say(rows)
    else:
        show.say("./dags holds no workflow; yours is found as --dag package.module:function")
    show.document({"dags": [{"name": name, "summary": text} for name, text in found.items()]})


def _summary(path: Path) -> str:
    """Return the first line of a package's docstring, without running the package."""
    try:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        return f"(cannot be read: {type(error).__name__})"
    return (docstring or "").partition("\n")[0]
