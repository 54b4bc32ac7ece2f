"""``index.h5``: an HDF5 virtual dataset a column, over all shards of a space."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from h5py import h5d, h5p, h5s, h5t

from cache import layout
from cache.checksums import seal
from cache.errors import CacheError
from cache.files import replacing
from cache.hdf5_writing import write_hdf5
from cache.keys import KEY_BYTES
from cache.lookup import Lookup
from cache.space import SCHEMA_VERSION, Column

FILE_NAME = "index.h5"
SHARDS = "shards"
SHARDS_ATTRIBUTE = "shards"

Piece = tuple[str, int, int, int]  # shard's file below the space's folder, its rows, start, stop


def write(folder: Path, columns: Sequence[Column], lookup: Lookup) -> Path:
    """Write the index of a space and return its path.

    Raises
    ------
    CacheError
        If there are no rows yet, or the file can't be written.
    """
    if not lookup.shards:
        raise CacheError(f"{folder}: has no rows to publish yet. Run the extraction first.")
    path = folder / FILE_NAME
    try:
        with replacing(path) as temporary:
            write_hdf5(temporary, lambda file: _fill(file, columns, lookup))
            seal(temporary)
    except (OSError, RuntimeError) as error:
        raise CacheError(
            f"{path}: can't be written ({error}). The shards are untouched: free some space or "
            "mend the folder's permissions, then run the same command again."
        ) from None
    return path


def _fill(file: Any, columns: Sequence[Column], lookup: Lookup) -> None:
    file.attrs[layout.VERSION_ATTRIBUTE] = np.int64(SCHEMA_VERSION)
    file.attrs[layout.ROWS_ATTRIBUTE] = np.int64(len(lookup.places))
    file.attrs[SHARDS_ATTRIBUTE] = np.int64(len(lookup.shards))
    file.create_dataset(SHARDS, data=np.array(_shard_names(lookup), dtype="S16"))
    pieces = list(_pieces(lookup))
    _add(file, layout.KEYS, np.dtype(np.uint8), (KEY_BYTES,), pieces)
    for column in columns:
        _add(file, column.name, column.storage, column.shape, pieces)


def _shard_names(lookup: Lookup) -> list[str]:
    return sorted(shard.name for shard in lookup.shards)


def _pieces(lookup: Lookup) -> Iterator[Piece]:
    """Yield runs of rows, shard by shard: whole shards but for keys that another shard holds."""
    by_name = sorted(enumerate(lookup.shards), key=lambda numbered: numbered[1].name)
    order = np.lexsort((lookup.places.row, lookup.places.shard))
    shard_numbers = lookup.places.shard[order]
    for number, shard in by_name:
        first, last = np.searchsorted(shard_numbers, [number, number + 1])
        rows = lookup.places.row[order[first:last]]
        file = f"{shard.path.parent.name}/{shard.path.name}"
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if len(run):
                yield file, shard.layout.rows, int(run[0]), int(run[-1]) + 1


def _add(
    file: Any, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], pieces: Sequence[Piece]
) -> None:
    n_rows = sum(stop - start for _, _, start, stop in pieces)
    # h5py's lower level: its VirtualLayout takes a quarter of a millisecond for every shard.
    shown = h5s.create_simple((n_rows, *shape))
    properties = h5p.create(h5p.DATASET_CREATE)
    filled = 0
    for shard, rows, start, stop in pieces:
        source = h5s.create_simple((rows, *shape))
        source.select_hyperslab((start, *[0] * len(shape)), (stop - start, *shape))
        shown.select_hyperslab((filled, *[0] * len(shape)), (stop - start, *shape))
        properties.set_virtual(shown, shard.encode(), name.encode(), source)
        filled += stop - start
    if dtype.kind == "f":
        # The rows of a shard that was deleted later read as NaN, not as a plausible zero.
        properties.set_fill_value(np.asarray(np.nan, dtype))
    shown.select_all()
    h5d.create(file.id, name.encode(), h5t.py_create(dtype, logical=True), shown, properties)
