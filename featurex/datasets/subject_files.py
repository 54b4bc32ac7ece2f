"""Who is in a photo, from a file: subjects for data sets that name none.

`featurex audit --write-subjects` makes such a file: a table with a header, as
:mod:`featurex.datasets.dialect` says, and the columns `image_id` (the SHA-256 of the photo's bytes,
so it holds for renamed and copied photos) and `subject_id`.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from featurex.datasets.cleaning import NAMES_NOBODY, Dropped
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import AmbiguousLabelError, parse_subject
from featurex.exceptions import DatasetError
from featurex.files import replacing
from featurex.manifest import Manifest
from featurex.printable import printable

COLUMNS = ("image_id", "subject_id")
MAX_LENGTH = 200  # of a subject's name

_IMAGE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


def write_subjects(path: Path, image_ids: Sequence[str], subject_ids: Sequence[str]) -> None:
    """Write a file of subjects.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    image_ids, subject_ids : sequence of str
        Of one length.

    Raises
    ------
    OSError
        It can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(image_ids, subject_ids, strict=True))


def with_subjects(manifest: Manifest, path: Path) -> Manifest:
    """Return a manifest whose subjects are those of a file.

    A photo that the file does not name stays without a subject; in a comparison it is a subject of
    its own. A note says whose subjects they are and counts what did not fit; it stands in place of
    the one that the data set names nobody.

    Parameters
    ----------
    manifest : Manifest
        Without a subject.
    path : Path
        A file as :func:`write_subjects` makes it.

    Raises
    ------
    DatasetError
        If the file can't be read, isn't such a table, names a photo twice, or names none of the
        manifest's.
    ValueError
        If the data set names subjects itself.
    """
    if manifest.table["subject_id"].notna().any():
        raise ValueError(
            f"The data set {manifest.dataset!r} names its subjects: leave out the subjects of "
            f"{path}."
        )
    dropped = Dropped()
    subjects = _read(path, dropped)
    ids = manifest.table["image_id"]
    found = ids.map(subjects).astype(object)
    found = found.where(found.notna(), None)
    if found.isna().all():
        raise DatasetError(
            f"{path} names none of the {len(manifest)} photos of {manifest.dataset!r}. Make it "
            f"from this data set with 'featurex audit {manifest.dataset}', or raise --limit if you "
            "gave one."
        )
    note = _note(path, found)
    unknown = len(subjects.keys() - set(ids))
    table = manifest.table.assign(subject_id=found)
    notes = [kept for kept in manifest.notes if not kept.endswith(NAMES_NOBODY)]
    return replace(manifest, table=table, notes=(*notes, note + _left_out(unknown, dropped)))


def _read(path: Path, dropped: Dropped) -> dict[str, str]:
    subjects: dict[str, str] = {}
    for line, record in read_records(path, dropped, required=COLUMNS):
        image_id = record["image_id"].strip().lower()
        try:
            subject = parse_subject(record["subject_id"])
        except AmbiguousLabelError as error:
            raise DatasetError(f"{path}, line {line}: the {error}.") from error
        if not _IMAGE_ID.fullmatch(image_id):
            dropped.add("with a wrong image_id", f"line {line}")
        elif not subject or len(subject) > MAX_LENGTH:
            dropped.add("without a subject, or with too long a name", f"line {line}")
        elif image_id in subjects:
            raise DatasetError(
                f"{path}, line {line}: the photo {image_id} is named a second time. Keep one line "
                "of each photo."
            )
        else:
            subjects[image_id] = subject
    return subjects


def _note(path: Path, found: pd.Series) -> str:
    n_named = int(found.notna().sum())
    note = (
        f"Subjects are audited clusters: {printable(path.name)} names {n_named} of the "
        f"{len(found)} photos, in {found.nunique()} clusters; 'person' means such a cluster of "
        f"faces that look like one person. {len(found) - n_named} photos are in none, and each is "
        "a subject of its own."
    )
    if n_named < len(found) / 2:
        note += " Warning: fewer than half of the photos are named; the others may share people."
    return note


def _left_out(unknown: int, dropped: Dropped) -> str:
    reasons = [f"{unknown} of photos that are not among these"] if unknown else []
    reasons += [f"{count} {reason}" for reason, count in dropped.counts.items()]
    return f" Lines of the file left out: {', '.join(reasons)}." if reasons else ""
