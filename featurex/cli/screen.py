"""What commands print: tables and JSON as results, on stdout; the rest on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from featurex.printable import printable

if TYPE_CHECKING:
    import pandas as pd

# Without a terminal nobody sees a line wrapped: a table keeps its rows whole in a file.
_WIDE = None if sys.stdout.isatty() else 250
out = Console(width=_WIDE, soft_wrap=False, highlight=False)
err = Console(stderr=True, highlight=False)
# Of tables that are made to a width; any terminal shows so much.
FILE_WIDTH, _BORDERS = 80, 2


def print_table(table: pd.DataFrame, title: str | None = None) -> None:
    """Print a table of strings and numbers, below its title."""
    from rich.table import Table

    if title:  # rich would wrap it to the width of the table
        out.print(escape(printable(title)), style="italic", soft_wrap=True)
    shown = Table(header_style="bold", pad_edge=False)
    for name in table.columns:
        numeric = table[name].dtype.kind in "if"
        shown.add_column(escape(str(name)), justify="right" if numeric else "left")
    for row in table.itertuples(index=False):
        shown.add_row(*(escape(_cell(value)) for value in row))
    out.print(shown)


def table_width() -> int:
    """Return the characters that a line of a table may have: the terminal's, but 80 in a file."""
    return (out.width if out.is_terminal else FILE_WIDTH) - _BORDERS


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII: whatever a file is called, every terminal can show it."""
    print(_to_json(value))


def print_json_list(values: Iterable[Any]) -> None:
    """Print values as a JSON list, each as soon as it is there."""
    before = "\n"
    print("[", end="")
    for value in values:
        # A text in JSON has no line breaks of its own.
        print(before + indent(_to_json(value), "  "), end="", flush=True)
        before = ",\n"
    print("\n]")


def _to_json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False)


def counted(number: int, one: str) -> str:
    """Write how many there are, such as ``1 photo`` or ``300 photos``."""
    return f"{number} {one if number == 1 else one + 's'}"


def say(text: str) -> None:
    """Tell the user something that is not a result, on stderr."""
    err.print(escape(printable(text)), soft_wrap=True)


def _cell(value: Any) -> str:
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


@contextmanager
def progress(
    description: str, total: int | None, *, prints: bool = False
) -> Iterator[Callable[..., None]]:
    """Show a progress bar on stderr where that is a terminal.

    Yields a function ``advance(n, note)`` to call with the steps done so far. Who `prints` results
    meanwhile gets no bar among them, where stdout is a terminal too.
    """
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[note]}"),
    )
    hidden = not err.is_terminal or (prints and out.is_terminal)
    # rich would print on stderr what belongs on stdout.
    bars = rich.Progress(
        *columns, console=err, disable=hidden, transient=True, redirect_stdout=False
    )
    with bars as bar:
        task = bar.add_task(description, total=total, note="", rate="")

        def update(done: int, note: str = "", unit: str = "") -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f} {unit}/s" if speed and unit else ""
            bar.update(task, completed=done, note=escape(note), rate=rate)

        yield update


def first_names(paths: Sequence[str], most: int = 3) -> str:
    """List the first few file names of many."""
    names = ", ".join(Path(path).name for path in paths[:most])
    return names + (", …" if len(paths) > most else "")
