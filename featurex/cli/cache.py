"""``featurex cache``: what a cache folder holds, and whether it is sound."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.shared import Json, guarded, out, print_json, print_table

app = typer.Typer(help="Look into a cache folder, and check it.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The cache's folder.")]


@app.command()
@guarded
def info(folder: Folder, json: Json = False) -> None:
    """List the spaces: rows, size, when they were made and from what."""
    import pandas as pd

    from cache import info as cache_info

    spaces = cache_info(folder)
    if json:
        print_json([asdict(space) for space in spaces])
        return
    rows = [
        (s.folder, s.rows, s.shards, f"{s.bytes / 1e6:.1f}", s.created, s.made_by.get("featurex"))
        for s in spaces
    ]
    print_table(
        pd.DataFrame(rows, columns=["space", "rows", "shards", "MB", "created", "featurex"])
    )


@app.command()
@guarded
def verify(folder: Folder, json: Json = False) -> None:
    """Read every row and check it; exit code 1 where anything is damaged."""
    import pandas as pd

    from cache import verify as cache_verify

    problems = cache_verify(folder)
    if json:
        print_json([{"path": str(p.path), "what": p.what} for p in problems])
    elif problems:
        print_table(
            pd.DataFrame([(str(p.path), p.what) for p in problems], columns=["file", "what"])
        )
    else:
        out.print(f"{folder}: sound, every row checked.", markup=False)
    if problems:
        raise typer.Exit(1)
