"""Finding photos in a folder without leaving it."""

import os
from collections.abc import Set
from pathlib import Path

from featurex.datasets.cleaning import Dropped
from featurex.exceptions import DatasetError

PHOTO_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".mpo", ".png", ".tif", ".tiff", ".webp"),
    }
)
OUTSIDE = "path outside the folder"
OTHER_FILE = "not a photo by its ending"
INNER_FOLDER = "folder too deep, not looked into"


def check_folder(root: str | Path, dataset: str) -> Path:
    """Return `root` as an absolute path.

    Raises
    ------
    DatasetError
        If it isn't a folder.
    """
    folder = Path(root).absolute()
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise DatasetError(f"{folder} {problem}. Give the folder that holds {dataset}.")
    return folder


def inside(folder: Path, path: Path) -> bool:
    """Tell whether a path, its links resolved, lies in a folder."""
    return _leads_into(os.path.realpath(folder), path)


def _leads_into(resolved: str, path: Path) -> bool:
    try:
        return Path(os.path.realpath(path)).is_relative_to(resolved)
    except ValueError:  # a NUL in the name
        return False


def locate(folder: Path, name: str) -> str:
    r"""Return the path of a file that a table names; it may lead out of the folder.

    Backslashes are those of Windows, and spaces around a name are none of it, unless there is a
    file that is called so.
    """
    path, plain = folder / name, name.strip().replace("\\", "/")
    if plain != name and not os.path.lexists(path):
        path = folder / plain
    return str(path)


def only_inside(
    rows: list[dict[str, object]], folder: Path, dropped: Dropped
) -> list[dict[str, object]]:
    """Return the rows whose `path` lies in a folder, and count the others as dropped."""
    kept, resolved = [], os.path.realpath(folder)
    for row in rows:
        if _leads_into(resolved, Path(str(row["path"]))):
            kept.append(row)
        else:
            dropped.add(OUTSIDE, str(row["path"]))
    return kept


def find_folder(root: Path, names: tuple[str, ...], dataset: str) -> Path:
    """Return `root` or the first of its direct subfolders that holds any of the files `names`.

    Raises
    ------
    DatasetError
        If none does; the message names the files.
    """
    if folder := folder_with(root, names):
        return folder
    wanted = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    raise DatasetError(
        f"No {wanted} in {root} or its folders. Give the folder that holds {dataset}."
    )


def folder_with(root: Path, names: tuple[str, ...]) -> Path | None:
    """Return what :func:`find_folder` returns, or None."""
    folders = (root, *list_folder(root, root, Dropped())[0])
    return next((f for f in folders if any((f / name).exists() for name in names)), None)


def find_photos(root: Path, dropped: Dropped) -> list[Path]:
    """Return the photos in a folder and its direct subfolders, sorted.

    Hidden files aren't looked at, links that lead out of `root` and deeper folders are dropped and
    counted.

    Raises
    ------
    DatasetError
        If `root` can't be listed.
    """
    folders, photos = list_folder(root, root, dropped)
    for folder in folders:
        photos += photos_of(folder, root, dropped)
    return photos


def photos_of(
    folder: Path, root: Path, dropped: Dropped, *, count_others: bool = False
) -> list[Path]:
    """Return a subfolder's photos as :func:`list_folder` does, and count its folders as dropped."""
    inner, photos = list_folder(folder, root, dropped, count_others=count_others)
    for deeper in inner:
        dropped.add(INNER_FOLDER, f"{folder.name}/{deeper.name}")
    return photos


def all_photos(root: Path, dropped: Dropped) -> list[Path]:
    """Return the photos in a folder and in all folders below it, sorted within each.

    Hidden files aren't looked at; other files than photos, and links that lead out of `root`, are
    dropped and counted. A folder is not entered by a link: it has a place of its own.

    Raises
    ------
    DatasetError
        If `root` can't be listed.
    """
    photos: list[Path] = []
    waiting = [root]
    while waiting:
        folders, found = list_folder(waiting.pop(), root, dropped, count_others=True)
        photos += found
        waiting += [folder for folder in reversed(folders) if not folder.is_symlink()]
    return photos


def list_folder(
    folder: Path,
    root: Path,
    dropped: Dropped,
    suffixes: Set[str] = PHOTO_SUFFIXES,
    *,
    count_others: bool = False,
) -> tuple[list[Path], list[Path]]:
    """Return a folder's subfolders and its photos, each sorted, without what leads out of `root`.

    A subfolder that can't be listed is empty, and counted as ``"unreadable folder"``. With other
    `suffixes` (in lower case), other files than photos are listed. Files of none of them are
    counted where asked for.

    Raises
    ------
    DatasetError
        If `folder` is `root` and can't be listed.
    """
    folders: list[Path] = []
    photos: list[Path] = []
    for entry in _entries(folder, root, dropped):
        is_folder = _is_folder(entry)
        if not is_folder and Path(entry.name).suffix.lower() not in suffixes:
            if count_others:
                dropped.add(OTHER_FILE, entry.name)
            continue
        if entry.is_symlink() and not inside(root, Path(entry.path)):
            dropped.add(OUTSIDE, entry.name)
        else:
            (folders if is_folder else photos).append(Path(entry.path))
    return folders, photos


def _entries(folder: Path, root: Path, dropped: Dropped) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        if folder == root:
            raise DatasetError(f"{folder} can't be listed: {error.strerror}.") from error
        dropped.add("unreadable folder", folder.name)
        return []
    return sorted(visible, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
