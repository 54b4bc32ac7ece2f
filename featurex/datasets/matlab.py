"""Reading a table out of a MATLAB v5 file from anyone.

The file's one structure has fields of equal length: rows of numbers, and rows of cells of text.
scipy reads it, after :mod:`~featurex.datasets.matlab_walk` found nothing else in it.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from featurex.datasets.matlab_walk import TAG, MatlabError, check_structure, variable_name
from featurex.exceptions import DatasetError
from featurex.files import open_regular

MAX_MATLAB_BYTES = 512 << 20  # also decompressed; IMDB's is about 170 MB

_HEADER_BYTES = 128
_VERSION = b"\x00\x01IM"  # version 5, little-endian: the last four bytes of the header
_MATRIX, _COMPRESSED = 14, 15


def read_structure(
    path: Path, name: str, *, numbers: tuple[str, ...], texts: tuple[str, ...]
) -> pd.DataFrame:
    """Read fields of a structure that are as long as each other.

    Parameters
    ----------
    path : Path
        A MATLAB v5 file, compressed or not, of at most 512 MiB when decompressed.
    name : str
        The structure's name.
    numbers, texts : tuple of str
        The fields wanted: rows of numbers, and rows of cells of text.

    Returns
    -------
    DataFrame
        One row an entry; numbers as float64, texts as str (an empty cell gives an empty one).

    Raises
    ------
    DatasetError
        If the file can't be read, isn't such a file, or lacks the structure or a field.
    """
    try:
        with open_regular(path, MAX_MATLAB_BYTES) as file:
            structure = _load(_only_variable(file.read(), name), name)
        columns = {field: _numbers(structure, field) for field in numbers}
        # Not as pandas' own text: it may refuse half a surrogate pair, which a path can hold.
        columns |= {f: pd.Series(_texts(structure, f), dtype=object) for f in texts}
        return _table(columns)
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}.") from error
    except MatlabError as error:
        raise DatasetError(
            f"{path} isn't the MATLAB v5 file that was expected: {error}."
        ) from error


def _only_variable(data: bytes, name: str) -> bytes:
    """Return a file of one variable alone, decompressed and checked."""
    header = data[:_HEADER_BYTES]
    if not header.endswith(_VERSION):
        raise MatlabError("its first 128 bytes are no header of version 5. Save it with -v7")
    for variable in _variables(data):
        if variable_name(variable) == name.encode():
            variable = variable[: TAG.size + TAG.unpack_from(variable)[1]]
            check_structure(variable)
            return header + variable
    raise MatlabError(f"it has no variable {name!r}")


def _variables(data: bytes) -> Iterator[bytes]:
    position = _HEADER_BYTES
    while position + TAG.size <= len(data):
        kind, size = TAG.unpack_from(data, position)
        end = position + TAG.size + size
        if end > len(data):
            raise MatlabError("it is cut off")
        if kind == _COMPRESSED:
            yield _decompress(data[position + TAG.size : end])
        elif kind == _MATRIX:
            yield data[position:end]
        position = end


def _decompress(data: bytes) -> bytes:
    try:
        variable = zlib.decompressobj().decompress(data, MAX_MATLAB_BYTES + 1)
    except zlib.error as error:
        raise MatlabError("its compressed data are damaged") from error
    if len(variable) > MAX_MATLAB_BYTES:
        raise MatlabError(f"it has more than {MAX_MATLAB_BYTES} bytes when decompressed")
    return variable


def _load(data: bytes, name: str) -> np.void:
    from scipy.io import loadmat

    try:
        structure = loadmat(BytesIO(data), variable_names=[name])[name]
    except Exception as error:  # on odd bytes scipy raises whatever it happens to meet
        raise MatlabError(f"scipy can't read it ({type(error).__name__})") from error
    if structure.dtype.names is None:
        raise MatlabError(f"its structure {name!r} has no fields")
    if structure.size != 1:
        raise MatlabError(f"it has {structure.size} structures {name!r}, not one")
    return structure.reshape(-1)[0]


def _row(structure: np.void, field: str) -> NDArray[Any]:
    """Return a field as a one-dimensional array."""
    if field not in (structure.dtype.names or ()):
        raise MatlabError(f"it has no field {field!r}")
    values = np.asarray(structure[field])
    if values.size > 1 and values.size != max(values.shape):
        raise MatlabError(f"the field {field!r} is no row")
    return values.reshape(-1)


def _numbers(structure: np.void, field: str) -> NDArray[np.float64]:
    values = _row(structure, field)
    if values.dtype.kind not in "biuf":
        raise MatlabError(f"the field {field!r} has no numbers")
    return values.astype(np.float64)


def _texts(structure: np.void, field: str) -> list[str]:
    cells = _row(structure, field)
    if cells.dtype != object:
        raise MatlabError(f"the field {field!r} has no cells")
    return [_text(cell, field) for cell in cells]


def _text(cell: Any, field: str) -> str:
    if cell.size == 0:
        return ""
    if cell.size > 1 or cell.dtype.kind != "U":
        raise MatlabError(f"a cell of the field {field!r} isn't one line of text")
    return str(cell.item())


def _table(columns: dict[str, Any]) -> pd.DataFrame:
    lengths = {field: len(values) for field, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{field} {length}" for field, length in lengths.items())
        raise MatlabError(f"its fields are not equally long ({shown})")
    return pd.DataFrame(columns)
