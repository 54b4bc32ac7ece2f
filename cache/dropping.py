"""`drop`: delete one space of a cache, and nothing else."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cache.checking import strays
from cache.errors import CacheError
from cache.files import flush_folder, temporary_name
from cache.listing import find_space, size_of
from cache.maintenance import alone
from cache.store import Store


@dataclass(frozen=True)
class Dropped:
    """What was deleted.

    Attributes
    ----------
    folder : str
    rows : int or None
        None where the space was damaged.
    bytes : int
        What its files took.
    """

    folder: str
    rows: int | None
    bytes: int


def drop(root: str | Path, space: str) -> Dropped:
    """Delete a space with all its rows.

    It loses its name in one step, so a killed drop leaves no half of a space: `verify` names the
    rest as a left-over, and `repair` deletes it.

    Parameters
    ----------
    root : path-like
    space : str
        Name of the space's folder, or an unambiguous beginning of it.

    Raises
    ------
    ValueError
        If that names no space, or several.
    CacheError
        If the space or its folder of shards is a link, holds anything that no cache wrote, is at
        work in another maintenance, or can't be deleted.
    """
    folder = find_space(root, space)
    with alone(folder):
        if foreign := next(strays(folder), None):
            raise CacheError(
                f"{foreign}: no file of a cache. Move it away, or it would be deleted."
            )
        dropped = Dropped(folder.name, _n_rows(folder), size_of(folder))
        try:
            doomed = folder.rename(temporary_name(folder))
            flush_folder(doomed.parent)
            shutil.rmtree(doomed)
        except OSError as error:
            raise CacheError(f"{folder}: can't be deleted ({error}).") from None
    return dropped


def _n_rows(folder: Path) -> int | None:
    try:
        return len(Store.open_existing(folder.parent, folder.name))
    except CacheError:
        return None
