"""How a wide table of cells becomes narrow ones: a table a task, and blocks of columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

MISSING = "–"
# Begin and end of what is printed bold: control characters, which no escaping touches.
BOLD, BOLD_END = "\1", "\2"
# The columns that are the same for all models of a task, and go into its title.
SHARED = ("Photos", "Folds", "Subjects")


@dataclass(frozen=True)
class TaskCells:
    """The cells of one task.

    Attributes
    ----------
    task : str
    counts : str
        What all its rows share, such as ``"283 photos, 5 folds"``; what is missing is left out.
    cells : DataFrame of str
        ``Model`` and the columns that a row has a value in.
    """

    task: str
    counts: str
    cells: pd.DataFrame


def bold(text: str) -> str:
    """Mark a cell as bold, for any kind of file."""
    return f"{BOLD}{text}{BOLD_END}"


def by_task(cells: pd.DataFrame) -> Iterator[TaskCells]:
    """Yield the cells of each task, without the columns that it lacks.

    Parameters
    ----------
    cells : DataFrame of str
        As `pipelines.tables.printed.score_cells` or `interval_cells` makes them.
    """
    shared = [name for name in SHARED if name in cells]
    for task, rows in cells.groupby("Task", sort=False):
        known = {name: rows[name].iloc[0] for name in shared if rows[name].iloc[0] != MISSING}
        counts = ", ".join(_counted(number, name) for name, number in known.items())
        own = rows.drop(columns=["Task", *shared])
        there = [name for name in own if (own[name] != MISSING).any()]
        yield TaskCells(str(task), counts, own[there].reset_index(drop=True))


def _counted(number: str, name: str) -> str:
    """Write what a shared column counts, such as ``5 folds``; a fold without others tests alone."""
    many = name.lower()
    if name == "Folds" and number.split("x")[-1] == "1":
        number, many = number.split("x")[0], "test sets"
    return f"{number} {many.removesuffix('s') if number == '1' else many}"


def in_width(
    cells: pd.DataFrame,
    width: float,
    gap: float = 3,
    measure: Callable[[str], float] = len,
) -> list[pd.DataFrame]:
    """Split the columns of a table into blocks that fit a width; each has the first column.

    Parameters
    ----------
    cells : DataFrame of str
    width : float
        In characters, or whatever `measure` measures in.
    gap : float, default=3
        Between two columns.
    measure : callable, default=len
        Takes a cell or a heading, returns its width.

    Returns
    -------
    list of DataFrame
        A column that is too wide alone is in a block of its own.
    """
    first, *others = cells.columns
    widths = {name: max(map(measure, [name, *cells[name]])) for name in cells}
    room = width - widths[first]
    blocks: list[list[str]] = []
    left = 0.0
    for name in others:
        needed = widths[name] + gap
        if not blocks or needed > left:
            blocks.append([])
            left = room
        blocks[-1].append(name)
        left -= needed
    return [cells[[first, *names]] for names in blocks] or [cells]
