"""Photos given on the command line: files, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.screen import counted, say

PhotoFiles = Annotated[
    list[Path], typer.Argument(help="Photo files, or folders: every photo in and below them.")
]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Put the photos in and below a folder in its place, and say what was left out.

    Raises
    ------
    DatasetError
        A folder can't be listed, or there is no photo at all.
    """
    from featurex.datasets.cleaning import Dropped
    from featurex.datasets.photos import PHOTO_SUFFIXES, all_photos
    from featurex.exceptions import DatasetError

    dropped = Dropped()
    files: list[Path] = []
    for path in paths:
        files += all_photos(path, dropped) if path.is_dir() else [path]
    for reason, count in dropped.counts.items():
        names = ", ".join(dropped.examples[reason])
        more = ", …" if count > len(dropped.examples[reason]) else ""
        say(f"Left out, {reason}: {count} ({names}{more})")
    if not files:
        endings = " ".join(sorted(PHOTO_SUFFIXES))
        raise DatasetError(f"No photo in {', '.join(map(str, paths))}; photos end in {endings}.")
    return files


def tell_left_out(n_photos: int, n_unreadable: int, n_faceless: int) -> None:
    """Say how many photos have no answer, if there are any."""
    if n_unreadable or n_faceless:
        photos = counted(n_photos, "photo")
        say(f"{photos}: {n_unreadable} can't be read, {n_faceless} without a face.")
