"""LFW: 13,233 news photos of 5,749 people, with gender lists made by others.

``lfw*/{Name}/{Name}_0001.jpg`` (``lfw``, ``lfw-deepfunneled``, ``lfw_funneled`` …), the folder
being the subject, and two text files with a photo's file name on each line, one of the women
(``female_names.txt``) and one of the men (``male_names.txt``).

- A photo in both lists conflicts, one in neither has no label.
- A line whose photo isn't there, or that is no such file name, is counted too.
"""

import re
from pathlib import Path

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.delimited import read_text
from featurex.datasets.photos import check_folder, list_folder, photos_of
from featurex.datasets.reader import Reader
from featurex.exceptions import DatasetError
from featurex.labels import GENDERS, check_age_policy
from featurex.manifest import Manifest

_LIST_NAME = re.compile(r"(?<![a-z])(female|male)(?![a-z])")
_LINE = re.compile(r"(?:[^/\\]+[/\\])?([^/\\]+_[0-9]{4}\.jpg)")


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read LFW with its gender lists.

    Parameters
    ----------
    root : str or Path
        The folder that holds one folder ``lfw*`` of people's folders, or that folder itself. The
        lists, whose names hold the word female or male, are in it or in one of its folders.
    age_policy : {"strict", "nearest"}
        For the sake of one grammar: there are no ages, so it changes nothing.

    Returns
    -------
    Manifest
        With subject and gender.

    Raises
    ------
    DatasetError
        If a list is missing, there twice or can't be read, there are several folders ``lfw*``, or
        no photo is usable.
    """
    check_age_policy(age_policy)
    top, dropped = check_folder(root, "LFW"), Dropped()
    photos = _photo_folder(top)
    rows = _people(photos, top, dropped)
    lists = {gender: _read_list(file, dropped) for gender, file in _list_files(top, photos).items()}
    labelled = [row for row in rows if _label(row, lists, dropped)]
    found = {Path(str(row["path"])).name for row in rows}
    for name in sorted(set().union(*lists.values()) - found):
        dropped.add("missing file", name)
    return clean(labelled, dropped, dataset="lfw", root=photos, age_policy=age_policy)


def _photo_folder(top: Path) -> Path:
    """Return the folder of the people's folders; some archives hold ``lfw`` inside ``lfw``."""
    folder = top
    for _ in range(2):
        inner = [f for f in list_folder(folder, top, Dropped())[0] if _is_lfw(f)]
        if len(inner) > 1:
            names = ", ".join(f.name for f in inner)
            raise DatasetError(f"{folder} has several folders of LFW ({names}). Keep one of them.")
        folder = inner[0] if inner else folder
    return folder


def _is_lfw(folder: Path) -> bool:
    return folder.name.lower().startswith("lfw")


def _list_files(top: Path, photos: Path) -> dict[str, Path]:
    """Return the list of each gender."""
    folders = [top, photos, *([] if photos == top else list_folder(top, top, Dropped())[0])]
    files = [
        file
        for folder in dict.fromkeys(folders)
        for file in list_folder(folder, top, Dropped(), {".txt"})[1]
    ]
    return {
        gender: _only([f for f in files if _gender(f) == gender], gender, top) for gender in GENDERS
    }


def _gender(file: Path) -> str | None:
    match = _LIST_NAME.search(file.stem.lower())
    return match[1] if match else None


def _only(files: list[Path], gender: str, top: Path) -> Path:
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(str(file.relative_to(top)) for file in files)
        raise DatasetError(f"{top} has several lists of {gender} photos ({names}). Keep one.")
    raise DatasetError(
        f"No text file {gender}_names.txt, or with another name that holds the word {gender}, in "
        f"{top} or its folders. LFW's genders are in two lists of file names."
    )


def _read_list(file: Path, dropped: Dropped) -> set[str]:
    names: set[str] = set()
    for line, text in enumerate(read_text(file).splitlines(), 1):
        if not text.strip():
            continue
        match = _LINE.fullmatch(text.strip())
        if match is None:
            dropped.add("unparsable line", f"{file.name} line {line}")
        elif match[1] in names:
            dropped.add("duplicate line", match[1])
        else:
            names.add(match[1])
    return names


def _people(folder: Path, top: Path, dropped: Dropped) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    people, loose = list_folder(folder, top, dropped)
    for photo in loose:
        dropped.add("unparsable name", photo.name)
    for person in people:
        for photo in photos_of(person, top, dropped):
            if re.fullmatch(re.escape(person.name) + r"_[0-9]{4}\.jpg", photo.name):
                rows.append({"path": str(photo), "subject_id": person.name})
            else:
                dropped.add("unparsable name", photo.name)
    return rows


def _label(row: dict[str, object], lists: dict[str, set[str]], dropped: Dropped) -> bool:
    """Give a row its gender, and tell whether the lists agree; `clean` counts it if it has none."""
    name = Path(str(row["path"])).name
    genders = [gender for gender in GENDERS if name in lists[gender]]
    if len(genders) > 1:
        dropped.add("conflicting labels", name)
        return False
    row["gender"] = genders[0] if genders else None
    return True


READER = Reader(
    name="lfw",
    read=read,
    what="13,233 news photos of 5,749 people, with two lists of genders",
    labels="gender",
    subjects="yes",
    terms="research",
    citation='Huang, Ramesh, Berg, Learned-Miller: "Labeled Faces in the Wild", technical report '
    '07-49, University of Massachusetts, 2007; lists: Afifi, Abdelhamed: "AFIF4", Journal of '
    "Visual Communication and Image Representation 62, 2019",
)
