"""What two photos of likely one person are to each other: a copy, labels that differ, folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from featurex.audit.likeness import likeness, thumbnails
from featurex.labels import UNDEFINED
from pipelines.audit.distance_blocks import pair_distances
from pipelines.audit.neighbours import ClosePairs

# Looked at on UTKFace: above it all were copies of one picture, mirrored ones too.
LIKENESS = 0.95

DUPLICATE, PERSON = "near-duplicate", "same person"


def describe_pairs(
    X: np.ndarray,
    table: pd.DataFrame,
    read_chips: Callable[[Sequence[str]], Any],
    near: ClosePairs,
    fold: np.ndarray,
    least_likeness: float = LIKENESS,
) -> pd.DataFrame:
    """Describe the pairs of likely one person.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Embeddings.
    table : DataFrame of n rows
        Labels of the faces; `subject_id` where the data set itself names people.
    read_chips : callable
        Takes values of `image_id`, returns their chips (m, size, size, 3), uint8.
    near : ClosePairs
        Pairs of rows.
    fold : ndarray of shape (n,)
    least_likeness : float
        Smallest correlation of the chips of two copies of one photo.

    Returns
    -------
    DataFrame
        `kind` (`DUPLICATE` or `PERSON`), `first`, `second` (row numbers), `distance` (Euclidean),
        `relative` (to the crowds of both), `likeness` (correlation of the chips), `conflict` (str:
        the labels that can't both be right, or ""), `subjects` (``"same"``, ``"different"`` or
        ""), `across` (bool: in two folds). In the order of `near`.
    """
    alike = _likeness(table["image_id"], read_chips, near)
    copies = alike >= least_likeness
    found = pd.DataFrame(
        {
            "kind": np.where(copies, DUPLICATE, PERSON),
            "first": near.first,
            "second": near.second,
            "distance": pair_distances(X, near.first, near.second),
            "relative": near.distance,
            "likeness": alike,
        }
    )
    one, other = (table.iloc[rows].reset_index(drop=True) for rows in (near.first, near.second))
    found["conflict"] = pd.Series(_conflicts(one, other, copies), dtype=object)
    found["subjects"] = _subjects(
        one["subject_id"].to_numpy(object), other["subject_id"].to_numpy(object)
    )
    found["across"] = fold[near.first] != fold[near.second]
    return found


def _likeness(
    image_ids: pd.Series, read_chips: Callable[[Sequence[str]], Any], near: ClosePairs
) -> np.ndarray:
    """Compare the chips of what is likely one person; only those are read."""
    rows, where = np.unique(np.concatenate([near.first, near.second]), return_inverse=True)
    if not len(rows):
        return np.zeros(0)
    first, second = where.reshape(2, -1)
    return likeness(thumbnails(read_chips(image_ids.iloc[rows].tolist())), first, second)


def _conflicts(one: pd.DataFrame, other: pd.DataFrame, copies: np.ndarray) -> list[str]:
    """Name the labels that differ: of copies any, of photos of one person the gender."""
    names = ("gender", "age", "age_group", "race")
    differ = {}
    for name in names:
        known = _known(one[name]) & _known(other[name])
        unequal = one[name].astype(object) != other[name].astype(object)
        differ[name] = (known & unequal).to_numpy() & (copies | (name == "gender"))
    differ["age_group"] = differ["age_group"] & ~differ["age"]
    return [
        ", ".join(name.replace("_", " ") for name in names if differ[name][row])
        for row in range(len(one))
    ]


def _known(labels: pd.Series) -> pd.Series:
    return labels.notna() & (labels.astype(object) != UNDEFINED)


def _subjects(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    words = np.where(one == other, "same", "different").astype(object)
    words[pd.isna(one) | pd.isna(other)] = ""
    return words
