"""Keys: 64 lower-case hexadecimal characters outside, 32 raw bytes inside and on disk.

In memory keys are arrays of dtype ``S32``: 32 bytes each, sorted and searched by NumPy.  (NumPy
strips trailing NUL bytes only when it hands out a single element, so whole arrays are exact.)
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY_BYTES = 32
KEY_DTYPE = np.dtype(f"S{KEY_BYTES}")

Keys = NDArray[np.bytes_]


def encode(keys: Sequence[str] | Keys) -> Keys:
    """Return the raw keys, ``S32`` of shape (n,); raw ones as they are.

    Raises
    ------
    ValueError
        For anything but 64 lower-case hexadecimal characters, naming the first such key.
    """
    if isinstance(keys, np.ndarray) and keys.dtype == KEY_DTYPE:
        return keys
    if isinstance(keys, str | bytes):
        raise ValueError(f"Keys must come as a sequence of strings. Got the one string {keys!r}.")
    texts = list(keys)
    raw = _raw(texts)
    if raw is None:
        position = next(i for i, text in enumerate(texts) if _raw([text]) is None)
        raise ValueError(
            "A key must be 64 lower-case hexadecimal characters (the sha256 of a file's "
            f"bytes). Got {texts[position]!r} at position {position}."
        )
    return np.frombuffer(raw, dtype=KEY_DTYPE)


def _raw(texts: Sequence[Any]) -> bytes | None:
    """Return the bytes of all keys, or None; together, as there may be a million."""
    try:
        joined = "".join(texts)
        raw = bytes.fromhex(joined)
    except (TypeError, ValueError):
        return None
    # Python's own reading of hexadecimal also takes spaces, which add no byte, and capitals.
    is_plain = 2 * len(raw) == len(joined) and joined == joined.lower()
    return raw if is_plain and set(map(len, texts)) <= {2 * KEY_BYTES} else None


def decode(keys: Keys) -> list[str]:
    """Return the keys as 64 lower-case hexadecimal characters each."""
    text = to_bytes(keys).tobytes().hex()
    return [text[start : start + 64] for start in range(0, len(text), 64)]


def to_bytes(keys: Keys) -> NDArray[np.uint8]:
    """Return raw keys as ``uint8`` of shape (n, 32), the form on disk."""
    return np.ascontiguousarray(keys).view(np.uint8).reshape(-1, KEY_BYTES)


def from_bytes(rows: NDArray[np.uint8]) -> Keys:
    """Return ``uint8`` rows of shape (n, 32) as raw keys."""
    keys: NDArray[Any] = np.ascontiguousarray(rows).view(KEY_DTYPE)
    return keys.reshape(-1)


def prefixes(keys: Keys) -> NDArray[np.uint64]:
    """Return the first 8 bytes of raw keys as numbers of the same order; shape (n,)."""
    return to_bytes(keys)[:, :8].copy().view(">u8").ravel().astype(np.uint64)


def digest(sorted_keys: Keys) -> str:
    """Return the name of the shard with these keys: 16 digits of the SHA-256 of all of them."""
    return hashlib.sha256(to_bytes(sorted_keys).tobytes()).hexdigest()[:16]
