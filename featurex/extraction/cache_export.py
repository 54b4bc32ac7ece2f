"""A space of the cache as one file for other programs: ``.npy``, ``.csv`` or ``.parquet``.

All are written a piece at a time, and complete or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from cache import CacheError, Column, Store, find_space
from featurex.exceptions import FeaturexError
from featurex.files import replacing

MAX_TABLE_COLUMNS = 16_384  # what spreadsheets open; a chip has 67,500 numbers
PIECE_BYTES = 2**24
_KEY = "key"


def export_space(root: str | Path, space: str, out: str | Path, column: str | None = None) -> int:
    """Write a space's rows to a file.

    Parameters
    ----------
    root : path-like
        The cache's folder.
    space : str
        Name of the space's folder, or an unambiguous beginning of it.
    out : path-like
        Its suffix says the format. ``.npy``: the array of one column, ``(n, *shape)``, and beside
        it, as ``.keys.txt``, the rows' keys, one a line. ``.csv``: the key, then one column a
        number. ``.parquet``: the key, then one column a column, arrays as flat lists of a fixed
        length; needs pyarrow. The rows lie in the order of the shards.
    column : str, optional
        All columns by default; ``.npy`` needs it where there are several.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        No such space or column, another suffix, or more than 16,384 numbers a row for a table.
    CacheError
        The space is damaged or empty.
    FeaturexError
        The file can't be written, or pyarrow is missing.
    """
    out = Path(out)
    if out.suffix not in _WRITERS:
        raise ValueError(f"Export writes {', '.join(_WRITERS)} files. Got {str(out)!r}.")
    folder = find_space(root, space)
    if folder.parent.resolve() in out.resolve().parents:
        raise ValueError(f"{out} lies inside the cache. Name a file outside of {root}.")
    store = Store.open_existing(root, folder.name)
    columns = _chosen(store, column)
    if not len(store):
        raise CacheError(f"{folder}: has no rows to export yet. Run the extraction first.")
    try:
        _WRITERS[out.suffix](store, columns, out)
    except OSError as error:
        raise FeaturexError(f"{out}: can't be written ({error.strerror or error}).") from None
    return len(store)


def _chosen(store: Store, name: str | None) -> list[Column]:
    if name is None:
        return list(store.columns)
    store.column(name, [])  # raises the ValueError that names the columns
    return [column for column in store.columns if column.name == name]


def _write_npy(store: Store, columns: Sequence[Column], out: Path) -> None:
    if len(columns) > 1:
        names = ", ".join(column.name for column in columns)
        raise ValueError(f"A .npy file holds one column. Choose one of {names} with --column.")
    (column,) = columns
    shape = (len(store), *column.shape)
    with (
        replacing(out) as part,
        part.open("wb") as array,
        replacing(out.with_suffix(".keys.txt")) as key_part,
        key_part.open("w", encoding="ascii", newline="\n") as lines,
    ):
        _write_header(array, column.storage, shape)
        for keys, rows in store.batches([column.name], PIECE_BYTES):
            array.write(rows[column.name].astype(column.storage, copy=False).tobytes())
            lines.writelines(f"{key}\n" for key in keys)


def _write_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    # numpy's own files of a given size are mapped into memory: a full disk ends the process there.
    descr = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _write_csv(store: Store, columns: Sequence[Column], out: Path) -> None:
    for column in columns:
        if math.prod(column.shape) > MAX_TABLE_COLUMNS:
            raise ValueError(
                f"A row of {column.name!r} has {math.prod(column.shape)} numbers, more than the "
                f"{MAX_TABLE_COLUMNS} columns of a table. Write a .npy file."
            )
    with replacing(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        for number, (keys, rows) in enumerate(_pieces(store, columns)):
            table = {_KEY: keys} | {k: v for c in columns for k, v in _flat(c, rows[c.name])}
            pd.DataFrame(table, copy=False).to_csv(file, header=number == 0, index=False)


def _write_parquet(store: Store, columns: Sequence[Column], out: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise FeaturexError(
            f"{out}: Parquet files need pyarrow, which is not installed: run "
            "'pip install pyarrow', or name a .npy or .csv file."
        ) from None
    writer = None
    with replacing(out) as part:
        try:
            for keys, rows in _pieces(store, columns):
                arrays = {c.name: _arrow(pa, c, rows[c.name]) for c in columns}
                table = pa.table({_KEY: pa.array(keys, pa.string())} | arrays)
                writer = writer or parquet.ParquetWriter(part, table.schema)
                writer.write_table(table)
        finally:
            if writer:
                writer.close()


def _pieces(store: Store, columns: Sequence[Column]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    return store.batches([column.name for column in columns], PIECE_BYTES)


def _flat(column: Column, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield one column of a table for every number of a row, as ``box_0`` and ``box_1``."""
    if not column.shape:
        yield column.name, _text(rows)
        return
    flat = rows.reshape(len(rows), -1)
    yield from ((f"{column.name}_{i}", _text(flat[:, i])) for i in range(flat.shape[1]))


def _arrow(pa: Any, column: Column, rows: np.ndarray) -> Any:
    flat = pa.array(_text(rows.reshape(-1)))
    if not column.shape:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, math.prod(column.shape))


def _text(values: np.ndarray) -> np.ndarray:
    """Return byte strings as text; whatever is no UTF-8 is shown as its bytes."""
    if values.dtype.kind != "S":
        return values
    return np.array([value.decode("utf-8", "backslashreplace") for value in values], dtype=object)


_WRITERS: dict[str, Callable[[Store, Sequence[Column], Path], None]] = {
    ".npy": _write_npy,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
