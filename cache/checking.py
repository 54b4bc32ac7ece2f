"""`verify`: read everything in a cache and list what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import description, index
from cache.description import Description
from cache.errors import REMEDY, CacheError
from cache.files import is_temporary
from cache.keys import Keys
from cache.layout import extra_arrays
from cache.listing import space_folders
from cache.lookup import Lookup, empty_lookup
from cache.shards import SHARD_NAME, SHARDS_FOLDER, Shard, open_shard
from cache.space import Column

_BATCH_BYTES = 2**26
_LEFTOVER = "left by a writer that was killed or still runs; if none runs, delete it"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the file or folder, and what is wrong with it."""

    path: Path
    what: str


def verify(root: str | Path) -> list[Problem]:
    """Read every byte of a cache and list what is wrong; an empty list says it is sound.

    Found are: unreadable descriptions; shards that are truncated, foreign, of another schema, or
    named by other keys; missing, extra and ill-formed arrays; rows whose CRC-32 is wrong; keys in
    two shards; an index that is out of date; files left by killed writers; unknown files.  A
    shard without a sound structure is one problem; its rows are not looked at.

    Raises
    ------
    CacheError
        If `root` itself is no folder.  Damage inside never raises.
    """
    return [problem for folder in space_folders(root) for problem in _check_space(folder)]


def _check_space(folder: Path) -> Iterator[Problem]:
    try:
        described = description.read(folder)
    except CacheError as error:
        yield _problem(folder / description.FILE_NAME, error)
        return
    yield from _check_names(folder)
    sound: list[tuple[Shard, Keys]] = []
    for path in _files(folder / SHARDS_FOLDER):
        if SHARD_NAME.fullmatch(path.name):
            yield from _check_shard(path, described, sound)
    lookup = empty_lookup().extended(sound)
    yield from _doubled_keys(lookup)
    yield from _check_index(folder, lookup)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _check_names(folder: Path) -> Iterator[Problem]:
    """Yield what should not lie in a space's folder, and a missing folder of shards."""
    if not (folder / SHARDS_FOLDER).is_dir():
        yield Problem(folder / SHARDS_FOLDER, "no such folder; make it, or delete the space")
    expected = {description.FILE_NAME, index.FILE_NAME, SHARDS_FOLDER}
    for path in _files(folder):
        if path.name not in expected:
            yield _stray(path)
    for path in _files(folder / SHARDS_FOLDER):
        if not SHARD_NAME.fullmatch(path.name):
            yield _stray(path)


def _stray(path: Path) -> Problem:
    return Problem(path, _LEFTOVER if is_temporary(path) else "no file of a cache; move it away")


def _check_shard(
    path: Path, described: Description, sound: list[tuple[Shard, Keys]]
) -> Iterator[Problem]:
    """Yield a shard's problems; one that can be opened joins `sound`."""
    try:
        shard, keys = open_shard(path, described.space.id, described.columns)
        extra = extra_arrays(path, described.columns)
    except CacheError as error:
        yield _problem(path, error)
        return
    sound.append((shard, keys))
    if extra:
        yield Problem(path, f"has arrays that the space does not know: {', '.join(extra)}")
    for column in described.columns:
        yield from _check_rows(shard, column, keys)


def _check_rows(shard: Shard, column: Column, keys: Keys) -> Iterator[Problem]:
    try:
        wrong = _wrong_rows(shard, column, keys)
    except CacheError as error:
        yield _problem(shard.path, error)
        return
    if wrong:
        yield Problem(
            shard.path,
            f"{len(wrong)} of {len(keys)} rows of column {column.name!r} are not what was "
            f"written, the first is row {wrong[0]}",
        )


def _wrong_rows(shard: Shard, column: Column, keys: Keys) -> Sequence[int]:
    step = max(1, _BATCH_BYTES // column.row_bytes)
    wrong: list[int] = []
    for start in range(0, len(keys), step):
        rows = np.arange(start, min(start + step, len(keys)))
        _, positions = shard.examine(column.name, rows, keys[rows])
        wrong += rows[positions].tolist()
    return wrong


def _doubled_keys(lookup: Lookup) -> Iterator[Problem]:
    counted = np.bincount(lookup.places.shard, minlength=len(lookup.shards))
    for shard, n_rows in zip(lookup.shards, counted, strict=True):
        doubled = shard.layout.rows - n_rows
        if doubled:
            what = f"{doubled} of its keys are also in shards that come first by name and count"
            yield Problem(shard.path, what)


def _check_index(folder: Path, lookup: Lookup) -> Iterator[Problem]:
    path = folder / index.FILE_NAME
    if not path.exists():
        return
    try:
        current = index.is_current(path, lookup)
    except CacheError as error:
        yield _problem(path, error)
        return
    if not current:
        yield Problem(
            path, "out of date: it does not show the shards that are there; publish again"
        )


def _problem(path: Path, error: CacheError) -> Problem:
    return Problem(path, str(error).removeprefix(f"{path}: ").removesuffix(f" {REMEDY}"))
