"""A comparison as HTML, as a notebook shows it: what holds for all, the scores, the notes."""

from collections.abc import Iterator, Sequence
from html import escape

import pandas as pd

from pipelines.tables.facts import Facts, caption
from pipelines.tables.layout import BOLD, BOLD_END, by_task


def tables(scores: pd.DataFrame, notes: Sequence[str], facts: Facts) -> str:
    """Make a table a task, below what holds for all rows and above the notes.

    Parameters
    ----------
    scores : DataFrame of str
        As `pipelines.tables.printed` makes it; what is bold as of `pipelines.tables.layout.bold`.
    notes : sequence of str
        What a reader must know.
    facts : mapping of str to str or None
        What holds for every row.
    """
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return "".join([f"<p>{escape(caption(facts))}</p>", *_tables(scores), f"<ul>{items}</ul>"])


def _tables(cells: pd.DataFrame) -> Iterator[str]:
    for part in by_task(cells):
        names = "".join(f"<th>{escape(name)}</th>" for name in part.cells)
        rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in part.cells.to_numpy())
        title = f"<caption>{escape(part.task)} ({escape(part.counts)})</caption>"
        yield f"<table>{title}<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(cell: str) -> str:
    inside = cell.removeprefix(BOLD).removesuffix(BOLD_END)
    text = escape(inside)
    return f"<td>{text}</td>" if inside == cell else f"<td><b>{text}</b></td>"
