"""`Store`: the rows of one space, found by key, in append-only shards."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import description, index
from cache.arguments import checked_arrays, different_keys
from cache.columns import StoredColumn
from cache.description import Description
from cache.errors import CacheError
from cache.index_check import shows
from cache.keys import Keys, decode, encode
from cache.lookup import empty_lookup
from cache.scanning import all_found, scan
from cache.shards import SHARDS_FOLDER, shard_paths, write_shard
from cache.space import Column, Space

BATCH_BYTES = 2**26
_ATTEMPTS = 10


class Store:
    """A keyed, append-only store of columns: one folder of immutable HDF5 shards.

    Open one with `Store.open` (makes it where needed) or `Store.open_existing`.  Several threads
    and processes may read and append at once; a store sees the shards that were complete when it
    was opened, those it appended itself, and others' after `refresh`.  Pickled, it opens again.

    Attributes
    ----------
    path : Path
        The space's folder, ``root/kind-id``.
    space : Space
    columns : tuple of Column
    made_by : mapping of str to str
        What the maker of the space noted about itself (program, versions).
    created : str
        When the space was made (ISO 8601, UTC).

    Examples
    --------
    >>> import hashlib, tempfile
    >>> space = Space("demo", {"layer": "pool"})
    >>> store = Store.open(tempfile.mkdtemp(), space, [Column("embedding", "float32", (2,))])
    >>> keys = [hashlib.sha256(photo).hexdigest() for photo in (b"one", b"two")]
    >>> shard = store.append(keys, {"embedding": np.array([[1, 2], [3, 4]], np.float32)})
    >>> store.column("embedding", keys[::-1])[:]
    array([[3., 4.],
           [1., 2.]], dtype=float32)
    """

    def __init__(self, path: Path, described: Description) -> None:
        self.path = path.absolute()  # a later change of directory must not matter
        self.space = described.space
        self.columns = described.columns
        self.made_by = described.made_by
        self.created = described.created
        self._lookup = empty_lookup()
        self._lock = threading.Lock()
        self.refresh()

    @classmethod
    def open(
        cls,
        root: str | Path,
        space: Space,
        columns: Sequence[Column],
        *,
        made_by: Mapping[str, str] | None = None,
    ) -> "Store":
        """Open the store of a space, making it if it is not there.

        Parameters
        ----------
        root : path
            The cache's folder; made if needed.
        space : Space
        columns : sequence of Column
            All columns of the space, in any order.
        made_by : mapping of str to str, optional
            Noted in ``space.json`` when the space is made; not compared later.

        Raises
        ------
        SchemaError
            If the space on disk has other columns or another schema version.
        CacheError
            If the space or one of its shards can't be read or made.
        """
        path = Path(root) / space.folder
        described = description.describe(space, columns, made_by)
        try:
            (path / SHARDS_FOLDER).mkdir(parents=True, exist_ok=True)
            if not (path / description.FILE_NAME).exists():
                description.create(path, described)
        except OSError as error:
            raise CacheError(f"{path}: can't be made ({error}). Choose another folder.") from None
        found = description.read(path)
        description.check_columns(path / description.FILE_NAME, found.columns, columns)
        return cls(path, found)

    @classmethod
    def open_existing(cls, root: str | Path, folder: str) -> "Store":
        """Open the store in ``root/folder`` as it describes itself.

        Raises
        ------
        ValueError
            If `folder` is not the plain name of a folder.
        CacheError
            If it is not there or can't be read.
        """
        if folder in ("", ".", "..") or Path(folder).name != folder:
            raise ValueError(f"The 'folder' of a store must be a plain name. Got {folder!r}.")
        path = Path(root) / folder
        return cls(path, description.read(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return Store.open_existing, (self.path.parent, self.path.name)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, rows={len(self)})"

    def __len__(self) -> int:
        return len(self._lookup.places)

    @property
    def n_shards(self) -> int:
        """Number of shards that the store sees."""
        return len(self._lookup.shards)

    def keys(self) -> list[str]:
        """Return all keys, sorted."""
        return decode(self._lookup.places.keys)

    def contains(self, keys: Sequence[str] | Keys) -> NDArray[np.bool_]:
        """Tell for each key whether the store holds its row; shape (n,).

        Who asks several stores about many keys asks fastest with what `encode_keys` returns.

        Raises
        ------
        ValueError
            For a key that is not 64 lower-case hexadecimal characters.
        """
        return self._lookup.find(encode(keys)) >= 0

    def append(self, keys: Sequence[str], columns: Mapping[str, NDArray[Any]]) -> str:
        """Store rows as one complete shard, flushed to disk before it gets its name.

        The same keys again replace their shard (same name).  A key that is already in another
        shard is stored twice; the first shard by name counts, and `verify` says so.

        Parameters
        ----------
        keys : sequence of str, length n
            1 to 1,048,576 different keys.
        columns : mapping of str to array
            Every column of the store, of its dtype and of shape (n, *column.shape).

        Returns
        -------
        str
            Name of the shard, without suffix.

        Raises
        ------
        ValueError
            For bad keys, columns missing or unknown, or arrays of another dtype or shape.
        CacheError
            If the shard can't be written.
        """
        raw = different_keys(keys)
        arrays = checked_arrays(self.columns, columns, len(raw))
        folder = self.path / SHARDS_FOLDER
        shard, raw = write_shard(folder, self.space.id, self.columns, raw, arrays)
        with self._lock:
            if all(known.name != shard.name for known in self._lookup.shards):
                self._lookup = self._lookup.extended([(shard, raw)])
        return shard.name

    def column(self, name: str, keys: Sequence[str] | None = None) -> StoredColumn:
        """Return one column of the given rows, in their order, without reading it.

        Parameters
        ----------
        name : str
        keys : sequence of str, optional
            The rows; all rows in the order of `Store.keys` by default.

        Raises
        ------
        ValueError
            For an unknown column or a malformed key.
        MissingRowError
            If the store does not hold all rows.
        """
        column = self._column(name)
        lookup = self._lookup
        if keys is None:
            return StoredColumn(column, lookup.shards, lookup.places)
        positions = all_found(self.path, lookup, encode(keys))
        return StoredColumn(column, lookup.shards, lookup.places[positions])

    def refresh(self) -> None:
        """See the shards that other processes finished, or deleted, since.

        Raises
        ------
        DamagedShardError, SchemaError
            For the first shard that can't be opened; see `verify`.
        """
        with self._lock:
            self._lookup = scan(self.path, self.space.id, self.columns, self._lookup)

    def publish(self) -> Path:
        """Write ``index.h5``, in which any HDF5 reader sees all rows as one data set.

        Returns
        -------
        Path
            The file: one virtual dataset a column and ``keys``, over the shards that are complete
            now.  Rows lie shard by shard; a key in two shards counts once.  Left as it is where it
            shows them already.

        Raises
        ------
        CacheError
            If the store is empty or the file can't be written.
        """
        for _ in range(_ATTEMPTS):
            self.refresh()
            shown = self._lookup
            path = self.path / index.FILE_NAME
            if not shows(path, [shard.name for shard in shown.shards]):
                index.write(path.parent, self.columns, shown)
            if {shard.path for shard in shown.shards} <= set(shard_paths(self.path)):
                break  # else shards were merged meanwhile
        return path

    def batches(
        self, names: Sequence[str] | None = None, max_bytes: int = BATCH_BYTES
    ) -> Iterator[tuple[list[str], dict[str, NDArray[Any]]]]:
        """Read all rows, a piece at a time, in the order in which they lie on disk.

        Parameters
        ----------
        names : sequence of str, optional
            Columns; all by default.
        max_bytes : int
            The most that one piece holds, unless a single row is larger.

        Yields
        ------
        keys : list of str, length n
        columns : dict of str to array of shape (n, *column.shape)

        Raises
        ------
        ValueError
            For an unknown column.
        """
        columns = [self._column(name) for name in names or [c.name for c in self.columns]]
        lookup = self._lookup
        ordered = lookup.places[np.lexsort((lookup.places.row, lookup.places.shard))]
        step = max(1, max_bytes // sum(column.row_bytes for column in columns))
        for start in range(0, len(ordered), step):
            piece = ordered[start : start + step]
            rows = {c.name: StoredColumn(c, lookup.shards, piece)[:] for c in columns}
            yield decode(piece.keys), rows

    def _column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        names = ", ".join(column.name for column in self.columns)
        raise ValueError(f"The store {self.path} has no column {name!r}; it has {names}.")
