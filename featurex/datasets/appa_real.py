"""APPA-REAL: 7,591 photos with the real age and the age that some 38 people each guessed.

``gt_avg_train.csv``, ``gt_avg_valid.csv`` and ``gt_avg_test.csv`` have the columns `file_name`,
`num_ratings`, `apparent_age_avg`, `apparent_age_std` and `real_age`; the crop of a photo's face is
``{train,valid,test}/{file_name}_face.jpg``.

- The age is the real one by default, the meaning that it has in FG-NET and IMDB-WIKI; the mean
  of the guesses by ``age_kind="apparent"``. Its fractions count as completed years in an age group.
- The split is no `fold`: folds take turns at being tested. It can be seen in each photo's path.
- There is no gender and no subject field.
"""

from pathlib import Path

from featurex.datasets.cleaning import NAMES_NOBODY, Dropped, clean
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import UnknownLabelError, parse_age
from featurex.datasets.photos import check_folder, find_folder, only_inside
from featurex.datasets.reader import Reader
from featurex.labels import check_age_policy
from featurex.manifest import Manifest

LABEL_FILES = {
    "train": "gt_avg_train.csv",
    "valid": "gt_avg_valid.csv",
    "test": "gt_avg_test.csv",
}
AGE_COLUMNS = {"real": "real_age", "apparent": "apparent_age_avg"}

_NOTES = {
    "real": "The ages of APPA-REAL are the real ones.",
    "apparent": "The ages of APPA-REAL are the apparent ones: the mean of many people's guesses.",
    "subjects": f"APPA-REAL {NAMES_NOBODY}",
}


def read(root: str | Path, *, age_policy: str = "strict", age_kind: str = "real") -> Manifest:
    """Read APPA-REAL.

    Parameters
    ----------
    root : str or Path
        The folder of the label files and of the folders ``train``, ``valid`` and ``test``, or the
        folder above. One label file alone is enough.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.
    age_kind : {"real", "apparent"}
        Which age is the label.

    Returns
    -------
    Manifest
        With age and age group.

    Raises
    ------
    ValueError
        If an option is unknown.
    DatasetError
        If no label file is there, one can't be read, or no photo is usable.
    """
    check_age_policy(age_policy)
    if age_kind not in AGE_COLUMNS:
        raise ValueError(f"Unknown age kind {age_kind!r}. They are: {', '.join(AGE_COLUMNS)}.")
    top, dropped = check_folder(root, "APPA-REAL"), Dropped()
    rows: list[dict[str, object]] = []
    folder = find_folder(top, tuple(LABEL_FILES.values()), "APPA-REAL")
    for split, name in LABEL_FILES.items():
        if (folder / name).exists():
            rows += _read_split(folder / name, folder / split, AGE_COLUMNS[age_kind], dropped)
    rows = only_inside(rows, folder, dropped)
    return clean(
        rows,
        dropped,
        dataset="appa-real",
        root=folder,
        age_policy=age_policy,
        notes=(_NOTES[age_kind], _NOTES["subjects"]),
    )


def _read_split(
    file: Path, photos: Path, age_column: str, dropped: Dropped
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    required = ["file_name", age_column]
    for line, record in read_records(file, dropped, required=required, numbers=[age_column]):
        try:
            rows.append({"path": _path(record, photos), "age": parse_age(record[age_column])})
        except UnknownLabelError as error:
            dropped.add(str(error), f"{file.name} line {line}")
    return rows


def _path(record: dict[str, str], photos: Path) -> str:
    if not record["file_name"]:
        raise UnknownLabelError("no path")
    return str(photos / f"{record['file_name']}_face.jpg")


READER = Reader(
    name="appa-real",
    read=read,
    what="7,591 photos with the real age and the mean of some 38 guesses",
    labels="age (real or apparent)",
    subjects="no",
    terms="research",
    citation='Agustsson, Timofte, Escalera, Baró, Guyon, Rothe: "Apparent and real age estimation '
    'in still images with deep residual regressors on APPA-REAL database", FG 2017',
)
