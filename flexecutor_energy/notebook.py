"""Tables for notebooks: plain HTML in the notebook's own style.

Standard library only.
"""

from collections.abc import Iterable, Sequence
from html import escape


def html_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> str:
    """Return a table as HTML.

    Parameters
    ----------
    title : stands above it
    columns : names of the columns; one that ends in ``>`` holds numbers
    rows : the text of each cell; the first one names its row
    notes : sentences below it
    """
    sides = ["right" if column.endswith(">") else "left" for column in columns]
    names = [column.removesuffix(">") for column in columns]
    head = "".join(
        f'<th scope="col" style="text-align:{side}">{escape(name)}</th>'
        for name, side in zip(names, sides, strict=True)
    )
    body = "".join(f"<tr>{_row(row, sides)}</tr>" for row in rows)
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f"<div><p><b>{escape(title)}</b></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}</div>"
    )


def _row(row: Sequence[str], sides: Sequence[str]) -> str:
    cells = []
    for number, (text, side) in enumerate(zip(row, sides, strict=True)):
        tag = 'th scope="row"' if number == 0 else "td"
        end = tag.partition(" ")[0]
        cells.append(f'<{tag} style="text-align:{side}">{escape(text)}</{end}>')
    return "".join(cells)
