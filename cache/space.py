"""What a store holds: a `Space` (how its rows were made) and its columns."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
MAX_ROW_BYTES = 2**28
_KIND = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")
FOLDER_NAME = re.compile(rf"{_KIND.pattern}-[0-9a-f]{{16}}")  # of a space's folder in a cache
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_RESERVED_NAMES = frozenset({"keys", "crc32", "shards"})


@dataclass(frozen=True)
class Column:
    """One column of a store: one array of a fixed dtype and shape for every key.

    Parameters
    ----------
    name : str
        A letter, then letters, digits, ``_`` or ``-`` (it names an HDF5 dataset).
        ``keys``, ``crc32`` and ``shards`` are taken.
    dtype : str
        Boolean, integer, or floating-point up to 64 bits (``"bool"``, ``"uint8"``,
        ``"float32"`` …), or byte strings of a fixed width (``"S200"``; trailing NUL bytes are not
        part of the value).  Any NumPy spelling is understood; numbers are little-endian on disk.
    shape : tuple of int, default=()
        Shape of one row's value; ``()`` is one number (or one string) a row.

    Raises
    ------
    ValueError
        For a name, dtype or shape that can't be stored.

    Examples
    --------
    >>> Column("embedding", "<f4", (736,))
    Column(name='embedding', dtype='float32', shape=(736,))
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _checked_name(self.name))
        object.__setattr__(self, "dtype", _canonical_dtype(self.name, self.dtype))
        object.__setattr__(self, "shape", _checked_shape(self.name, self.shape))
        if self.row_bytes > MAX_ROW_BYTES:
            raise ValueError(
                f"A row of column {self.name!r} would take {self.row_bytes} bytes; "
                f"the limit is {MAX_ROW_BYTES}."
            )

    @property
    def storage(self) -> np.dtype[Any]:
        """NumPy dtype of one element, little-endian, as it lies on disk."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """Size of one row's value in bytes."""
        size = self.storage.itemsize
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Space:
    """How the rows of a store were made.  Two spaces never mix.

    Parameters
    ----------
    kind : str
        Readable name and start of the folder's name: lower-case letters, digits and ``._@-``.
    settings : mapping of str to JSON values
        Everything that changes the numbers (aligner, weights' hash, layer, dtype …).
        Another value, another space; 1, 1.0 and true are three values.

    Attributes
    ----------
    id : str
        First 16 hexadecimal digits of the SHA-256 of kind and settings as canonical JSON.

    Raises
    ------
    ValueError
        For a kind that is no safe file name, or settings that JSON can't hold exactly.

    Examples
    --------
    >>> Space("faces", {"aligner": "dlib-5-point", "size": 150}).folder
    'faces-930fc0c9a1a7cac6'
    """

    kind: str
    settings: Mapping[str, Any] = field(compare=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not _KIND.fullmatch(self.kind):
            raise ValueError(
                "The 'kind' of a Space must be 1 to 100 lower-case letters, digits or '._@-', "
                f"starting with a letter or digit. Got {self.kind!r}."
            )
        settings = _checked_settings(self.settings)
        object.__setattr__(self, "settings", settings)
        canonical = _canonical_json({"kind": self.kind, "settings": settings})
        object.__setattr__(self, "id", hashlib.sha256(canonical.encode()).hexdigest()[:16])

    @property
    def folder(self) -> str:
        """Name of the space's folder in a cache: kind and id."""
        return f"{self.kind}-{self.id}"


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _COLUMN_NAME.fullmatch(name) or name in _RESERVED_NAMES:
        raise ValueError(
            "The 'name' of a Column must be a letter, then up to 62 letters, digits, '_' or '-', "
            f"and none of {sorted(_RESERVED_NAMES)}. Got {name!r}."
        )
    return name


def _canonical_dtype(name: str, dtype: Any) -> str:
    try:
        parsed = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # NumPy has some texts parsed as Python
        parsed = np.dtype(object)
    number = parsed.kind in "biuf" and parsed.itemsize <= 8
    if not (number or (parsed.kind == "S" and parsed.itemsize > 0)):
        raise ValueError(
            f"The 'dtype' of column {name!r} must be boolean, integer, floating-point (up to 64 "
            f"bits) or a byte string of fixed width such as 'S200'. Got {dtype!r}."
        )
    return parsed.name if number else f"S{parsed.itemsize}"


def _checked_shape(name: str, shape: Any) -> tuple[int, ...]:
    lengths = tuple(shape) if isinstance(shape, tuple | list) else (None,)
    if len(lengths) > 8 or not all(type(n) is int and n >= 1 for n in lengths):
        raise ValueError(
            f"The 'shape' of column {name!r} must be a tuple of up to 8 positive whole numbers. "
            f"Got {shape!r}."
        )
    return lengths


def _checked_settings(settings: Any) -> dict[str, Any]:
    """Return a deep copy as JSON gives it back, refusing what JSON would silently change."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"The 'settings' of a Space must be a mapping. Got {settings!r}.")
    try:
        _refuse_other_keys(settings)
        copy: dict[str, Any] = json.loads(_canonical_json(dict(settings)))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            "The 'settings' of a Space must be JSON: text keys, and values that are text, finite "
            f"numbers, booleans, null, lists or such mappings. {error}."
        ) from None
    return copy


def _refuse_other_keys(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):  # json.dumps would turn the key 1 into "1"
                raise TypeError(f"Got the key {key!r}")
            _refuse_other_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_other_keys(inner)


def _canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
