"""Which row of which shard holds a key: sorted arrays, 48 bytes a row, no dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.keys import KEY_DTYPE, Keys, prefixes
from cache.shards import Shard


@dataclass(frozen=True)
class Places:
    """Places of rows: the key, the number of the shard, and the row in it; three arrays (n,)."""

    keys: Keys
    shard: NDArray[np.int32]
    row: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, item: Any) -> "Places":
        return Places(self.keys[item], self.shard[item], self.row[item])


@dataclass(frozen=True)
class Lookup:
    """The shards of a store, and the place of every key, sorted by key, each key once."""

    shards: tuple[Shard, ...]
    places: Places

    def find(self, keys: Keys) -> NDArray[np.intp]:
        """Return the position of each key in `places`, -1 where it is missing; shape (n,)."""
        known = self.places.keys
        if not len(known):
            return np.full(len(keys), -1, dtype=np.intp)
        search = (known, keys) if self._prefixes is None else (self._prefixes, prefixes(keys))
        positions = np.minimum(np.searchsorted(*search), len(known) - 1)
        return np.where(known[positions] == keys, positions, -1)

    @cached_property
    def _prefixes(self) -> NDArray[np.uint64] | None:
        """What stands for the keys and is searched in a third of the time; None if two share it."""
        numbers = prefixes(self.places.keys)
        return numbers if np.all(numbers[1:] > numbers[:-1]) else None

    def extended(self, found: Sequence[tuple[Shard, Keys]]) -> "Lookup":
        """Return a lookup with more shards; of a key in two shards the first by name counts."""
        numbers = range(len(self.shards), len(self.shards) + len(found))
        parts = [self.places] + [
            Places(
                keys,
                np.full(len(keys), number, dtype=np.int32),
                np.arange(len(keys), dtype=np.int32),
            )
            for number, (_, keys) in zip(numbers, found, strict=True)
        ]
        shards = self.shards + tuple(shard for shard, _ in found)
        return Lookup(shards, _merged(parts, shards))


def empty_lookup() -> Lookup:
    """Return the lookup of a store without shards."""
    none = np.empty(0, dtype=np.int32)
    return Lookup((), Places(np.empty(0, dtype=KEY_DTYPE), none, none))


def _merged(parts: Sequence[Places], shards: Sequence[Shard]) -> Places:
    """Return all places in the order of their keys, each key once."""
    if len(parts) == 2 and len(parts[0]):
        # One more shard, as after every block: a tenth of the time that sorting takes.
        known, new = parts
        after = np.searchsorted(known.keys, new.keys)
        if not np.any(known.keys[np.minimum(after, len(known) - 1)] == new.keys):
            return Places(
                np.insert(known.keys, after, new.keys),
                np.insert(known.shard, after, new.shard),
                np.insert(known.row, after, new.row),
            )
    return _sorted_once(_joined(parts), shards)


def _joined(parts: Sequence[Places]) -> Places:
    return Places(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.shard for part in parts]),
        np.concatenate([part.row for part in parts]),
    )


def _sorted_once(places: Places, shards: Sequence[Shard]) -> Places:
    ordered = places[np.argsort(places.keys, kind="stable")]
    if not np.any(ordered.keys[1:] == ordered.keys[:-1]):
        return ordered
    rank = np.argsort(np.argsort([shard.name for shard in shards]))
    ordered = places[np.lexsort((rank[places.shard], places.keys))]
    first = np.append(True, ordered.keys[1:] != ordered.keys[:-1])
    return ordered[first]
