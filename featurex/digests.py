"""Digests of values, so that a result can be known by all that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("featurex", "pipelines")
_ROOT = Path(__file__).parents[1]


def digest(*values: Any) -> str:
    """Return a name that only equal values share.

    Parameters
    ----------
    *values : any
        Numbers, text, None, arrays, DataFrames, dataclasses, and lists, tuples and dicts of them;
        the order of a dict counts.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        A value is of another kind.

    Examples
    --------
    >>> digest(1, "a") == digest(1, "a") != digest("1", "a")
    True
    """
    found = hashlib.sha256()
    _add(found, list(values))
    return found.hexdigest()


@cache
def source_digest() -> str:
    """Return a digest of this program's own files: it changes with any of them."""
    found = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.suffix in (".py", ".html", ".css", ".js"):
                found.update(f"{path.relative_to(_ROOT)} {path.stat().st_size} ".encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    """Add a value, with its kind and length before it, so that no two run into one another."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        text = json.dumps(value).encode()
        found.update(f"{type(value).__name__} {len(text)} ".encode() + text)
    elif isinstance(value, np.ndarray):
        _add_array(found, value)
    elif isinstance(value, pd.DataFrame):
        found.update(f"table {value.shape} ".encode())
        _add(found, [[str(name), str(value[name].dtype)] for name in value.columns])
        _add(found, pd.util.hash_pandas_object(value).to_numpy())
    elif isinstance(value, Mapping):
        found.update(f"mapping {len(value)} ".encode())
        for pair in value.items():
            _add(found, list(pair))
    elif isinstance(value, list | tuple):
        found.update(f"list {len(value)} ".encode())
        for item in value:
            _add(found, item)
    elif is_dataclass(value):
        found.update(f"{type(value).__name__} ".encode())
        _add(found, {field.name: getattr(value, field.name) for field in fields(value)})
    else:
        raise TypeError(f"A {type(value).__name__} has no digest.")


def _add_array(found: Any, array: np.ndarray) -> None:
    if array.dtype.kind == "O":
        _add(found, array.tolist())
        return
    found.update(f"array {array.dtype.str} {array.shape} ".encode())
    found.update(np.ascontiguousarray(array).tobytes())
