"""A workflow as inline SVG, which follows the colours of the page it stands in."""

from collections.abc import Mapping, Sequence
from html import escape

from flexecutor_energy.drawing.boxes import Box, caption
from flexecutor_energy.drawing.layout import BOX_HEIGHT, BOX_WIDTH, Layout

TITLE_SIZE, LINE_SIZE, LINE_STEP = 10.0, 8.5, 12.0

STYLE = """
.workflow text{font:8.5px system-ui,sans-serif;fill:var(--ink,#1f2328);text-anchor:middle}
.workflow .title{font-size:10px;font-weight:600}
.workflow rect{fill:var(--card,#fff);stroke:var(--quiet,#6b7280)}
.workflow .critical rect{stroke:var(--accent,#D55E00);stroke-width:2}
.workflow path{fill:none;stroke:var(--quiet,#6b7280);stroke-width:1.2}
.workflow marker path{fill:var(--quiet,#6b7280);stroke:none}
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Workflow {title}</title><style>
:root{{color-scheme:light dark;--ink:#1f2328;--quiet:#6b7280;--card:#fff;--accent:#D55E00}}
@media(prefers-color-scheme:dark){{:root{{--ink:#e6e8eb;--quiet:#9aa3ad;--card:#1c2128;
--accent:#f08c4a}}body{{background:#12161b}}}}
body{{margin:1rem;font-family:system-ui,sans-serif;color:var(--ink)}}
.scroll{{overflow-x:auto}}{style}</style></head>
<body><h1>Workflow {title}</h1><p>{note}</p><div class="scroll" tabindex="0">{svg}</div></body>
</html>
"""


def svg(
    name: str, layout: Layout, boxes: Mapping[str, Box], edges: Sequence[tuple[str, str]]
) -> str:
    """Return the picture as an ``<svg>`` element; ``STYLE`` belongs to it."""
    width, height = layout.width, layout.height
    parts = [
        f'<svg class="workflow" role="img" aria-label="{escape(caption(name, boxes, edges))}" '
        f'viewBox="0 0 {width:g} {height:g}" width="{1.35 * width:.0f}" '
        f'height="{1.35 * height:.0f}" xmlns="http://www.w3.org/2000/svg">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="6.5" '
        'markerHeight="6.5" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
    ]
    parts += [f'<path d="{_curve(r)}" marker-end="url(#tip)"/>' for r in layout.routes.values()]
    parts += [_box(box, *layout.centres[stage_id]) for stage_id, box in boxes.items()]
    return "\n".join([*parts, "</svg>"])


def page(name: str, picture: str, note: str) -> str:
    """Return a whole HTML page around a picture."""
    return _PAGE.format(title=escape(name), style=STYLE, note=escape(note), svg=picture)


def text_rows(box: Box) -> list[tuple[float, str, bool]]:
    """Return each line of a box: its middle below the box's centre, the text, and if a title."""
    texts = [box.title, *box.lines]
    first = -LINE_STEP * (len(texts) - 1) / 2
    return [(first + i * LINE_STEP, text, i == 0) for i, text in enumerate(texts)]


def _box(box: Box, x: float, y: float) -> str:
    left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
    words = "".join(
        f'<text x="{x:g}" y="{y + dy + 3:g}"{" class=title" if title else ""}>'
        f"{escape(text)}</text>"
        for dy, text, title in text_rows(box)
    )
    return (
        f"<g{' class=critical' if box.critical else ''}><title>{escape(box.description)}</title>"
        f'<rect x="{left:g}" y="{top:g}" width="{BOX_WIDTH:g}" height="{BOX_HEIGHT:g}" rx="6"/>'
        f"{words}</g>"
    )


def _curve(route: Sequence[tuple[float, float]]) -> str:
    x, y = route[0]
    text = f"M{x:g} {y:g}"
    for i, (to_x, to_y) in enumerate(route[1:]):
        if i % 2:  # past a column
            text += f"L{to_x:g} {to_y:g}"
        else:
            middle = (x + to_x) / 2
            text += f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
        x, y = to_x, to_y
    return text
