"""``featurex cache``: what a cache folder holds, whether it is sound, and its upkeep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import Json
from featurex.cli.screen import counted, out, print_json, print_table

app = typer.Typer(help="Look into a cache folder, check it, mend it.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The cache's folder.")]
SpaceName = Annotated[
    str, typer.Option("--space", help="The space's folder, or the beginning of its name.")
]
_MAKERS = ("featurex", "dlib-bin", "dlib", "torch")


@app.command()
@guarded
def info(folder: Folder, json: Json = False) -> None:
    """List the spaces. Rows, photos without a face, size, when they were made and by what."""
    from cache import info as cache_info
    from featurex.extraction.cache_summary import count_without_face

    spaces = [(space, count_without_face(folder, space)) for space in cache_info(folder)]
    if json:
        nothing = {"no_face": None, "unreadable": None}
        print_json([asdict(s) | (w._asdict() if w else nothing) for s, w in spaces])
        return
    if not spaces:
        out.print(f"{folder}: no spaces yet.", markup=False)
    rows = [
        (s.folder, s.rows, *(w or ("", "")), s.shards, _mb(s.bytes), s.created, _made_by(s.made_by))
        for s, w in spaces
    ]
    names = ["space", "rows", "no face", "unreadable", "shards", "MB", "created", "made by"]
    _print_rows(names, rows)


@app.command()
@guarded
def verify(folder: Folder, json: Json = False) -> None:
    """Read every row and check it. Exit code 1 where anything is damaged."""
    from cache import verify as cache_verify

    problems = cache_verify(folder)
    damage = [problem for problem in problems if not problem.harmless]
    if json:
        print_json([asdict(p) | {"path": str(p.path)} for p in problems])
    else:
        rows = [(str(p.path), "harmless" if p.harmless else "DAMAGE", p.what) for p in problems]
        _print_rows(["file", "state", "what"], rows)
        if not damage:
            out.print(f"{folder}: sound, every row checked.", markup=False)
    if damage:
        raise typer.Exit(1)


@app.command()
@guarded
def repair(folder: Folder, json: Json = False) -> None:
    """Drop what is damaged and keep the rest. Exit code 1 where something is left to you."""
    from cache import repair as cache_repair

    repairs = cache_repair(folder)
    if json:
        print_json([asdict(r) | {"path": str(r.path)} for r in repairs])
    elif repairs:
        rows = [(str(r.path), "no" if r.refused else "yes", r.what) for r in repairs]
        _print_rows(["file", "mended", "what"], rows)
    else:
        out.print(f"{folder}: nothing to repair.", markup=False)
    if any(r.refused for r in repairs):
        raise typer.Exit(1)


@app.command()
@guarded
def compact(folder: Folder, json: Json = False) -> None:
    """Merge many small files into few large ones. Rows that are stored twice are dropped."""
    from cache import compact as cache_compact

    done = cache_compact(folder)
    if json:
        print_json([asdict(compaction) for compaction in done])
        return
    rows = [(c.folder, c.shards_before, c.shards_after, c.doubled) for c in done]
    _print_rows(["space", "shards before", "shards after", "doubled rows dropped"], rows)


@app.command()
@guarded
def drop(folder: Folder, space: SpaceName, json: Json = False) -> None:
    """Delete one space with all its rows."""
    from cache import drop as cache_drop

    dropped = cache_drop(folder, space)
    if json:
        print_json(asdict(dropped))
        return
    n_rows = dropped.rows
    rows = "an unknown number of rows" if n_rows is None else counted(n_rows, "row")
    out.print(f"Deleted {dropped.folder}: {rows}, {_mb(dropped.bytes)} MB.", markup=False)


@app.command()
@guarded
def export(
    folder: Folder,
    space: SpaceName,
    out_file: Annotated[Path, typer.Option("--out", help="FILE.npy, FILE.csv or FILE.parquet.")],
    column: Annotated[
        str | None, typer.Option("--column", help="One column; all by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Write one space to a file, with the photos' SHA-256."""
    from featurex.extraction.cache_export import export_space

    rows = export_space(folder, space, out_file, column)
    if json:
        print_json({"path": str(out_file), "rows": rows})
    else:
        out.print(f"Wrote {counted(rows, 'row')} to {out_file}.", markup=False)


def _print_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    import pandas as pd

    if rows:
        print_table(pd.DataFrame(rows, columns=list(names)))


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f}"


def _made_by(made_by: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {made_by[name]}" for name in _MAKERS if name in made_by)
