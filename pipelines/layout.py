"""How a wide table of cells becomes narrow ones: a table a task, and blocks of columns."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

MISSING = "–"
# The columns that are the same for all models of a task, and go into its title.
SHARED = ("Photos", "Folds", "Subjects")


@dataclass(frozen=True)
class TaskCells:
    """The cells of one task.

    Attributes
    ----------
    task : str
    counts : str
        What all its rows share, such as ``"283 photos, 5 folds"``.
    cells : DataFrame of str
        ``Model`` and the columns that a row has a value in.
    """

    task: str
    counts: str
    cells: pd.DataFrame


def by_task(cells: pd.DataFrame) -> Iterator[TaskCells]:
    """Yield the cells of each task, without the columns that it lacks.

    Parameters
    ----------
    cells : DataFrame of str
        As `pipelines.printed.score_cells` or `interval_cells` makes them.
    """
    shared = [name for name in SHARED if name in cells]
    for task, rows in cells.groupby("Task", sort=False):
        counts = ", ".join(f"{rows[name].iloc[0]} {name.lower()}" for name in shared)
        own = rows.drop(columns=["Task", *shared])
        there = [name for name in own if (own[name] != MISSING).any()]
        yield TaskCells(str(task), counts, own[there].reset_index(drop=True))


def in_width(cells: pd.DataFrame, width: int, gap: int = 3) -> list[pd.DataFrame]:
    """Split the columns of a table into blocks that fit a width; each has the first column.

    Parameters
    ----------
    cells : DataFrame of str
    width : int
        In characters.
    gap : int, default=3
        Characters between two columns.

    Returns
    -------
    list of DataFrame
        A column that is too wide alone is in a block of its own.
    """
    first, *others = cells.columns
    room = width - _width(cells, first) - gap
    blocks: list[list[str]] = []
    left = 0
    for name in others:
        needed = _width(cells, name) + gap
        if not blocks or needed > left:
            blocks.append([])
            left = room
        blocks[-1].append(name)
        left -= needed
    return [cells[[first, *names]] for names in blocks] or [cells]


def _width(cells: pd.DataFrame, name: str) -> int:
    return max(len(name), *map(len, cells[name])) if len(cells) else len(name)
