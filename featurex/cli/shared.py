"""What the commands share: options, errors as one line, tables and progress."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from featurex.printable import printable

if TYPE_CHECKING:
    import pandas as pd

    from featurex.manifest import Manifest

# Without a terminal nobody sees a line wrapped: a table keeps its rows whole in a file.
_WIDE = None if sys.stdout.isatty() else 250
out = Console(width=_WIDE, soft_wrap=False, highlight=False)
err = Console(stderr=True, highlight=False)
INTERRUPTED = 130
# Of tables that are made to a width; any terminal shows so much.
FILE_WIDTH, _BORDERS = 80, 2

Dataset = Annotated[str, typer.Argument(help="Its name; see 'featurex datasets'.")]
Root = Annotated[
    Path | None, typer.Argument(help="Its folder, or its CSV file. 'people' needs none.")
]
CacheDir = Annotated[Path, typer.Option("--cache", help="Folder of the cache; made if missing.")]
BackboneName = Annotated[
    str,
    typer.Option(
        "--backbone",
        help="NAME[@WEIGHTS][:LAYER], see 'featurex backbones'; or FILE[:TASK], a network that "
        "'featurex fit' saved.",
    ),
]
Precision = Annotated[
    str, typer.Option("--precision", help="Of the backbone: float32, bfloat16 or float16.")
]
Mirror = Annotated[
    bool, typer.Option("--mirror", help="Embed the mean of a face's and its mirror image's.")
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="File with the backbone's weights.")
]
DetectorName = Annotated[
    str,
    typer.Option(
        "--detector",
        help="What finds faces: dlib-hog, dlib-cnn, or hog+cnn (the CNN where HOG finds none).",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of sampling, folds and models.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Use only so many rows, drawn by the seed.")
]
AgePolicy = Annotated[
    str, typer.Option("--age-policy", help="Ages between two groups: strict (none) or nearest.")
]
Photos = Annotated[
    str | None, typer.Option("--photos", help="Adience: aligned (default) or faces.")
]
AgeKind = Annotated[
    str | None, typer.Option("--age-kind", help="APPA-REAL: real (default) or apparent.")
]
Ages = Annotated[
    str | None,
    typer.Option("--ages", metavar="LOW-HIGH", help="Only these years, both inside: 21-60."),
]
Subjects = Annotated[
    Path | None,
    typer.Option(
        "--subjects", help="CSV of image_id,subject_id, as 'featurex audit --write-subjects' makes."
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", help="Processes that fit models; -1 is one for each core.")
]
Train = Annotated[
    list[str] | None,
    typer.Option(
        "--train",
        metavar="NAME=VALUE",
        help="Change how networks are trained, such as learning_rate=6e-4 or precision=bfloat16.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user can meet into one line on stderr and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()  # a closed pipe shows here, not at exit
        except KeyboardInterrupt:
            _fail("Stopped. What was finished is kept; run again to go on.", INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            if isinstance(error, typer.Exit) or type(error).__module__.startswith(
                ("typer", "click")
            ):
                raise
            if os.environ.get("FEATUREX_DEBUG"):
                raise
            _fail(_describe(error), 1)

    return run


def _describe(error: Exception) -> str:
    from cache import CacheError
    from featurex.exceptions import FeaturexError
    from pipelines import PipelineError

    text = " ".join(str(error).split())
    if isinstance(error, FeaturexError | CacheError | PipelineError | ValueError):
        return text
    if isinstance(error, OSError):
        return f"{error.filename or 'file'}: {error.strerror or text}"
    return (
        f"Internal error: {type(error).__name__}: {text}. Please report it; "
        "FEATUREX_DEBUG=1 shows where it happened."
    )


def _fail(message: str, code: int) -> None:
    print(f"featurex: {printable(message)}", file=sys.stderr)
    raise typer.Exit(code)


def read_manifest(
    dataset: str,
    root: Path | None,
    *,
    age_policy: str = "strict",
    photos: str | None = None,
    age_kind: str | None = None,
    ages: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    subjects: Path | None = None,
) -> Manifest:
    """Read a data set as the options say."""
    from featurex import datasets
    from featurex.age_range import AgeRange, keep_ages
    from featurex.subject_files import with_subjects

    kept = AgeRange.parse(ages) if ages is not None else None  # a wrong one costs no reading
    given = {"age_policy": age_policy, "photos": photos, "age_kind": age_kind}
    options = {name: value for name, value in given.items() if value is not None}
    manifest = datasets.read(dataset, root, **options)
    if kept:
        manifest = keep_ages(manifest, kept)
    if subjects:
        manifest = with_subjects(manifest, subjects)
    return manifest.sample(limit, seed) if limit else manifest


def print_table(table: pd.DataFrame, title: str | None = None) -> None:
    """Print a table of strings and numbers."""
    from rich.table import Table

    shown = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
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
    print(json.dumps(value, indent=2, allow_nan=False))


def say(text: str) -> None:
    """Tell the user something that is not a result, on stderr."""
    err.print(escape(printable(text)), soft_wrap=True)


def _cell(value: Any) -> str:
    return printable(f"{value:g}" if isinstance(value, float) else str(value))


def ready_folder(folder: Path) -> Path:
    """Make a folder for results before the long work, or raise the OSError of writing to it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "No permission to write into it", str(folder))
    return folder


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a progress bar on stderr where that is a terminal.

    Yields a function ``advance(n, note)`` to call with the steps done so far.
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
    with rich.Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
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
