"""Your own photos in one folder a class: genders, or age groups (the data set ``folder``)."""

from collections.abc import Callable
from pathlib import Path

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.parsing import UnknownLabelError, parse_age_group, parse_gender
from featurex.datasets.photos import check_folder, list_folder, photos_of
from featurex.datasets.reader import Reader
from featurex.exceptions import DatasetError
from featurex.labels import AGE_GROUPS, check_age_policy
from featurex.manifest import Manifest

_PARSERS: dict[str, Callable[[str], str | None]] = {
    "gender": parse_gender,
    "age_group": parse_age_group,
}


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read photos whose folder is their label, as in ``ROOT/female/*.jpg``.

    Parameters
    ----------
    root : str or Path
        The folder of the class folders, which are all genders (``female``, ``male``, ``f``,
        ``w``, ``m``) or all age groups (``0-2`` … ``60+``). Photos beside them are dropped, and so
        are other files and folders in them, and links that lead out.
    age_policy : {"strict", "nearest"}
        For the sake of one grammar: the groups are given, so it changes nothing.

    Returns
    -------
    Manifest
        With the gender or the age group.

    Raises
    ------
    DatasetError
        If the class folders aren't of one kind, or hold no usable photo.
    """
    check_age_policy(age_policy)
    top, dropped = check_folder(root, "the class folders"), Dropped()
    folders, loose = list_folder(top, top, dropped)
    for photo in loose:
        dropped.add("no label", photo.name)
    kind = _kind([folder.name for folder in folders], top)
    rows: list[dict[str, object]] = [
        {"path": str(photo), kind: _PARSERS[kind](folder.name)}
        for folder in folders
        for photo in photos_of(folder, top, dropped, count_others=True)
    ]
    return clean(rows, dropped, dataset="folder", root=top, age_policy=age_policy)


def _kind(names: list[str], root: Path) -> str:
    """Return which label all the folders' names are."""
    for kind, parse in _PARSERS.items():
        if names and all(_is_label(parse, name) for name in names):
            return kind
    found = ", ".join(map(repr, names[:10])) + (" …" if len(names) > 10 else "")
    raise DatasetError(
        f"The folders in {root} must be all genders (female, male) or all age groups "
        f"({', '.join(AGE_GROUPS)}). Found: {found or 'none'}."
    )


def _is_label(parse: Callable[[str], str | None], name: str) -> bool:
    try:
        return parse(name) is not None
    except UnknownLabelError:
        return False


READER = Reader(
    name="folder",
    read=read,
    what="your own photos, one folder a gender or an age group",
    labels="gender or age_group",
    subjects="no",
    terms="yours",
    citation="",
)
