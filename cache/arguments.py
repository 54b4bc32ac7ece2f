"""Checks of what `Store.append` is given."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.keys import Keys, decode, encode
from cache.layout import MAX_ROWS
from cache.space import Column


def different_keys(keys: Sequence[str]) -> Keys:
    """Return the raw keys of one append.

    Raises
    ------
    ValueError
        For no keys, too many, malformed ones, or one that comes twice.
    """
    raw = encode(keys)
    if not 1 <= len(raw) <= MAX_ROWS:
        raise ValueError(f"One append takes 1 to {MAX_ROWS} rows. Got {len(raw)}.")
    ascending = np.sort(raw)
    twice = np.flatnonzero(ascending[1:] == ascending[:-1])
    if len(twice):
        key = decode(ascending[twice[:1]])[0]
        raise ValueError(f"Keys must be different in one append. Got {key} more than once.")
    return raw


def checked_arrays(
    columns: Sequence[Column], given: Mapping[str, NDArray[Any]], n_rows: int
) -> dict[str, NDArray[Any]]:
    """Return one array a column, each of the column's dtype and shape.

    Raises
    ------
    ValueError
        For columns missing or unknown, or an array of another dtype, shape or length.
    """
    names = {column.name for column in columns}
    if names != set(given):
        raise ValueError(
            f"An append needs every column of the store ({sorted(names)}). Got {sorted(given)}."
        )
    arrays = {column.name: np.asarray(given[column.name]) for column in columns}
    for column in columns:
        array, shape = arrays[column.name], (n_rows, *column.shape)
        if array.shape != shape or not _fits(array.dtype, column.storage):
            raise ValueError(
                f"Column {column.name!r} must be {column.dtype} of shape {shape}. "
                f"Got {array.dtype} of shape {array.shape}."
            )
    return arrays


def _fits(given: np.dtype[Any], stored: np.dtype[Any]) -> bool:
    """Tell whether values keep their type: numbers exactly, strings also from narrower ones."""
    if stored.kind == "S":
        return given.kind == "S" and given.itemsize <= stored.itemsize
    return np.can_cast(given, stored, casting="equiv")
