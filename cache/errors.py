"""What can go wrong in a cache, as one small tree.

::

    CacheError
    ├── SchemaError         the space on disk is not the space that was asked for
    ├── DamagedShardError   a file of the cache is truncated, altered or foreign
    │   └── VanishedShardError   it was there before: compacted, repaired or deleted meanwhile
    └── MissingRowError     a key that the store does not hold

Bad arguments raise `ValueError`, as everywhere in Python.
"""

from pathlib import Path

REMEDY = (
    "Run `featurex cache verify DIR` for the whole list, `featurex cache repair DIR` to drop what "
    "is damaged, and the same command again: only those rows are made anew."
)


class CacheError(Exception):
    """A cache can't be read or written; the message names the file and what to do next."""


class SchemaError(CacheError):
    """The kind, settings, columns or schema version on disk differ from those asked for."""


class DamagedShardError(CacheError):
    """A shard is truncated, altered, foreign or no shard at all."""


class VanishedShardError(DamagedShardError):
    """A shard is no longer there; its rows may lie in another one by now."""


class MissingRowError(CacheError):
    """Keys were asked for that the store does not hold."""


def damaged(path: Path, what: str) -> DamagedShardError:
    """Return the error for a damaged shard: the file, what is wrong with it, the remedy."""
    return DamagedShardError(f"{path}: {what}. {REMEDY}")


def vanished(path: Path) -> VanishedShardError:
    """Return the error for a shard that is no longer there."""
    return VanishedShardError(f"{path}: is no longer there. {REMEDY}")
