"""`verify`: read everything in a cache and list what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import description, index
from cache.description import Description
from cache.errors import CacheError, VanishedShardError
from cache.examining import examine, reason
from cache.files import is_temporary
from cache.index_check import check_index
from cache.keys import Keys
from cache.listing import space_folders
from cache.lookup import Lookup, empty_lookup
from cache.shards import SHARD_NAME, SHARDS_FOLDER, Shard
from cache.space import FOLDER_NAME

_LEFTOVER = "left by a writer that was killed or still runs; `featurex cache repair` deletes it"


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    Attributes
    ----------
    path : Path
        The file or folder.
    what : str
        What is wrong with it.
    harmless : bool
        Whether every row is there and right all the same: what a killed run leaves.
    """

    path: Path
    what: str
    harmless: bool = False


def verify(root: str | Path) -> list[Problem]:
    """Read every byte of a cache and list what is wrong; an empty list says it is sound.

    Found are: unreadable descriptions; shards that are truncated, foreign, of another schema, or
    named by other keys; missing, extra and ill-formed arrays; rows whose CRC-32 is wrong; shards
    that the index shows and that are gone; an index that is not what was written; unknown files.
    Harmless are: files left by killed writers; a space that was not finished being made; keys in
    two shards; an index that does not show the newest shards.  A shard without a sound structure
    is one problem; its rows are not looked at.

    Raises
    ------
    CacheError
        If `root` itself is no folder.  Damage inside never raises.
    """
    return [problem for folder in space_folders(root) for problem in _check_space(folder)]


def strays(folder: Path) -> Iterator[Path]:
    """Yield what lies in a space's folder and is neither its own nor a temporary file."""
    expected = {description.FILE_NAME, index.FILE_NAME, SHARDS_FOLDER}
    for path in files_in(folder):
        if path.name not in expected and not is_temporary(path):
            yield path
    for path in files_in(folder / SHARDS_FOLDER):
        if not SHARD_NAME.fullmatch(path.name) and not is_temporary(path):
            yield path


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files in a space's folder."""
    return [*filter(is_temporary, [*files_in(folder), *files_in(folder / SHARDS_FOLDER)])]


def files_in(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; nothing where there is none."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _check_space(folder: Path) -> Iterator[Problem]:
    if is_temporary(folder):
        yield Problem(folder, _LEFTOVER, harmless=True)
        return
    try:
        described = description.read(folder)
    except CacheError as error:
        yield _undescribed(folder, error)
        return
    yield from (Problem(path, _LEFTOVER, harmless=True) for path in leftovers(folder))
    yield from (Problem(path, "no file of a cache; move it away") for path in strays(folder))
    if not (folder / SHARDS_FOLDER).is_dir():
        yield Problem(folder / SHARDS_FOLDER, "no such folder")
    opened: list[tuple[Shard, Keys]] = []
    for path in files_in(folder / SHARDS_FOLDER):
        if SHARD_NAME.fullmatch(path.name):
            yield from _check_shard(path, described, opened)
    yield from _doubled_keys(empty_lookup().extended(opened))
    yield from _check_index(folder)


def _undescribed(folder: Path, error: CacheError) -> Problem:
    """Return the problem of a folder whose ``space.json`` is missing or can't be read."""
    path = folder / description.FILE_NAME
    if path.exists() or not FOLDER_NAME.fullmatch(folder.name) or any(strays(folder)):
        return Problem(path, reason(path, error))
    shards = [file for file in files_in(folder / SHARDS_FOLDER) if not is_temporary(file)]
    if shards:
        what = f"missing; the next extraction writes it, and finds the {len(shards)} shards again"
        return Problem(path, what)
    return Problem(path, "not written yet; the next extraction goes on", harmless=True)


def _check_shard(
    path: Path, described: Description, opened: list[tuple[Shard, Keys]]
) -> Iterator[Problem]:
    """Yield a shard's problems; one that can be opened joins `opened`."""
    try:
        examined = examine(path, described)
    except VanishedShardError:
        return  # merged into another one since the folder was listed
    except CacheError as error:
        yield Problem(path, reason(path, error))
        return
    opened.append((examined.shard, examined.keys))
    yield from (Problem(path, what) for what in examined.problems)


def _doubled_keys(lookup: Lookup) -> Iterator[Problem]:
    counted = np.bincount(lookup.places.shard, minlength=len(lookup.shards))
    for shard, n_rows in zip(lookup.shards, counted, strict=True):
        doubled = shard.layout.rows - n_rows
        if doubled:
            what = (
                f"{doubled} of its keys are also in shards that come first by name and count; "
                "`featurex cache compact` drops them"
            )
            yield Problem(shard.path, what, harmless=True)


def _check_index(folder: Path) -> Iterator[Problem]:
    path = folder / index.FILE_NAME
    there = [
        file.stem for file in files_in(folder / SHARDS_FOLDER) if SHARD_NAME.fullmatch(file.name)
    ]
    try:
        for found in check_index(path, there):
            yield Problem(path, found.what, found.harmless)
    except VanishedShardError:
        return  # not published yet
    except CacheError as error:
        yield Problem(path, reason(path, error))
