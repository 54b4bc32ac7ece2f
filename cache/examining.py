"""One shard, read whole: which of its rows can be trusted, and what is wrong with the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache.description import Description
from cache.errors import REMEDY, CacheError
from cache.keys import Keys
from cache.layout import extra_arrays
from cache.shards import Shard, open_shard
from cache.space import Column

_BATCH_BYTES = 2**26


@dataclass(frozen=True)
class Examined:
    """What a shard holds.

    Attributes
    ----------
    shard : Shard
    keys : ndarray of shape (n,), S32
    sound : ndarray of shape (n,), bool
        Rows whose every value is what was written.
    problems : tuple of str
        What is wrong; empty for a sound shard.
    """

    shard: Shard
    keys: Keys
    sound: NDArray[np.bool_]
    problems: tuple[str, ...]


def examine(path: Path, described: Description) -> Examined:
    """Read a shard and check every row of it.

    Raises
    ------
    SchemaError, DamagedShardError
        If not even its keys can be trusted.
    """
    shard, keys = open_shard(path, described.space.id, described.columns)
    problems = []
    if extra := extra_arrays(path, described.columns):
        problems.append(f"has arrays that the space does not know: {', '.join(extra)}")
    sound = np.ones(len(keys), dtype=bool)
    for column in described.columns:
        wrong = np.concatenate([*_wrong_rows(shard, column, keys)])
        sound[wrong] = False
        if len(wrong):
            problems.append(
                f"{len(wrong)} of {len(keys)} rows of column {column.name!r} are not what was "
                f"written, the first is row {wrong[0]}"
            )
    return Examined(shard, keys, sound, tuple(problems))


def reason(path: Path, error: CacheError) -> str:
    """Return what an error says beside the file's name and the remedy."""
    return str(error).removeprefix(f"{path}: ").removesuffix(f". {REMEDY}")


def _wrong_rows(shard: Shard, column: Column, keys: Keys) -> Iterator[NDArray[np.intp]]:
    step = max(1, _BATCH_BYTES // column.row_bytes)
    for start in range(0, len(keys), step):
        rows = np.arange(start, min(start + step, len(keys)))
        yield rows[shard.examine(column.name, rows, keys[rows])[1]]
