"""`StoredColumn`: a column of a store that reads like an array, row by row, when asked."""

from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.errors import VanishedShardError
from cache.lookup import Places
from cache.scanning import find_again
from cache.shards import Shard
from cache.space import Column

_ATTEMPTS = 10


class StoredColumn:
    """Rows of one column, in the order they were asked for; read from disk when indexed.

    Indexing the first axis works as in NumPy: ``column[3]``, ``column[10:20]``,
    ``column[[5, 2, 5]]``, ``column[mask]``; ``np.asarray(column)`` reads everything.  Every row is
    checked against its CRC-32 on every read.  It holds no open file, so it may be used from
    several threads, after a fork, and pickled (40 bytes a row travel, not the data).  If its shards
    were merged into others meanwhile, the rows are found there.

    Made by `Store.column`.

    Attributes
    ----------
    shape : tuple of int
        Rows first, then the shape of one row.
    dtype : numpy.dtype
    ndim : int
    """

    def __init__(self, column: Column, shards: tuple[Shard, ...], places: Places) -> None:
        self._column = column
        self._where = shards, places  # one attribute: threads must never see half of a change

    def __repr__(self) -> str:
        return f"StoredColumn({self._column.name!r}, shape={self.shape}, dtype={self.dtype})"

    def __len__(self) -> int:
        return len(self._where[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then the shape of one row."""
        return (len(self), *self._column.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype of one element."""
        return self._column.storage

    @property
    def ndim(self) -> int:
        """Number of axes, rows included."""
        return len(self.shape)

    def take(self, indices: Any) -> "StoredColumn":
        """Return a view of some rows, in that order, without reading them.

        Parameters
        ----------
        indices : slice, sequence of int, or boolean mask of shape (n_rows,)
            As in NumPy: negative numbers count from the end, rows may repeat.

        Raises
        ------
        IndexError
            For a row that is not there, or anything but a one-dimensional choice of rows.
        """
        rows = indices if isinstance(indices, slice) else np.asarray(indices)
        if isinstance(rows, np.ndarray):
            if rows.ndim != 1:
                raise IndexError(f"A StoredColumn is indexed by rows only. Got {indices!r}.")
            rows = rows.astype(np.intp) if rows.size == 0 else rows
        shards, places = self._where
        return StoredColumn(self._column, shards, places[rows])

    def read_into(self, out: NDArray[Any]) -> None:
        """Read all rows into an array, which spares the system new memory.

        Fastest where rows that lie side by side in a shard are asked for side by side.

        Parameters
        ----------
        out : ndarray of the column's shape and dtype, C-contiguous

        Raises
        ------
        ValueError
            For any other array.
        """
        if out.shape != self.shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise ValueError(
                f"The 'out' must be a C-contiguous array of {self.dtype} and shape {self.shape}. "
                f"Got {out.dtype} of shape {out.shape}."
            )
        self._read(slice(None), out)

    def __getitem__(self, item: Any) -> Any:
        rows = _first_axis(item)
        if isinstance(rows, int | np.integer):
            return self._read([rows])[0]
        return self._read(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("A StoredColumn lies on disk; it can't be an array without a copy.")
        values = self._read(slice(None))
        return values if dtype is None else values.astype(dtype, copy=False)

    def _read(self, rows: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        for _ in range(_ATTEMPTS):
            try:
                return self.take(rows)._read_all(out)
            except VanishedShardError as error:
                reason = error
                shards, places = self._where
                self._where = find_again(places, shards[0].path.parents[1])
        raise reason

    def _read_all(self, out: NDArray[Any] | None) -> NDArray[Any]:
        values = np.empty(self.shape, self.dtype) if out is None else out
        shards, places = self._where
        order = np.lexsort((places.row, places.shard))
        cuts = np.flatnonzero(np.diff(places.shard[order])) + 1
        for positions in np.split(order, cuts):
            here = places[positions]
            if len(here):  # of no rows np.split makes one empty piece
                shard, rows = shards[here.shard[0]], here.row.astype(np.intp)
                start, stop = positions[0], positions[-1] + 1
                if np.array_equal(positions, np.arange(start, stop)):  # no copy
                    shard.read(self._column.name, rows, here.keys, values[start:stop])
                else:
                    values[positions] = shard.read(self._column.name, rows, here.keys)
        return values


def _first_axis(item: Any) -> Any:
    """Return what indexes the rows; ``column[rows, ...]`` is how scikit-learn asks for them."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], EllipsisType):
        return item[0]
    if isinstance(item, tuple) or item is None or item is ...:
        raise IndexError(f"A StoredColumn is indexed by rows only. Got {item!r}.")
    return item
