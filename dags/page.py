"""The page ``docs/workloads.md``: put together from what the packages say of themselves.

``python -m dags.page`` writes it again, with a picture of every workflow.
"""

import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_INTRODUCTION = """
# Workloads

The workflows that ship, on real data where there are such that may be used. Each is a package
under [`dags/`](../dags), and this page is what these packages say of themselves, put together by
`python -m dags.page`. `flexecutor-energy dags` lists them and says which can run here;
`flexecutor-energy loop --dag NAME` takes one round the whole loop.

Every workflow has a **native version**, the same computation by one process without the engine,
and an **oracle**, which a wrong answer fails. Workers, cores and memory change how long a run
takes, never its answer. Inputs are uploaded once, with checksums; after that, and after what is
marked as fetched, nothing is downloaded. Sizes are `small` (two to ten seconds of work), `medium`,
or single knobs: `--size copies=2`. CPU times were measured once, on a shared host with two cores,
and are there for orientation.
"""


LEADS = ("Data", "What it is bound by", "Oracle")
"""How paragraphs begin that every reader looks for."""


def workflows(root: Path) -> list[str]:
    """Return the names of the workflows, in order of the alphabet."""
    return sorted(init.parent.name for init in (root / "dags").glob("*/__init__.py"))


def assembled(root: Path) -> str:
    """Return the page."""
    sections = (_section(name) for name in workflows(root))
    return "\n".join([_INTRODUCTION.lstrip("\n"), *sections])


def write(root: Path) -> None:
    """Write the page, and draw every workflow.

    Raises
    ------
    MissingExtraError
        What draws, or what a workflow needs, is not installed.
    """
    for name in workflows(root):
        dag = importlib.import_module(f"dags.{name}").build("small")
        dag.draw(root / "docs" / "pictures" / f"{name}.svg")
    (root / "docs" / "workloads.md").write_text(assembled(root), encoding="utf-8")


def _section(name: str) -> str:
    package = importlib.import_module(f"dags.{name}")
    title, _, text = inspect.cleandoc(package.__doc__ or "").partition("\n\n")
    extras = ", ".join(f"`{extra}`" for extra in package.EXTRAS) or "none"
    parts = [
        f"## {name}",
        _markdown(title),
        f"![{name}: its stages and what they wait for](pictures/{name}.svg)",
        *(_markdown(paragraph) for paragraph in _paragraphs(text)),
        f"**Extras**: {extras}.",
        "\n".join(_knob_table(name)),
    ]
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring; what is drawn in letters is left to the picture."""
    for paragraph in text.split("\n\n"):
        if not paragraph.startswith("    "):
            yield paragraph


def _markdown(paragraph: str) -> str:
    plain = paragraph.removesuffix("::").rstrip(":") if paragraph.endswith("::") else paragraph
    lines = re.sub("``([^`]*)``", r"`\1`", plain).replace("*", r"\*")
    lead, colon, rest = lines.partition(": ")
    if lead in LEADS:
        lines = f"**{lead}**{colon}{rest}"
    return lines + ("." if paragraph.endswith("::") else "")


def _knob_table(name: str) -> Iterator[str]:
    presets = _presets(importlib.import_module(f"dags.{name}.workflow"))
    meanings = dict(_attributes(type(presets["small"])))
    yield f"| knob | {' | '.join(f'`{size}`' for size in presets)} | meaning |"
    yield f"|---|{'---:|' * len(presets)}---|"
    for field in dataclasses.fields(presets["small"]):
        values = " | ".join(_number(getattr(knobs, field.name)) for knobs in presets.values())
        yield f"| `{field.name}` | {values} | {_markdown(meanings.pop(field.name, ''))} |"


def _presets(module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = module.PRESETS
    return found


def _attributes(knobs: type) -> Iterator[tuple[str, str]]:
    """Yield the knobs that a docstring describes, with what it says of each."""
    _, _, section = inspect.cleandoc(knobs.__doc__ or "").partition("Attributes\n----------\n")
    for entry in re.split(r"\n(?=\S)", section):
        names, _, meaning = entry.partition(" : ")
        flowing = " ".join(textwrap.dedent(meaning).split())
        for name in names.split(", "):
            yield name, flowing


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


if __name__ == "__main__":
    write(Path(__file__).parents[1])
