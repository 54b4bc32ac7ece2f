"""Photos that are there, byte by byte, under two subjects or in two folds."""

import numpy as np
import pandas as pd

from featurex.printable import printable

MAX_NAMED = 3  # of those who share a photo, in a note


def join_subjects(rows: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, list[str]]:
    """Take subjects who share a photo for one person, so that nobody is on both sides of a fold.

    Whoever shares a photo with one of them belongs to them too. Subjects whom the data set's own
    folds part stay two: papers compare scores on those folds as they were published.

    Parameters
    ----------
    rows : DataFrame
        Candidates with `image_id`, `subject_id` and `fold`, copies of one photo among them.
    dataset : str
        Its name, for the notes.

    Returns
    -------
    rows : DataFrame
        Each of these subjects is called by the name of the first.
    notes : list of str
        What was found, if anything.
    """
    copies = rows[rows["image_id"].duplicated(keep=False)]
    by_photo = copies.groupby("image_id", sort=False)
    notes = []
    shared = by_photo["subject_id"].nunique() > 1
    if shared.any():
        found = _first_names(copies[copies["image_id"].isin(shared.index[shared])])
        first = _without_parted(found, rows)
        rows = rows.assign(subject_id=rows["subject_id"].map(lambda name: first.get(name, name)))
        notes.append(_subjects_note(dataset, int(shared.sum()), first, len(found) - len(first)))
    if n_across := int((by_photo["fold"].nunique() > 1).sum()):
        notes.append(
            f"{dataset}: {_photos(n_across)} in two of the data set's own folds, byte by byte: the "
            "first copy counts, and only in its fold."
        )
    return rows, notes


def _first_names(rows: pd.DataFrame) -> dict[str, str]:
    """Return, for each subject, the first one that it hangs together with by shared photos."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = rows[rows["subject_id"].notna()]
    people, names = pd.factorize(rows["subject_id"].astype(object))
    photos, image_ids = pd.factorize(rows["image_id"].astype(object))
    size = len(names) + len(image_ids)
    links = coo_array((np.ones(len(rows)), (people, photos + len(names))), (size, size))
    _, together = connected_components(links, directed=False)
    named = pd.Series(names, dtype=object)
    return dict(zip(names, named.groupby(together[: len(names)]).transform("first"), strict=True))


def _without_parted(first: dict[str, str], rows: pd.DataFrame) -> dict[str, str]:
    """Leave out subjects who would be in more of the data set's own folds than each was alone."""
    names = rows["subject_id"].map(first)
    alone = rows.groupby("subject_id")["fold"].nunique()
    together = rows.groupby(names)["fold"].nunique()
    most = alone[alone.index.isin(first)].groupby(first).max()
    parted = set(together.index[together > most.reindex(together.index)])
    return {name: other for name, other in first.items() if other not in parted}


def _subjects_note(dataset: str, n_photos: int, first: dict[str, str], n_parted: int) -> str:
    note = f"{dataset}: {_photos(n_photos)} under two subjects or more, byte by byte."
    if first:
        named = ", ".join(repr(printable(str(name))) for name in list(first)[:MAX_NAMED])
        more = ", …" if len(first) > MAX_NAMED else ""
        n_people = len(set(first.values()))
        note += " Who shares a photo counts as one person: of "
        note += f"{len(first)} subjects ({named}{more}) {n_people} became."
    if n_parted:
        note += f" {n_parted} stay as they are, since the data set's own folds part them: a person "
        note += "may be on both sides."
    return f"{note} 'featurex audit' lists these files; delete the wrong one of two people."


def _photos(count: int) -> str:
    return "1 photo is" if count == 1 else f"{count} photos are"
