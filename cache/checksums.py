"""One CRC-32 for every row and column, over the key's bytes and then the row's bytes.

The key is part of it, so that a value beside the wrong key is as much an error as a flipped bit.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.keys import Keys, to_bytes


def checksums(keys: Keys, rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the CRC-32 (ISO-HDLC, as `zlib.crc32`) of each key and row, shape (n,)."""
    flat: Any = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    raw_keys: Any = to_bytes(keys)
    key_sums = map(zlib.crc32, raw_keys)
    return np.fromiter(map(zlib.crc32, flat, key_sums), dtype=np.uint32, count=len(rows))
