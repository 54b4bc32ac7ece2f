"""Any photos with a CSV file that lists them (the data set ``csv``).

A table with a header, as :mod:`featurex.datasets.dialect` says. The column `path` is required and
relative to the file's folder; `age` (years), `age_group`, `gender`, `subject_id` and `fold` are
read where they are; others are ignored. An empty field is a missing label. Without a column of
labels all photos are kept, to be embedded; else those with none are dropped.
"""

from pathlib import Path

from featurex.datasets.cleaning import LABELS, Dropped, clean
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import (
    AmbiguousLabelError,
    UnknownLabelError,
    parse_age,
    parse_age_group,
    parse_fold,
    parse_gender,
    parse_subject,
)
from featurex.datasets.photos import locate, only_inside
from featurex.datasets.reader import Reader
from featurex.exceptions import DatasetError
from featurex.labels import check_age_policy
from featurex.manifest import Manifest

NUMBERS = ("age", "fold")


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read the photos that a CSV file lists.

    Parameters
    ----------
    root : str or Path
        The CSV file. Photos outside its folder, links resolved, are dropped.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.

    Returns
    -------
    Manifest
        With the labels that the file has.

    Raises
    ------
    DatasetError
        If the file can't be read, isn't such a table, has a label that can be read in two ways, or
        lists no usable photo.
    """
    return read_table(root, dataset="csv", age_policy=age_policy)


def read_table(
    root: str | Path, *, dataset: str, age_policy: str, notes: tuple[str, ...] = ()
) -> Manifest:
    """Read a CSV file as the data set `dataset`; otherwise as :func:`read`."""
    check_age_policy(age_policy)
    path, dropped, rows = Path(root).absolute(), Dropped(), []
    labelled = False
    for line, record in read_records(path, dropped, required=["path"], numbers=NUMBERS):
        labelled = any(name in record for name in LABELS)
        try:
            row = _row(record, path.parent)
        except AmbiguousLabelError as error:
            raise DatasetError(f"{path}, line {line}: the {error}.") from error
        except UnknownLabelError as error:
            dropped.add(str(error), f"line {line}")
        else:
            rows.append(row)
    rows = only_inside(rows, path.parent, dropped)
    return clean(
        rows,
        dropped,
        dataset=dataset,
        root=path,
        age_policy=age_policy,
        notes=notes,
        labelled=labelled,
    )


def _row(record: dict[str, str], folder: Path) -> dict[str, object]:
    if not record["path"].strip():
        raise UnknownLabelError("no path")
    return {
        "path": locate(folder, record["path"]),
        "subject_id": parse_subject(record.get("subject_id", "")),
        "age": parse_age(record.get("age", "")),
        "age_group": parse_age_group(record.get("age_group", "")),
        "gender": parse_gender(record.get("gender", "")),
        "fold": parse_fold(record.get("fold", "")),
    }


READER = Reader(
    name="csv",
    read=read,
    what="your own photos, listed in a CSV file",
    labels="any of age, age_group, gender, or none",
    subjects="where given",
    terms="yours",
    citation="",
)
