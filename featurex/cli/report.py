"""``featurex report``: a comparison as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import CacheDir
from featurex.cli.screen import say

AuditDir = Annotated[
    Path | None, typer.Option("--audit", help="Folder of 'featurex audit', for its findings.")
]
ShowFaces = Annotated[
    bool,
    typer.Option(
        "--show-faces", help="Put the faces of the worst mistakes into the page, from the cache."
    ),
]


@guarded
def report(
    run: Annotated[Path, typer.Argument(help="Folder that 'featurex compare --out' wrote.")],
    out: Annotated[Path, typer.Option("--out", help="The page to write.")] = Path("report.html"),
    audit: AuditDir = None,
    show_faces: ShowFaces = False,
    cache: CacheDir = Path("face-cache"),
) -> None:
    """Write a comparison as one page of HTML, which loads nothing from anywhere."""
    write_page(run, out, audit, cache if show_faces else None)


def write_page(run: Path, out: Path, audit: Path | None, cache: Path | None) -> None:
    """Write the page of a run; faces are in it where a cache is given."""
    from featurex.report.page import write_report

    write_report(run, out, audit=audit, cache=cache)
    if cache is not None:
        say("The page holds faces of people: mind the terms of the data before you pass it on.")
    say(f"Wrote {out} ({out.stat().st_size / 1e6:.1f} MB).")
