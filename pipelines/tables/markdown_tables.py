"""A comparison as Markdown: what holds for all, the scores, the notes, and the intervals."""

from collections.abc import Iterator, Sequence

import pandas as pd

from pipelines.tables import markdown
from pipelines.tables.facts import Facts, caption, warnings
from pipelines.tables.layout import BOLD, BOLD_END, by_task

_INTERVALS_HEADING = "95 % intervals"


def tables(
    scores: pd.DataFrame, intervals: pd.DataFrame, notes: Sequence[str], facts: Facts
) -> str:
    """Make the tables of a comparison, one for the scores and one for the intervals of each task.

    Parameters
    ----------
    scores, intervals : DataFrame of str
        As `pipelines.tables.printed` makes them; what is bold as of `pipelines.tables.layout.bold`.
    notes : sequence of str
        What a reader must know: a list below the scores.
    facts : mapping of str to str or None
        What holds for every row: above all tables, a warning bold.
    """
    parts = [
        markdown.escape(caption(facts)),
        *(f"**{markdown.escape(text)}**" for text in warnings(facts)),
        *_tables(scores),
        "\n".join(f"- {markdown.escape(note)}" for note in notes),
        f"{_INTERVALS_HEADING}:",
        *_tables(intervals),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _tables(cells: pd.DataFrame) -> Iterator[str]:
    """Yield for each task its name and its table; what is marked becomes bold."""
    for part in by_task(cells):
        rows = [[_cell(cell) for cell in row] for row in part.cells.to_numpy().tolist()]
        yield f"**{markdown.escape(part.task)}** ({part.counts}):"
        yield markdown.table([markdown.escape(name) for name in part.cells], rows)


def _cell(cell: str) -> str:
    inside = cell.removeprefix(BOLD).removesuffix(BOLD_END)
    escaped = markdown.escape(inside)
    return escaped if inside == cell else f"**{escaped}**"
