"""What all readers share: counting what is dropped, duplicates, and the finished manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.datasets.shared_photos import join_subjects
from featurex.exceptions import DatasetError
from featurex.labels import UNDEFINED, age_to_group
from featurex.manifest import COPY_COLUMNS, Manifest, make_table, no_copies
from featurex.photos.hashing import hash_files, image_id
from featurex.photos.images import read_reason

MAX_AGE = 116  # the oldest label in UTKFace
MAX_EXAMPLES = 3
# What is said of a data set without subjects, after its name.
NAMES_NOBODY = "doesn't say who is in a photo: random folds may share people."
# What is said where the policy is not the literature's.
NEAREST = "--age-policy nearest: an age between two age groups counts as of the nearest one."
MAX_REASONS = 50  # a hostile label file could name a new reason in each row

LABELS = ["age", "age_group", "gender"]
CANDIDATE_COLUMNS = ["path", "subject_id", *LABELS, "age_label", "race", "fold"]

_EMPTY_FILE_ID = image_id(b"")


class Dropped:
    """Rows dropped so far: counts by reason, and a few examples of each.

    Attributes
    ----------
    counts : dict of str to int
        Rows by reason.
    examples : dict of str to list of str
        Up to three rows of each reason, control characters escaped.
    copies : DataFrame
    unread : dict of str to str
        Both as in :class:`~featurex.manifest.Manifest`.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}
        self.copies = no_copies()
        self.unread: dict[str, str] = {}

    def add(self, reason: str, example: str) -> None:
        """Count one row."""
        if reason not in self.counts and len(self.counts) >= MAX_REASONS:
            reason = "other reasons"
        self.counts[reason] = self.counts.get(reason, 0) + 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(repr(example)[1:-1])

    def split(self, rows: pd.DataFrame, drop: Any, reason: str) -> pd.DataFrame:
        """Count the rows where `drop` (bool, one a row) holds, and return the others."""
        for path in rows["path"][drop]:
            self.add(reason, Path(path).name)
        return rows[~drop]


def clean(
    candidates: Sequence[dict[str, object]] | pd.DataFrame,
    dropped: Dropped,
    *,
    dataset: str,
    root: Path,
    age_policy: str,
    notes: tuple[str, ...] = (),
    max_age: float = MAX_AGE,
    labelled: bool = True,
) -> Manifest:
    """Return the manifest of the usable photos among the candidates.

    Drops, with their reasons, ages outside 0 to `max_age` years, rows without any label, files
    that can't be read, all copies of a photo whose labels conflict, and all but one of the other
    copies (the first, with every label that any copy has; an undefined gender gives way to any
    other and alone is no label). A known age gives the age group where
    there is none. Copies that differ in race only stay one photo, of no race. Subjects who share a
    photo become one; a note says so.

    Parameters
    ----------
    candidates : sequence of dict, or DataFrame
        Rows with `path` (absolute), any other column of a manifest, and `age_label`: the age as
        the data set writes it, where it writes more than comes out as age or group. Copies that
        differ in it conflict.
    dropped : Dropped
        What the reader itself dropped; what this function drops is added.
    dataset, root : str, Path
        The data set's name and where it was read from.
    age_policy : str
        A name in :data:`~featurex.labels.AGE_POLICIES`.
    notes : tuple of str
        Notes of the manifest; one on an age policy that is not the literature's is added.
    max_age : float
        The oldest age, in years, that is believed.
    labelled : bool
        Whether the data set has labels at all: photos without any are to be embedded only.

    Raises
    ------
    DatasetError
        If no row is left.
    """
    rows = pd.DataFrame(candidates).reindex(columns=CANDIDATE_COLUMNS).reset_index(drop=True)
    rows["age"] = rows["age"].astype(np.float64)
    undefined = set(rows["path"][rows["gender"] == UNDEFINED])
    rows["gender"] = rows["gender"].mask(rows["gender"] == UNDEFINED, None)
    rows = dropped.split(rows, (rows["age"] < 0) | (rows["age"] > max_age), "age out of range")
    if labelled:
        rows = dropped.split(rows, rows[LABELS].isna().all(axis=1), "no label")
    rows = _drop_conflicting(_with_ids(rows, dropped), dropped)
    rows, found = join_subjects(rows, dataset)
    rows = _drop_copies(rows, dropped)
    rows = _with_age_groups(rows, dropped, age_policy)
    rows["gender"] = (
        rows["gender"]
        .astype(object)
        .where(rows["gender"].notna() | ~rows["path"].isin(undefined), UNDEFINED)
    )
    gone = ~dropped.copies["image_id"].isin(rows["image_id"])
    dropped.copies.loc[gone, "fate"] = "conflicting labels"
    if rows.empty:
        raise DatasetError(_nothing_left(dataset, root, dropped))
    notes = (*notes, *found)
    if age_policy == "nearest" and rows["age_group"].notna().any():
        notes = (*notes, NEAREST)
    table = make_table(dict(rows.items()), dataset)
    return Manifest(
        table, dropped.counts, dataset, notes, dropped.examples, dropped.copies, dropped.unread
    )


def _with_ids(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    ids = np.array(hash_files(list(rows["path"])), dtype=object)
    bad = np.zeros(len(rows), dtype=bool)
    for i, (path, found) in enumerate(zip(rows["path"], ids, strict=True)):
        bad[i] = isinstance(found, OSError) or found == _EMPTY_FILE_ID
        if bad[i]:
            reason = read_reason(found) if isinstance(found, OSError) else "empty file"
            dropped.add(reason, Path(path).name)
            dropped.unread[path] = reason
    return rows.assign(image_id=ids)[~bad]


def _drop_conflicting(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    copies = rows[rows["image_id"].duplicated(keep=False)]
    kinds = copies.groupby("image_id")[[*LABELS, "age_label", "race"]].nunique()
    conflicting = kinds.index[(kinds.drop(columns="race") > 1).any(axis=1)]
    rows = dropped.split(rows, rows["image_id"].isin(conflicting), "conflicting labels")
    unsure = rows["image_id"].isin(kinds.index[kinds["race"] > 1])
    dropped.copies = _copies(copies, conflicting)
    return rows.assign(race=rows["race"].astype(object).mask(unsure, None))


def _drop_copies(rows: pd.DataFrame, dropped: Dropped) -> pd.DataFrame:
    dropped.split(rows, rows["image_id"].duplicated(), "duplicate")
    return rows.groupby("image_id", sort=False, as_index=False).first()


def _copies(copies: pd.DataFrame, conflicting: pd.Index) -> pd.DataFrame:
    """List the files that are equal byte by byte, with what becomes of each."""
    fate = np.where(copies["image_id"].duplicated(), "duplicate", "kept").astype(object)
    fate[copies["image_id"].isin(conflicting)] = "conflicting labels"
    listed = copies.assign(fate=fate, fold=copies["fold"].astype("Int64"))[list(COPY_COLUMNS)]
    return listed.sort_values("image_id", kind="stable", ignore_index=True)


def _with_age_groups(rows: pd.DataFrame, dropped: Dropped, age_policy: str) -> pd.DataFrame:
    groups = rows["age_group"].astype(object)
    strict = _groups_of(rows["age"], "strict")
    contradiction = groups.notna() & strict.notna() & (groups != strict)
    groups = groups.where(groups.notna(), _groups_of(rows["age"], age_policy))
    return dropped.split(rows.assign(age_group=groups), contradiction, "conflicting labels")


def _groups_of(ages: pd.Series, age_policy: str) -> pd.Series:
    groups = pd.Series(None, index=ages.index, dtype=object)
    known = ages.notna()
    groups[known] = age_to_group(ages[known], age_policy)
    return groups


def _nothing_left(dataset: str, root: Path, dropped: Dropped) -> str:
    reasons = ", ".join(
        f"{reason}: {count} (such as {dropped.examples[reason][0]})"
        for reason, count in dropped.counts.items()
    )
    if not reasons:
        if root.is_file():
            return f"{root} has no rows."
        return f"No photo found in {root}. Is it the folder of {dataset!r}?"
    return f"No usable photo in {root} as {dataset}. Dropped: {reasons}."
