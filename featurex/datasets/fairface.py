"""FairFace: 97,698 Flickr faces, balanced over seven races, with ages in nine bins.

``fairface_label_train.csv`` and ``fairface_label_val.csv`` have the columns `file` (such as
``train/1.jpg``), `age`, `gender`, `race` and `service_test` (not read).

- The bins don't nest in the eight age groups. Under ``strict`` only those wholly inside one have
  it: ``0-2``, ``60-69`` and ``more than 70``. Any other policy maps the bin's middle, as for
  Adience's ranges, which for a bin of ten years is rough.
- Years are left missing: a bin is none.
- The split into train and val is no `fold`: folds take turns at being tested. It can be seen in
  each photo's path.
- There is no subject field.
"""

import re
from pathlib import Path

import numpy as np

from featurex.datasets.cleaning import NAMES_NOBODY, Dropped, clean
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import UnknownLabelError, parse_gender, unknown_label
from featurex.datasets.photos import check_folder, find_folder, list_folder, only_inside
from featurex.datasets.reader import Reader
from featurex.exceptions import DatasetError
from featurex.labels import age_to_group, check_age_policy
from featurex.manifest import Manifest

LABEL_FILES = {
    "train": "fairface_label_train.csv",
    "val": "fairface_label_val.csv",
}
AGE_BINS = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
RACES = (
    "White",
    "Black",
    "Latino_Hispanic",
    "East Asian",
    "Southeast Asian",
    "Indian",
    "Middle Eastern",
)

_NESTED = {"0-2": "0-2", "60-69": "60+", "more than 70": "60+"}
_NOTES = {
    "strict": "FairFace gives ages in bins: only 0-2, 60-69 and more than 70 lie inside an age "
    "group, so the age-group scores are those of infants against people of 60 and more.",
    "other": "FairFace gives ages in bins of up to ten years: the age group is that of the bin's "
    "middle.",
    "subjects": f"FairFace {NAMES_NOBODY}",
}


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read FairFace.

    Parameters
    ----------
    root : str or Path
        The folder of the label files, or the folder above. The photos' folders ``train`` and
        ``val`` are beside them or one folder down. One label file alone is enough.
    age_policy : {"strict", "nearest"}
        What becomes of an age bin that isn't inside one of the eight groups.

    Returns
    -------
    Manifest
        With age group, gender and race.

    Raises
    ------
    DatasetError
        If no label file or folder of photos is there, one can't be read, or no photo is usable.
    """
    check_age_policy(age_policy)
    top, dropped, rows = check_folder(root, "FairFace"), Dropped(), []
    labels = find_folder(top, tuple(LABEL_FILES.values()), "FairFace")
    photos = _photo_folder(top, labels)
    files = [labels / name for name in LABEL_FILES.values() if (labels / name).exists()]
    for file in files:
        for line, record in read_records(file, dropped, required=["file", "age", "gender", "race"]):
            try:
                rows.append({"path": _path(record, photos), **_labels(record, age_policy)})
            except UnknownLabelError as error:
                dropped.add(str(error), f"{file.name} line {line}")
    rows = only_inside(rows, photos, dropped)
    notes = (_NOTES["strict" if age_policy == "strict" else "other"], _NOTES["subjects"])
    return clean(rows, dropped, dataset="fairface", root=photos, age_policy=age_policy, notes=notes)


def _photo_folder(top: Path, labels: Path) -> Path:
    """Return the one folder with ``train`` or ``val`` in it."""
    around = [labels, top, *list_folder(top, top, Dropped())[0]]
    around += list_folder(labels, top, Dropped())[0]
    found = [f for f in dict.fromkeys(around) if any((f / name).is_dir() for name in LABEL_FILES)]
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise DatasetError(f"{top} has FairFace's photos {len(found)} times ({names}). Keep one.")
    if not found:
        wanted = " or ".join(LABEL_FILES)
        raise DatasetError(f"No folder {wanted} in {top} or its folders. Unpack FairFace there.")
    return found[0]


def _path(record: dict[str, str], photos: Path) -> str:
    if not record["file"]:
        raise UnknownLabelError("no path")
    return str(photos / record["file"])


def _labels(record: dict[str, str], age_policy: str) -> dict[str, object]:
    age, race = record["age"].strip(), record["race"].strip()
    if age and age not in AGE_BINS:
        raise unknown_label("age", age)
    if race and race not in RACES:
        raise unknown_label("race", race)
    return {
        "age_group": _age_group(age, age_policy) if age else None,
        "age_label": age or None,
        "gender": parse_gender(record["gender"]),
        "race": race or None,
    }


def _age_group(age: str, age_policy: str) -> str | None:
    if age in _NESTED or age_policy == "strict":
        return _NESTED.get(age)
    middle = np.mean([int(year) for year in re.findall(r"\d+", age)])
    return age_to_group([middle], age_policy)[0]


READER = Reader(
    name="fairface",
    read=read,
    what="97,698 Flickr faces balanced over seven races, ages in nine bins",
    labels="age_group, gender, race",
    subjects="no",
    terms="CC BY 4.0",
    citation='Kärkkäinen, Joo: "FairFace: Face attribute dataset for balanced race, gender, and '
    'age for bias measurement and mitigation", WACV 2021',
)
