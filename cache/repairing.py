"""`repair`: drop what is damaged, and keep every row that is not."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import description, index
from cache.checking import files_in, leftovers, strays
from cache.description import Description
from cache.errors import CacheError, SchemaError, VanishedShardError
from cache.examining import Examined, examine, reason
from cache.files import flush_folder, identity, is_temporary
from cache.index_check import check_index
from cache.listing import space_folders
from cache.lookup import empty_lookup
from cache.maintenance import alone, is_abandoned, unpublish
from cache.shards import SHARD_NAME, SHARDS_FOLDER, open_shard, shard_paths, write_shard
from cache.space import FOLDER_NAME


@dataclass(frozen=True)
class Repair:
    """What became of one thing that was not as it should be.

    Attributes
    ----------
    path : Path
        The file or folder.
    what : str
        What was done with it, or why nothing was.
    refused : bool
        Whether it is as it was: another program's work, which only its owner can judge.
    """

    path: Path
    what: str
    refused: bool = False


def repair(root: str | Path) -> list[Repair]:
    """Drop what is damaged in a cache, so that the next extraction makes only that anew.

    Of a shard with damaged rows the others are kept, in a new shard that is complete before the old
    one goes.  A shard whose keys can't be trusted goes whole.  Files of another schema or space,
    links and unknown files are refused, with the reason.  Temporary files go when nobody can be
    writing them any more.  Afterwards the index shows what is there.

    Returns
    -------
    list of Repair
        Empty where nothing was to be done.

    Raises
    ------
    CacheError
        If `root` itself is no folder.
    """
    return [done for folder in space_folders(root) for done in _repair_space(folder)]


def _repair_space(folder: Path) -> Iterator[Repair]:
    if is_temporary(folder):
        yield from _remove_leftover(folder)
        return
    try:
        with alone(folder):
            yield from _repair_alone(folder)
    except (CacheError, OSError) as error:
        yield Repair(folder, str(error).removeprefix(f"{folder}: "), refused=True)


def _repair_alone(folder: Path) -> Iterator[Repair]:
    try:
        described = description.read(folder)
    except CacheError as error:
        if repaired := _repair_description(folder, error):
            yield repaired
        return
    for path in leftovers(folder):
        yield from _remove_leftover(path)
    yield from (Repair(p, "no file of a cache; move it away", refused=True) for p in strays(folder))
    (folder / SHARDS_FOLDER).mkdir(exist_ok=True)
    for path in files_in(folder / SHARDS_FOLDER):
        if SHARD_NAME.fullmatch(path.name):
            yield from _repair_shard(path, described)
    yield from _repair_index(folder, described)


def _repair_description(folder: Path, error: CacheError) -> Repair | None:
    path = folder / description.FILE_NAME
    if isinstance(error, SchemaError) or not FOLDER_NAME.fullmatch(folder.name):
        return Repair(path, reason(path, error), refused=True)
    if not path.exists():
        return None  # the next extraction writes it
    path.unlink()
    return Repair(path, "deleted; the next extraction writes it anew, and finds the shards again")


def _remove_leftover(path: Path) -> Iterator[Repair]:
    try:
        abandoned = is_abandoned(path)
    except FileNotFoundError:
        return  # its writer has finished since the folder was listed
    if not abandoned:
        yield Repair(path, "may still be written; run this again in a minute", refused=True)
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    yield Repair(path, "deleted what a killed writer left")


def _repair_shard(path: Path, described: Description) -> Iterator[Repair]:
    try:
        before = identity(path)
        examined = examine(path, described)
    except (VanishedShardError, FileNotFoundError):
        return  # merged into another one since the folder was listed
    except SchemaError as error:
        yield Repair(path, reason(path, error), refused=True)
        return
    except CacheError as error:
        yield _drop(path, before, f"dropped: {reason(path, error)}")
        return
    if examined.problems:
        yield _keep_sound_rows(examined, before, described)


def _keep_sound_rows(examined: Examined, before: tuple[int, ...], described: Description) -> Repair:
    """Write the sound rows of a shard as another one, then drop the first."""
    shard, rows = examined.shard, np.flatnonzero(examined.sound)
    what = f"kept {len(rows)} of {len(examined.keys)} rows: {'; '.join(examined.problems)}"
    if len(rows):
        keys = examined.keys[rows]
        values = {c.name: shard.read(c.name, rows, keys) for c in described.columns}
        folder, space_id = shard.path.parent, described.space.id
        written, _ = write_shard(folder, space_id, described.columns, keys, values)
        if written.path == shard.path:  # all rows were sound: only foreign arrays went
            return Repair(shard.path, what)
    return _drop(shard.path, before, what)


def _drop(path: Path, before: tuple[int, ...], what: str) -> Repair:
    if path.is_dir() and not path.is_symlink():
        return Repair(path, "is a folder; move it away", refused=True)
    if identity(path) != before:
        return Repair(path, "was written anew meanwhile; run this again", refused=True)
    unpublish(path.parents[1])
    path.unlink()
    flush_folder(path.parent)
    return Repair(path, what)


def _repair_index(folder: Path, described: Description) -> Iterator[Repair]:
    """Publish again where the index is not what it should be."""
    path = folder / index.FILE_NAME
    try:
        opened = [open_shard(p, described.space.id, described.columns) for p in shard_paths(folder)]
        wrong = _index_problem(path, [shard.name for shard, _ in opened])
        if wrong and opened:
            index.write(folder, described.columns, empty_lookup().extended(opened))
        elif wrong:
            unpublish(folder)
    except CacheError as error:
        yield Repair(path, f"not published: {error}", refused=True)
        return
    if wrong:
        yield Repair(path, f"{'published again' if opened else 'deleted'}: {wrong}")


def _index_problem(path: Path, names: list[str]) -> str | None:
    try:
        found = list(check_index(path, names))
    except VanishedShardError:
        return "there was none" if names else None
    except CacheError as error:
        return reason(path, error)
    return "; ".join(problem.what for problem in found) or None
