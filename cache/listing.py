"""The spaces of a cache: their stores, and a summary of each."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache import description
from cache.errors import CacheError
from cache.space import FOLDER_NAME
from cache.store import Store


@dataclass(frozen=True)
class SpaceInfo:
    """One space of a cache.

    Attributes
    ----------
    folder, kind : str
    settings : mapping
    rows : int
        Different keys.
    shards : int
    bytes : int
        Size of all files in the space's folder.
    created : str
        ISO 8601, UTC.
    made_by : mapping of str to str
    """

    folder: str
    kind: str
    settings: Mapping[str, Any]
    rows: int
    shards: int
    bytes: int
    created: str
    made_by: Mapping[str, str]


def space_folders(root: str | Path) -> list[Path]:
    """Return the sub-folders of a cache, sorted by name.

    Raises
    ------
    CacheError
        If `root` is no folder or can't be listed.
    """
    try:
        return sorted(folder for folder in Path(root).iterdir() if folder.is_dir())
    except OSError as error:
        raise CacheError(
            f"{root}: can't be listed as a cache ({error.strerror}). "
            "Name the folder that was given as --cache."
        ) from None


def find_space(root: str | Path, name: str) -> Path:
    """Return the one space's folder that is called so, or whose name begins so.

    Raises
    ------
    ValueError
        If there is none, or several.
    CacheError
        If `root` is no folder or can't be listed.
    """
    names = [f.name for f in space_folders(root) if FOLDER_NAME.fullmatch(f.name)]
    found = (
        [name] if name in names else [other for other in names if name and other.startswith(name)]
    )
    if len(found) != 1:
        what = "is the beginning of several spaces" if found else "names no space"
        raise ValueError(f"{name!r} {what} of {root}. Name one of {', '.join(found or names)}.")
    return Path(root) / found[0]


def spaces(root: str | Path) -> list[Store]:
    """Open every space of a cache; folders without ``space.json`` are no spaces.

    Raises
    ------
    CacheError
        If `root` is no folder, or a space can't be opened.
    """
    return [
        Store.open_existing(root, folder.name)
        for folder in space_folders(root)
        if (folder / description.FILE_NAME).exists()
    ]


def info(root: str | Path) -> list[SpaceInfo]:
    """Summarise every space of a cache, sorted by folder.

    Raises
    ------
    CacheError
        If `root` is no folder, or a space can't be opened.
    """
    return [_summary(store) for store in spaces(root)]


def size_of(folder: Path) -> int:
    """Return the size in bytes of all files in a folder; links count nothing."""
    return sum(map(_file_size, folder.rglob("*")))


def _file_size(path: Path) -> int:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0  # a writer has renamed or replaced it since the folder was listed
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _summary(store: Store) -> SpaceInfo:
    return SpaceInfo(
        folder=store.path.name,
        kind=store.space.kind,
        settings=store.space.settings,
        rows=len(store),
        shards=store.n_shards,
        bytes=size_of(store.path),
        created=store.created,
        made_by=store.made_by,
    )
