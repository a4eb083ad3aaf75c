"""MkDocs hook: the command reference, written from the command line itself."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from flexecutor_energy.cli import app

MARK = "<!-- commands -->"
PROGRAM = "flexecutor-energy"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the reference where a page asks for it."""
    if MARK not in markdown:
        return markdown
    return markdown.replace(MARK, reference())


def reference() -> str:
    """Return every command with its arguments, options and examples."""
    return "\n\n".join(_section(path, command) for path, command in commands())


def commands() -> Iterator[tuple[str, Any]]:
    """Return the path and the command of all that do something, in the order of the help."""
    yield from _below(typer.main.get_command(app), "")


def _below(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        inner = f"{path} {name}".strip()
        if hasattr(command, "commands"):
            yield from _below(command, inner)
        else:
            yield inner, command


def _section(path: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    words = " ".join([PROGRAM, path, *(_name(p) for p in arguments), "[OPTIONS]"])
    parts = [f"## {path}", command.help or "", f"```\n{words}\n```"]
    if arguments or options:
        rows = [_row(f"`{_name(p)}`", p.help or "") for p in arguments]
        rows += [_row(_flags(p), _help(p)) for p in options]
        parts.append("| argument or option | |\n|---|---|\n" + "\n".join(rows))
    parts.append("```bash\n" + "\n".join(_examples(command)) + "\n```")
    return "\n\n".join(parts)


def _name(parameter: Any) -> str:
    return str(parameter.metavar or (parameter.name or "").upper())


def _flags(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} `{_name(option)}`"


def _help(option: Any) -> str:
    text = option.help or ""
    default = option.default
    if option.is_flag or default is None or callable(default) or "default" in text:
        return text
    return f"{text} Default: `{default}`."


def _row(name: str, text: str) -> str:
    escaped = text.replace("|", "\\|")  # code keeps its bars
    return f"| {name} | {escaped} |"


def _examples(command: Any) -> list[str]:
    text = (command.epilog or "").removeprefix("Example: ")
    return [f"{PROGRAM} {part.strip()}" for part in re.split(rf"{PROGRAM} ", text) if part.strip()]
