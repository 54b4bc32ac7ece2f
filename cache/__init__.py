"""A keyed, append-only column store in HDF5.

Rows are found by the SHA-256 of a photo's bytes; a `Space` says how they were made, so that numbers
of two kinds never mix.  On disk lie complete, immutable shards that any HDF5 program can read: see
README.md beside this file.
"""

from cache.checking import Problem, verify
from cache.columns import StoredColumn
from cache.compaction import Compaction, compact
from cache.dropping import Dropped, drop
from cache.errors import (
    CacheError,
    DamagedShardError,
    MissingRowError,
    SchemaError,
    VanishedShardError,
)
from cache.keys import encode as encode_keys
from cache.listing import SpaceInfo, find_space, info, spaces
from cache.repairing import Repair, repair
from cache.space import Column, Space
from cache.store import Store

__all__ = [
    "CacheError",
    "Column",
    "Compaction",
    "DamagedShardError",
    "Dropped",
    "MissingRowError",
    "Problem",
    "Repair",
    "SchemaError",
    "Space",
    "SpaceInfo",
    "Store",
    "StoredColumn",
    "VanishedShardError",
    "compact",
    "drop",
    "encode_keys",
    "find_space",
    "info",
    "repair",
    "spaces",
    "verify",
]
