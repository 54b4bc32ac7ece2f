"""Who is in a photo: subjects as numbers, and the check that no fold shares one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def known_subjects(groups: Sequence[Any] | None, n_rows: int) -> np.ndarray:
    """Give each subject a number from 0 by first appearance; -1 where a row has none.

    Raises
    ------
    ValueError
        If `groups` has another length than `n_rows`.
    """
    if groups is None:
        return np.full(n_rows, -1, dtype=np.int64)
    if len(groups) != n_rows:
        raise ValueError(f"'groups' must have {n_rows} rows. Got {len(groups)}.")
    names = pd.Series(np.asarray(groups, dtype=object), dtype=object)
    return pd.factorize(names.mask(names == ""))[0].astype(np.int64)


def subject_codes(groups: Sequence[Any] | None, n_rows: int) -> np.ndarray:
    """Give each subject a number; a row without one becomes a subject of its own.

    Parameters
    ----------
    groups : sequence of length n_rows, or None
        Subject of each row; None, NaN, NA and the empty string are missing.
    n_rows : int
        Number of rows.

    Returns
    -------
    ndarray of shape (n_rows,), int64

    Examples
    --------
    >>> subject_codes(["ann", None, "ann", None], 4).tolist()
    [0, 1, 0, 2]
    """
    codes = known_subjects(groups, n_rows)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def straddling_subjects(groups: np.ndarray, fold: np.ndarray) -> int:
    """Count the subjects that are in two folds or more.

    Parameters
    ----------
    groups, fold : ndarray of shape (n,)
    """
    pairs = pd.DataFrame({"group": groups, "fold": fold}).drop_duplicates()
    return int((pairs["group"].value_counts() > 1).sum())


def assert_disjoint(groups: np.ndarray, fold: np.ndarray) -> None:
    """Check that no subject is in two folds.

    Raises
    ------
    ValueError
        If any is; says how many.
    """
    straddling = straddling_subjects(groups, fold)
    if straddling:
        raise ValueError(
            f"{straddling} of {len(np.unique(groups))} subjects are in more than one fold, so "
            "a model would be tested on people it was trained on. Use the protocol 'subject'."
        )
