"""IMDB-WIKI: 523,051 photos of film people and from Wikipedia, aged by their dates.

``imdb.mat`` and ``wiki.mat`` are MATLAB v5 files with one structure each, ``imdb`` and ``wiki``,
whose fields are rows: `dob` (MATLAB's day number), `photo_taken` (year), `full_path`, `gender` (0
female, 1 male, NaN unknown), `name`, `face_score` and `second_face_score` (NaN where there is
none); IMDB adds `celeb_id`.

- As in the literature a photo counts with a face score of at least 1, no second face, and an age
  of 0 to 100 years; the raw ages run from -31 to 2014. One whose gender is unknown still has its
  age.
- The age is that in the middle of the year: one less where the birthday comes after June.
- The subject is the name. A celebrity of IMDB has one name for all photos of its `celeb_id`, so
  that the same person in WIKI, which has no such number, is the same subject. Two people of one
  name are taken for one, which no split can be wrong by.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.matlab import read_structure
from featurex.datasets.photos import check_folder, find_folder, folder_with, only_inside
from featurex.datasets.reader import Reader
from featurex.labels import check_age_policy
from featurex.manifest import Manifest

PARTS = ("imdb", "wiki")
MAX_AGE = 100
MIN_FACE_SCORE = 1.0

_NUMBERS = ("dob", "photo_taken", "gender", "face_score", "second_face_score")
_TEXTS = ("full_path", "name")
_GENDERS = {0.0: "female", 1.0: "male"}
_MATLAB_DAYS = 366  # MATLAB counts days from the year 0, Python from the year 1
_LAST_DAY = date.max.toordinal()

_NOTES = (
    "The ages of IMDB-WIKI are computed from a birthday and the year of a photo. Many are wrong.",
    "IMDB-WIKI's people are told apart by their names: one who is spelt in two ways may be on "
    "both sides of a split.",
)


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read IMDB-WIKI, or one of its two parts.

    Parameters
    ----------
    root : str or Path
        The folder of ``imdb.mat`` and ``wiki.mat``, or the folder above (``imdb/imdb.mat``,
        ``imdb_crop/imdb.mat`` …); either may be absent. Photos are beside them, or in a folder
        ``imdb_crop``, ``imdb``, ``wiki_crop`` or ``wiki`` beside them.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.

    Returns
    -------
    Manifest
        With subject, age, age group and gender.

    Raises
    ------
    DatasetError
        If neither file is there, one can't be read, or no photo is usable.
    """
    check_age_policy(age_policy)
    top, dropped = check_folder(root, "IMDB-WIKI"), Dropped()
    find_folder(top, tuple(f"{part}.mat" for part in PARTS), "IMDB-WIKI")
    rows: list[dict[str, object]] = []
    for part in PARTS:
        if folder := folder_with(top, (f"{part}.mat",)):
            rows += _read_part(folder, part, dropped)
    return clean(
        rows,
        dropped,
        dataset="imdb-wiki",
        root=top,
        age_policy=age_policy,
        notes=_NOTES,
        max_age=MAX_AGE,
    )


def ages(dob: pd.Series, photo_taken: pd.Series) -> pd.Series:
    """Return the ages in the middle of the year of the photo.

    Parameters
    ----------
    dob : Series of float
        Birthdays, as MATLAB counts days; what is before the year 1 is its first day.
    photo_taken : Series of float
        Years.

    Returns
    -------
    Series of float
        Completed years, also negative ones; NaN where either is missing.

    Examples
    --------
    >>> ages(pd.Series([723671.0, 723854.0]), pd.Series([2009.0, 2009.0])).tolist()
    [28.0, 27.0]
    """
    known = np.isfinite(dob) & np.isfinite(photo_taken)
    days = (dob[known].astype(np.float64) // 1 - _MATLAB_DAYS).clip(1, _LAST_DAY).astype(int)
    births = [date.fromordinal(day) for day in days]
    born = np.array([birth.year + (birth.month >= 7) for birth in births], dtype=np.float64)
    return (photo_taken[known] - born).reindex(dob.index)


def _read_part(folder: Path, part: str, dropped: Dropped) -> list[dict[str, object]]:
    ids = ("celeb_id",) if part == "imdb" else ()
    file = folder / f"{part}.mat"
    rows = read_structure(file, part, numbers=_NUMBERS + ids, texts=_TEXTS)
    photos = _photo_folder(folder, part)
    rows = rows.assign(path=rows["full_path"], age=ages(rows["dob"], rows["photo_taken"]))
    unknown = rows["gender"].notna() & ~rows["gender"].isin(list(_GENDERS))
    rows = dropped.split(rows, unknown, "unknown gender")
    rows = rows.assign(gender=rows["gender"].map(_GENDERS), subject_id=_subjects(rows))
    rows = _with_one_face(dropped.split(rows, rows["path"] == "", "no path"), dropped)
    rows["path"] = [str(photos / path) for path in rows["path"]]
    return only_inside(
        rows[["path", "subject_id", "age", "gender"]].to_dict("records"), photos, dropped
    )


def _photo_folder(folder: Path, part: str) -> Path:
    inner = (folder / f"{part}_crop", folder / part)
    return next((f for f in inner if f.is_dir()), folder)


def _subjects(rows: pd.DataFrame) -> pd.Series:
    """Return each row's name, in IMDB the first one of its celebrity; None without any."""
    names = rows["name"].map(lambda name: " ".join(name.split()).casefold() or None)
    if "celeb_id" not in rows:
        return names
    first = names.groupby(rows["celeb_id"]).transform("first")
    numbers = rows["celeb_id"].map("celebrity {:g}".format, na_action="ignore")
    return first.fillna(names).fillna(numbers)


def _with_one_face(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    rows = dropped.split(rows, ~np.isfinite(rows["face_score"]), "no face score")
    rows = dropped.split(rows, rows["face_score"] < MIN_FACE_SCORE, "face score below 1")
    return dropped.split(rows, rows["second_face_score"] > 0, "second face")


READER = Reader(
    name="imdb-wiki",
    read=read,
    what="523,051 photos of film people and from Wikipedia, with birthdays",
    labels="age, gender",
    subjects="yes",
    terms="academic research",
    citation='Rothe, Timofte, Van Gool: "Deep expectation of real and apparent age from a single '
    'image without facial landmarks", International Journal of Computer Vision 126, 2018',
)
