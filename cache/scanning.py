"""Which shards a space holds, found while other processes append, compact and repair."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import description
from cache.errors import MissingRowError, VanishedShardError
from cache.keys import Keys, decode
from cache.lookup import Lookup, Places, empty_lookup
from cache.shards import Shard, open_shard, shard_paths
from cache.space import Column

_ATTEMPTS = 10


def scan(folder: Path, space_id: str, columns: Sequence[Column], known: Lookup) -> Lookup:
    """Return the lookup of all shards that lie in a space's folder now.

    A folder is not listed in one instant: while shards are merged, a list can lack the old and the
    new one.  So a list counts only if the next one, made after its shards were opened, agrees.

    Parameters
    ----------
    folder : Path
    space_id : str
    columns : sequence of Column
    known : Lookup
        What was there before; its shards are not opened again.

    Raises
    ------
    DamagedShardError, SchemaError
        For the first shard that can't be opened; see `verify`.
    """
    opened: dict[Path, tuple[Shard, Keys]] = {}
    paths = shard_paths(folder)
    for _ in range(_ATTEMPTS):
        if not {shard.path for shard in known.shards} <= set(paths):
            known = empty_lookup()
        _open_new(paths, space_id, columns, known, opened)
        listed, paths = paths, shard_paths(folder)
        if listed == paths:
            break
    new = [opened[path] for path in paths if path in opened]
    return known.extended(new) if new else known


def find_again(places: Places, folder: Path) -> tuple[tuple[Shard, ...], Places]:
    """Return where rows lie now whose shards are gone.

    Raises
    ------
    MissingRowError
        If some are nowhere.
    CacheError
        If the space can't be read.
    """
    described = description.read(folder)
    lookup = scan(folder, described.space.id, described.columns, empty_lookup())
    return lookup.shards, lookup.places[all_found(folder, lookup, places.keys)]


def all_found(folder: Path, lookup: Lookup, keys: Keys) -> NDArray[np.intp]:
    """Return the positions of keys in ``lookup.places``.

    Raises
    ------
    MissingRowError
        If some are not there.
    """
    positions = lookup.find(keys)
    missing = np.flatnonzero(positions < 0)
    if len(missing):
        raise MissingRowError(
            f"{folder}: {len(missing)} of {len(keys)} rows are not in the store, the first "
            f"{decode(keys[missing[:1]])[0]}. Run the extraction for them first."
        )
    return positions


def _open_new(
    paths: Sequence[Path],
    space_id: str,
    columns: Sequence[Column],
    known: Lookup,
    opened: dict[Path, tuple[Shard, Keys]],
) -> None:
    there = {shard.path for shard in known.shards} | opened.keys()
    for path in paths:
        if path not in there:
            try:
                opened[path] = open_shard(path, space_id, columns)
            except VanishedShardError:
                continue  # the next list shows what took its place
