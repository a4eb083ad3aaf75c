"""MkDocs hook: a notebook below ``docs/`` becomes a page, with its stored outputs."""

import json
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put a page in the place of each notebook."""
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        assert file.abs_src_path is not None
        text = Path(file.abs_src_path).read_text(encoding="utf-8")
        files.remove(file)
        name = file.src_uri.removesuffix(".ipynb") + ".md"
        files.append(File.generated(config, name, content=as_markdown(json.loads(text))))
    return files


def as_markdown(notebook: dict[str, Any]) -> str:
    """Return the cells of a notebook with their outputs as Markdown."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"]).strip()
    if cell["cell_type"] == "markdown":
        return [source]
    outputs = [_output(output) for output in cell["outputs"]]
    return [f"```python\n{source}\n```", *outputs]


def _output(output: dict[str, Any]) -> str:
    """Return one output: a table or picture as it is, everything else as text."""
    if output["output_type"] == "stream":
        return _boxed(f"<pre>{escape(''.join(output['text']).rstrip())}</pre>")
    data = {kind: "".join(text) for kind, text in output["data"].items()}
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return _boxed(data[kind])
    if "image/png" in data:
        picture = data["image/png"].replace("\n", "")
        return _boxed(f'<img alt="" src="data:image/png;base64,{picture}">')
    return _boxed(f"<pre>{escape(data['text/plain'])}</pre>")


def _boxed(html: str) -> str:
    """Return HTML that Markdown leaves alone: it ends at the first blank line."""
    lines = [line for line in html.splitlines() if line.strip() or "<pre" in html]
    kept = "&#10;".join(lines) if "<pre" in html else "\n".join(lines)
    return f'<div class="output" markdown="0">{kept}</div>'
