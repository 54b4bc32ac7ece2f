"""A keyed, append-only column store in HDF5.

Rows are found by the SHA-256 of a photo's bytes; a `Space` says how they were made, so that numbers
of two kinds never mix.  On disk lie complete, immutable shards that any HDF5 program can read: see
README.md beside this file.
"""

from cache.checking import Problem, verify
from cache.columns import StoredColumn
from cache.errors import CacheError, DamagedShardError, MissingRowError, SchemaError
from cache.listing import SpaceInfo, info, spaces
from cache.space import Column, Space
from cache.store import Store

__all__ = [
    "CacheError",
    "Column",
    "DamagedShardError",
    "MissingRowError",
    "Problem",
    "SchemaError",
    "Space",
    "SpaceInfo",
    "Store",
    "StoredColumn",
    "info",
    "spaces",
    "verify",
]
