"""UTKFace: 23,707 crops of 200x200 pixels with age, gender and race in the file name.

``[age]_[gender]_[race]_[date and time].jpg``, and ``.jpg.chip.jpg`` for the aligned crops; gender
0 is male and 1 female; race 0 to 4 is White, Black, Asian, Indian or Other. A few names lack a
field and can't be told apart from the others' fields; a few more lack a dot, or have a space or
digits too many after the fields that matter.

There is no subject field, though people recur: a plain split has them on both sides.
"""

import re
from pathlib import Path

from featurex.datasets.cleaning import NAMES_NOBODY, Dropped, clean
from featurex.datasets.photos import check_folder, find_photos
from featurex.datasets.reader import Reader
from featurex.labels import check_age_policy
from featurex.manifest import Manifest

GENDER_CODES = {"0": "male", "1": "female"}
RACES = ("White", "Black", "Asian", "Indian", "Other")

# Age, gender, race, then the date, which tells a complete name.
_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{8}", re.ASCII)


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read UTKFace.

    Parameters
    ----------
    root : str or Path
        The folder of the photos, or the folder above.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.

    Returns
    -------
    Manifest
        With age, age group, gender and race.

    Raises
    ------
    DatasetError
        If the folder can't be listed or holds no usable photo.
    """
    check_age_policy(age_policy)
    folder, dropped, rows = check_folder(root, "UTKFace"), Dropped(), []
    for photo in find_photos(folder, dropped):
        if match := _NAME.match(photo.name):
            rows.append({"path": str(photo), **_labels(*match.groups())})
        else:
            dropped.add("unparsable name", photo.name)
    notes = (f"UTKFace {NAMES_NOBODY}",)
    return clean(rows, dropped, dataset="utkface", root=folder, age_policy=age_policy, notes=notes)


def _labels(age: str, gender: str, race: str) -> dict[str, object]:
    return {"age": float(age), "gender": GENDER_CODES[gender], "race": RACES[int(race)]}


READER = Reader(
    name="utkface",
    read=read,
    what="23,707 face crops of all ages, collected on the web",
    labels="age, gender, race",
    subjects="no",
    terms="non-commercial research",
    citation='Zhang, Song, Qi: "Age progression/regression by conditional adversarial '
    'autoencoder", CVPR 2017',
)
