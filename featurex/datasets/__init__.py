"""Readers of photos, one data set a file, all giving a manifest."""

import inspect
from pathlib import Path

import pandas as pd

from featurex.datasets import (
    adience,
    appa_real,
    fairface,
    fgnet,
    folder,
    imdb_wiki,
    lfw,
    people,
    photo_folder,
    table,
    utkface,
)
from featurex.datasets.people import people_root
from featurex.datasets.reader import Reader
from featurex.manifest import Manifest

READERS: dict[str, Reader] = {
    module.READER.name: module.READER
    for module in (
        people,
        utkface,
        fgnet,
        adience,
        fairface,
        imdb_wiki,
        appa_real,
        lfw,
        table,
        folder,
        photo_folder,
    )
}

__all__ = ["READERS", "Reader", "describe", "people_root", "read"]


def read(name: str, root: str | Path | None = None, **options: str) -> Manifest:
    """Read a data set.

    Parameters
    ----------
    name : str
        A name in :data:`READERS`.
    root : str or Path, optional
        Where it is: a folder, or for ``"csv"`` a file. Only ``"people"`` does without.
    **options : str
        The reader's options: `age_policy` (``"strict"`` or ``"nearest"``) for all, `photos`
        (``"aligned"`` or ``"faces"``) for ``"adience"``, `age_kind` (``"real"`` or
        ``"apparent"``) for ``"appa-real"``.

    Returns
    -------
    Manifest
        The photos with their labels, and what was dropped.

    Raises
    ------
    ValueError
        If the name, an option or its value is unknown, or `root` is needed.
    DatasetError
        If the data set can't be read or has no usable photo.

    Examples
    --------
    >>> manifest = read("people")
    >>> len(manifest), manifest.found
    (288, 288)
    """
    if name not in READERS:
        raise ValueError(f"Unknown data set {name!r}. The data sets are: {', '.join(READERS)}.")
    _check_options(name, options)
    if root is None and name != "people":
        raise ValueError(f"The data set {name!r} needs the folder or file that holds it.")
    return READERS[name].read(root, **options)


def _check_options(name: str, options: dict[str, str]) -> None:
    parameters = inspect.signature(READERS[name].read).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise ValueError(
                f"The data set {name!r} has no option {option!r}. It has: {', '.join(known)}."
            )


def describe() -> pd.DataFrame:
    """Return one row a data set: name, what, labels, subjects, terms and citation."""
    columns = ["name", "what", "labels", "subjects", "terms", "citation"]
    rows = [[getattr(reader, column) for column in columns] for reader in READERS.values()]
    return pd.DataFrame(rows, columns=columns)
