"""One shard: a complete, immutable HDF5 file of some rows, sorted by key, named by its keys."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.checksums import checksums
from cache.errors import CacheError, damaged, vanished
from cache.files import replacing
from cache.hdf5_writing import write_hdf5
from cache.keys import Keys, decode, digest, from_bytes, to_bytes
from cache.layout import (
    CHECKSUMS,
    KEYS,
    ROWS_ATTRIBUTE,
    SPACE_ATTRIBUTE,
    VERSION_ATTRIBUTE,
    Layout,
    read_layout,
)
from cache.plain import Block
from cache.space import SCHEMA_VERSION, Column

SHARDS_FOLDER = "shards"
SUFFIX = ".h5"
SHARD_NAME = re.compile(rf"[0-9a-f]{{16}}{re.escape(SUFFIX)}")
_PIECE_BYTES = 2**22  # of a column, brought into the order of the keys at a time
_GAP_BYTES = 2**14  # reading through a gap this wide costs less than another system call


@dataclass(frozen=True)
class Shard:
    """One shard on disk and where its arrays lie.  Holds no open file."""

    path: Path
    layout: Layout

    @property
    def name(self) -> str:
        """16 hexadecimal digits of the SHA-256 of its sorted keys."""
        return self.path.stem

    def read_keys(self) -> Keys:
        """Return its keys in the order of its rows.

        Raises
        ------
        DamagedShardError
            If they are not strictly ascending, or not the keys that the file is named by.
        """
        try:
            with self.path.open("rb") as file:
                keys = from_bytes(self.layout.keys.read(file, 0, self.layout.rows))
        except FileNotFoundError:
            raise vanished(self.path) from None
        except (OSError, EOFError) as error:
            raise damaged(self.path, f"its keys can't be read ({error})") from None
        if not np.all(keys[1:] > keys[:-1]) or digest(keys) != self.name:
            raise damaged(self.path, "its keys are not those that it is named by")
        return keys

    def read(
        self, column: str, rows: NDArray[np.intp], keys: Keys, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the values of `rows` (ascending), each checked against its CRC-32.

        They are in `out` where there is one: contiguous, of their shape and dtype.

        Raises
        ------
        DamagedShardError
            For the first row whose bytes are not the ones that were written.
        """
        values, wrong = self.examine(column, rows, keys, out)
        if len(wrong):
            key = decode(keys[wrong[:1]])[0]
            what = f"row {rows[wrong[0]]} of column {column!r} (key {key})"
            raise damaged(self.path, f"{what} is not what was written")
        return values

    def examine(
        self, column: str, rows: NDArray[np.intp], keys: Keys, out: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the values of `rows` (ascending) and which positions in `rows` are damaged."""
        try:
            values = self._gather(self.layout.values[column], rows, out)
            expected = self._gather(self.layout.checksums[column], rows)
        except FileNotFoundError:
            raise vanished(self.path) from None
        except (OSError, EOFError) as error:
            raise damaged(self.path, f"column {column!r} can't be read ({error})") from None
        return values, np.flatnonzero(checksums(keys, values) != expected)

    def _gather(
        self, block: Block, rows: NDArray[np.intp], out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        max_gap = max(1, _GAP_BYTES * block.shape[0] // block.n_bytes)
        values = np.empty((len(rows), *block.shape[1:]), block.dtype) if out is None else out
        with self.path.open("rb") as file:
            for run in _runs(rows, max_gap):
                _read_run(block, file, rows[run], values[run])
        return values


def shard_paths(path: Path) -> list[Path]:
    """Return the shards in a space's folder, sorted by name."""
    folder = path / SHARDS_FOLDER
    try:
        return sorted(file for file in folder.iterdir() if SHARD_NAME.fullmatch(file.name))
    except OSError as error:
        raise CacheError(
            f"{folder}: can't be listed ({error}). Restore it, or delete {path} and run again."
        ) from None


def open_shard(path: Path, space_id: str, columns: Sequence[Column]) -> tuple[Shard, Keys]:
    """Return a shard and its keys; reads no column's data.

    Raises
    ------
    SchemaError, DamagedShardError
        See `read_layout` and `Shard.read_keys`.
    """
    shard = Shard(path, read_layout(path, space_id, columns))
    return shard, shard.read_keys()


def write_shard(
    folder: Path,
    space_id: str,
    columns: Sequence[Column],
    keys: Keys,
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[Shard, Keys]:
    """Write one complete shard and return it with its keys in the order of its rows.

    Raises
    ------
    CacheError
        If it can't be written (a full disk, a missing permission); what is stored stays.
    """
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    path = folder / f"{digest(keys)}{SUFFIX}"
    try:
        with replacing(path) as temporary:
            write_hdf5(temporary, lambda file: _fill(file, space_id, columns, keys, arrays, order))
            written = read_layout(temporary, space_id, columns)
    except (OSError, RuntimeError) as error:
        raise CacheError(
            f"{path}: can't be written ({error}). Nothing stored is lost: free some space or mend "
            "the folder's permissions, then run the same command again."
        ) from None
    return Shard(path, written), keys


def _fill(
    file: Any,
    space_id: str,
    columns: Sequence[Column],
    keys: Keys,
    arrays: Mapping[str, NDArray[Any]],
    order: NDArray[np.intp],
) -> None:
    file.attrs[VERSION_ATTRIBUTE] = np.int64(SCHEMA_VERSION)
    file.attrs[SPACE_ATTRIBUTE] = np.bytes_(space_id.encode())
    file.attrs[ROWS_ATTRIBUTE] = np.int64(len(keys))
    file.create_dataset(KEYS, data=to_bytes(keys))
    for column in columns:
        values, sums = arrays[column.name], np.empty(len(keys), "<u4")
        written = file.create_dataset(column.name, (len(keys), *column.shape), column.storage)
        n_rows = max(1, _PIECE_BYTES * len(keys) // max(1, values.nbytes))
        for start in range(0, len(keys), n_rows):  # no second copy of all of it
            piece = slice(start, start + n_rows)
            rows = np.ascontiguousarray(values[order[piece]], dtype=column.storage)
            written[piece] = rows
            sums[piece] = checksums(keys[piece], rows)
        file.create_dataset(f"{CHECKSUMS}/{column.name}", data=sums)


def _read_run(
    block: Block, file: BufferedReader, rows: NDArray[np.intp], out: NDArray[Any]
) -> None:
    """Read ascending rows as one piece, and drop what lies between them."""
    start, stop = int(rows[0]), int(rows[-1]) + 1
    if np.array_equal(rows, np.arange(start, stop)):
        block.read(file, start, stop, out)
    else:
        out[:] = block.read(file, start, stop)[rows - start]


def _runs(ascending: NDArray[np.intp], max_gap: int) -> Iterator[slice]:
    """Cut ascending row numbers where the gap is too wide to read through."""
    cuts = np.flatnonzero(np.diff(ascending) > max_gap) + 1
    edges = [0, *cuts.tolist(), len(ascending)]
    return (slice(start, stop) for start, stop in pairwise(edges))
