"""Adience: 19,370 labelled Flickr faces in eight age groups, with five official folds.

``fold_0_data.txt`` … ``fold_4_data.txt`` are tables with tabs; a photo is
``aligned/{user_id}/landmark_aligned_face.{face_id}.{original_image}`` or
``faces/{user_id}/coarse_tilt_aligned_face.{face_id}.{original_image}``.

- `face_id` is the subject: each has one age and one gender, and none is in two folds.
- One circulating version has rows twice and, in fold 0, ``(25, 23)`` for ``(25, 32)``; both are
  mended here, which gives the 19,370 rows of the official version.
- Ages outside the eight groups (``35``, ``(38, 42)`` …) have no group under the policy
  ``strict``, as in the literature, which counts the label and not the years: also a ``29`` has
  none. Any other policy maps the age, of a range its middle.
- Years are left missing: almost all labels are groups, and the few single ages are no sample of
  anything.
- Gender ``u`` (undefined, nearly all babies) is no class of the task ``gender``; the task
  ``gender-3`` has it as its third.
"""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import UnknownLabelError, parse_gender, unknown_label
from featurex.datasets.photos import check_folder, find_folder, only_inside
from featurex.datasets.reader import Reader
from featurex.exceptions import DatasetError
from featurex.labels import UNDEFINED, age_to_group, check_age_policy
from featurex.manifest import Manifest

FOLD_FILES = tuple(f"fold_{fold}_data.txt" for fold in range(5))
PHOTO_PREFIXES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}

_LABEL_COLUMNS = ["user_id", "original_image", "face_id", "age", "gender"]
_FORMAT: dict[str, Any] = {"required": _LABEL_COLUMNS, "delimiter": "\t", "quoting": csv.QUOTE_NONE}

# As the files write them. Papers write the third 8-13.
_AGE_LABELS = {
    "(0, 2)": "0-2",
    "(4, 6)": "4-6",
    "(8, 12)": "8-13",
    "(15, 20)": "15-20",
    "(25, 32)": "25-32",
    "(38, 43)": "38-43",
    "(48, 53)": "48-53",
    "(60, 100)": "60+",
}
_NO_LABEL = {"", "None"}
_TYPOS = {"(25, 23)": "(25, 32)"}


def read(root: str | Path, *, age_policy: str = "strict", photos: str = "aligned") -> Manifest:
    """Read Adience.

    Parameters
    ----------
    root : str or Path
        The folder of the fold files, or the folder above; the photos' folder is in either.
    age_policy : {"strict", "nearest"}
        What becomes of an age label that isn't one of the eight groups.
    photos : {"aligned", "faces"}
        The version of the photos: aligned by landmarks, or only turned upright.

    Returns
    -------
    Manifest
        With subject, age group, gender and fold.

    Raises
    ------
    ValueError
        If an option is unknown.
    DatasetError
        If a fold file or the photos' folder is missing or can't be read, or no photo is usable.
    """
    check_age_policy(age_policy)
    if photos not in PHOTO_PREFIXES:
        raise ValueError(f"Unknown photos {photos!r}. They are: {', '.join(PHOTO_PREFIXES)}.")
    top, dropped = check_folder(root, "Adience"), Dropped()
    labels = read_labels(top, dropped)
    photo_folder = _photo_folder(top, photos)
    rows = []
    for label in labels.to_dict("records"):
        path = photo_folder / _photo_name(label, PHOTO_PREFIXES[photos])
        try:
            rows.append({"path": str(path), **_labels(label, age_policy)})
        except UnknownLabelError as error:
            dropped.add(str(error), label["original_image"])
    rows = only_inside(rows, photo_folder, dropped)
    return clean(rows, dropped, dataset="adience", root=photo_folder, age_policy=age_policy)


def read_labels(root: str | Path, dropped: Dropped | None = None) -> pd.DataFrame:
    """Read the five fold files, without doubled rows and with the typo mended.

    Parameters
    ----------
    root : str or Path
        The folder of the fold files, or the folder above. No photos are needed.
    dropped : Dropped, optional
        Where doubled and malformed rows are counted.

    Returns
    -------
    DataFrame
        Columns `user_id`, `original_image`, `face_id`, `age` and `gender`, as text, and `fold`
        (int).

    Raises
    ------
    DatasetError
        If a file is missing or isn't such a table.
    """
    folder = _label_folder(check_folder(root, "Adience"))
    dropped = Dropped() if dropped is None else dropped
    rows = pd.DataFrame(
        [
            {**record, "fold": fold}
            for fold, name in enumerate(FOLD_FILES)
            for _, record in read_records(folder / name, dropped, **_FORMAT)
        ],
        columns=[*_LABEL_COLUMNS, "fold"],
    )
    rows["age"] = rows["age"].replace(_TYPOS)
    doubled = rows.duplicated(_LABEL_COLUMNS)
    for name in rows["original_image"][doubled]:
        dropped.add("duplicate row", name)
    return rows[~doubled].reset_index(drop=True)


def _label_folder(top: Path) -> Path:
    """Return the folder of the fold files: `top` or one of its subfolders."""
    folder = find_folder(top, FOLD_FILES, "Adience")
    missing = [name for name in FOLD_FILES if not (folder / name).exists()]
    if missing:
        raise DatasetError(f"{folder} lacks {', '.join(missing)}. Adience has five fold files.")
    return folder


def _photo_folder(top: Path, photos: str) -> Path:
    for folder in (top, _label_folder(top)):
        if (folder / photos).is_dir():
            return folder / photos
    raise DatasetError(f"No folder {photos!r} in {top}. Unpack Adience's {photos}.tar.gz there.")


def _photo_name(label: dict[Any, Any], prefix: str) -> str:
    return f"{label['user_id']}/{prefix}.{label['face_id']}.{label['original_image']}"


def _labels(label: dict[Any, Any], age_policy: str) -> dict[str, object]:
    return {
        "subject_id": label["face_id"] or None,
        "age_group": _age_group(label["age"], age_policy),
        "gender": UNDEFINED if label["gender"] == "u" else parse_gender(label["gender"]),
        "fold": label["fold"],
    }


def _age_group(label: str, age_policy: str) -> str | None:
    if label in _NO_LABEL:
        return None
    if label in _AGE_LABELS:
        return _AGE_LABELS[label]
    years = re.fullmatch(r"(\d{1,3})|\((\d{1,3}), (\d{1,3})\)", label, re.ASCII)
    if years is None:
        raise unknown_label("age", label)
    if age_policy == "strict":
        return None
    middle = np.mean([int(year) for year in years.groups() if year])
    return age_to_group([middle], age_policy)[0]


READER = Reader(
    name="adience",
    read=read,
    what="19,370 labelled Flickr faces of 2,284 people, with five official folds",
    labels="age_group, gender",
    subjects="yes",
    terms="research",
    citation='Eidinger, Enbar, Hassner: "Age and gender estimation of unfiltered faces", '
    "IEEE Transactions on Information Forensics and Security 9(12), 2014",
)
