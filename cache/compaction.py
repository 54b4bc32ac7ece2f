"""`compact`: many small shards merged into few large ones, while others read and append."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import description, index
from cache.columns import StoredColumn
from cache.description import Description
from cache.errors import damaged
from cache.examining import examine
from cache.files import is_temporary
from cache.layout import MAX_ROWS
from cache.listing import space_folders
from cache.lookup import Lookup, empty_lookup
from cache.maintenance import alone, unpublish
from cache.scanning import scan
from cache.shards import SHARDS_FOLDER, write_shard
from cache.store import Store

TARGET_BYTES = 2**27  # a few of these fit into any memory, and reading one takes no notice


@dataclass(frozen=True)
class Compaction:
    """What became of one space.

    Attributes
    ----------
    folder : str
    shards_before, shards_after : int
    doubled : int
        Rows dropped because another shard held the same key.
    """

    folder: str
    shards_before: int
    shards_after: int
    doubled: int


def compact(root: str | Path, target_bytes: int = TARGET_BYTES) -> list[Compaction]:
    """Merge the small shards of every space, and drop keys that are stored twice.

    A merged shard is complete, flushed and read back before the first of those it replaces is
    deleted: whatever stops this, every row is there, at most in two shards, and running it again
    goes on.  Readers find rows that moved; writers may append meanwhile.

    Parameters
    ----------
    root : path-like
    target_bytes : int
        The most that a merged shard's rows take.  Shards of half of that are left alone.

    Returns
    -------
    list of Compaction
        One a space.

    Raises
    ------
    CacheError
        If a shard is damaged (see `repair`), or a new one can't be written; nothing is lost then.
    """
    folders = [folder for folder in space_folders(root) if not is_temporary(folder)]
    described = [f for f in folders if (f / description.FILE_NAME).exists()]
    return [_compact_space(folder, target_bytes) for folder in described]


def _compact_space(folder: Path, target_bytes: int) -> Compaction:
    found = description.read(folder)
    with alone(folder):
        lookup = scan(folder, found.space.id, found.columns, empty_lookup())
        row_bytes = sum(column.row_bytes for column in found.columns)
        most = min(max(1, target_bytes // row_bytes), MAX_ROWS)
        written: set[Path] = set()
        merged = False
        for group in _groups(lookup, most):
            unpublish(folder)
            _merge(folder, found, lookup, group, written)
            merged = True
        store = Store(folder, found)
        # An index that is there may be an extraction's, which showed shards just before they went.
        if len(store) and (merged or not (folder / index.FILE_NAME).exists()):
            store.publish()
    doubled = sum(shard.layout.rows for shard in lookup.shards) - len(lookup.places)
    return Compaction(folder.name, len(lookup.shards), store.n_shards, doubled)


def _groups(lookup: Lookup, most: int) -> Iterator[list[int]]:
    """Yield the numbers of shards to merge: small ones, and those whose keys others hold."""
    counted = np.bincount(lookup.places.shard, minlength=len(lookup.shards))
    doubled = np.array([shard.layout.rows for shard in lookup.shards], int) - counted
    small = np.flatnonzero(counted < most / 2)
    large = np.flatnonzero((counted >= most / 2) & (doubled > 0))
    group: list[int] = []
    for number in [*small.tolist(), *large.tolist(), None]:
        if number is None or (group and counted[[*group, number]].sum() > most):
            if len(group) > 1 or doubled[group].any():
                yield group
            group = []
        if number is not None:
            group.append(number)


def _merge(
    folder: Path,
    described: Description,
    lookup: Lookup,
    group: Sequence[int],
    written: set[Path],
) -> None:
    """Write the rows that count of some shards as one shard, then delete those.

    What was written has a name made of its keys. After a killed run that may be the name of a
    shard of a later group, which held the same rows twice: it holds them alone now, and stays.
    """
    places = lookup.places[np.isin(lookup.places.shard, group)]
    if len(places):
        arrays = {c.name: StoredColumn(c, lookup.shards, places)[:] for c in described.columns}
        shards = folder / SHARDS_FOLDER
        merged, _ = write_shard(shards, described.space.id, described.columns, places.keys, arrays)
        written.add(merged.path)
        if examine(merged.path, described).problems:
            raise damaged(merged.path, "is not what was just written: the disk is failing")
    for number in group:
        if lookup.shards[number].path not in written:
            lookup.shards[number].path.unlink(missing_ok=True)
