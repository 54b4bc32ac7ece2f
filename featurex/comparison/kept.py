"""Results kept on the disk, each under a key of all that decides it: computed once, read after.

A file is named by what it holds and the first digits of its key, appears complete or not at all,
and holds numbers and JSON, nothing to execute. Its first line is the SHA-256 of the rest: a damaged
file is told of and computed anew, never believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from featurex.exceptions import FeaturexError
from featurex.files import open_regular, replacing

FORMAT = b"featurex.kept.1 "
MAX_BYTES = 256 << 20
_KEY_SHOWN = 16

Arrays = dict[str, np.ndarray]


class Kept:
    """A folder of kept results.

    Parameters
    ----------
    folder : Path
        Made when the first result is kept. Files of other names in it are left alone.
    tell : callable
        Called with one line about each file that is damaged.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None] = lambda line: None) -> None:
        self.folder = folder
        self.tell = tell

    def path(self, name: str, key: str) -> Path:
        """Return the file of a result."""
        return self.folder / f"{name} {key[:_KEY_SHOWN]}.kept"

    def load(self, name: str, key: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Read what was kept under a name and key.

        Returns
        -------
        (arrays, record), or None
            None where there is no such file, or it is damaged.

        Raises
        ------
        FeaturexError
            The file can't be read.
        """
        path = self.path(name, key)
        try:
            with open_regular(path, MAX_BYTES) as file:
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FeaturexError(f"Can't read {path}: {error.strerror}.") from error
        try:
            return _decode(content, key)
        except (SafetensorError, ValueError, KeyError, TypeError, RecursionError):
            self.tell(f"{path} is damaged: what it held is computed anew.")
            return None

    def save(self, name: str, key: str, arrays: Arrays, record: Mapping[str, Any]) -> None:
        """Keep a result.

        Parameters
        ----------
        name : str
            For people; part of the file's name.
        key : str
            As `digest` gives it.
        arrays : dict of str to ndarray
        record : mapping
            JSON; NumPy's numbers become Python's.

        Raises
        ------
        FeaturexError
            The file can't be written.
        """
        path = self.path(name, key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                part.write_bytes(_encode(key, arrays, record))
        except OSError as error:
            raise FeaturexError(f"Can't write {path}: {error.strerror}.") from error


def plain(value: Any) -> Any:
    """Return a value as JSON gives it back, so that a new result and a read one are the same."""
    return json.loads(json.dumps(value, default=_number))


def _number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _encode(key: str, arrays: Arrays, record: Mapping[str, Any]) -> bytes:
    text = {"key": key, "record": json.dumps(record, default=_number)}
    content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    body = bytes(save(content, metadata=text))
    return FORMAT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _decode(content: bytes, key: str) -> tuple[Arrays, dict[str, Any]]:
    line, _, body = content.partition(b"\n")
    if line != FORMAT + hashlib.sha256(body).hexdigest().encode():
        raise ValueError("another checksum")
    length = int.from_bytes(body[:8], "little")
    text = json.loads(body[8 : 8 + length])["__metadata__"]
    record = json.loads(text["record"])
    if text["key"] != key or not isinstance(record, dict):
        raise ValueError("another result")
    return load(body), record
