"""MkDocs hook: links of pages to files of the repository lead somewhere on the site as well.

A page links to ``../examples/x.py``, which is right where the repository is read. The site gets
a page with the text of each such file, or of the Python files in such a folder, and the links are
turned to it. ``CHANGELOG.md`` becomes a page, and links to notebooks lead to their pages.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
_LANGUAGES = {".py": "python", ".yml": "yaml", ".toml": "toml", ".sh": "bash"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the background and the decisions to the navigation."""
    docs = Path(config.docs_dir)
    assert config.nav is not None
    named = set(re.findall(r"[\w/-]+\.md", str(config.nav)))
    background = sorted(page.name for page in docs.glob("*.md") if page.name not in named)
    decisions = sorted(f"decisions/{page.name}" for page in (docs / "decisions").glob("*.md"))
    reference = config.nav.pop()
    config.nav += [{"Background": background}, reference, {"Decisions": decisions}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the changelog, and a page for each file outside ``docs`` that a page links to."""
    docs = Path(config.docs_dir)
    root = Path(config.config_file_path).parent
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=changelog))
    for target in sorted(_outside(files, docs, root)):
        page = File.generated(
            config,
            _page_of(target),
            content=source_page(root / target, target),
            inclusion=InclusionLevel.NOT_IN_NAV,
        )
        files.append(page)
    return files


def source_page(path: Path, title: str) -> str:
    """Return a page with the text of a file, or of the Python files in a folder."""
    shown = sorted(path.glob("*.py")) if path.is_dir() else [path]
    parts = [f"# {title}"]
    for file in shown:
        if file != path:
            parts.append(f"## {file.name}")
        language = _LANGUAGES.get(file.suffix, "text")
        parts.append(f"````{language}\n{file.read_text(encoding='utf-8').rstrip()}\n````")
    return "\n\n".join(parts) + "\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Turn the links of a page."""
    docs = Path(config.docs_dir)
    root = Path(config.config_file_path).parent

    def on_site(link: re.Match[str]) -> str:
        return f"]({turned(link.group(1), page.file.src_uri, docs, root)}"

    return _LINK.sub(on_site, markdown)


def turned(target: str, page: str, docs: Path, root: Path) -> str:
    """Return where a link leads on the site.

    Parameters
    ----------
    target : where it leads in the repository, from the page
    page : the page that holds it, from ``docs``
    docs, root : folders of the pages and of the repository
    """
    if target.endswith(".ipynb"):
        return target.removesuffix(".ipynb") + ".md"
    outside = _path_outside(target, page, docs, root)
    if outside is None:
        return target
    return posixpath.relpath(_page_of(outside), posixpath.dirname(page) or ".")


def _outside(files: Files, docs: Path, root: Path) -> set[str]:
    """Return the files outside ``docs`` that pages link to, from the root of the repository."""
    found = set()
    for file in files.documentation_pages():
        for target in _LINK.findall(file.content_string):
            outside = _path_outside(target, file.src_uri, docs, root)
            if outside is not None and outside != "CHANGELOG.md":
                found.add(outside)
    return found


def _path_outside(target: str, page: str, docs: Path, root: Path) -> str | None:
    path = (docs / page).parent.joinpath(target).resolve()
    if path.is_relative_to(docs) or not path.is_relative_to(root) or not path.exists():
        return None
    return str(path.relative_to(root))


def _page_of(target: str) -> str:
    return "changelog.md" if target == "CHANGELOG.md" else f"source/{target}.md"
