"""How often the faces of different people lie close together, on the data at hand.

A threshold's published error is that of its benchmark: among LFW's 6,000 chosen pairs 0.6 errs in
0.62 %, but 23,000 photos make 264 million pairs. So the rate of false matches is measured on pairs
whose labels make them different people: other subjects where the data set names them, else the
other gender. Labels are wrong now and then, so some of these are the same person after all, which
makes the rate too high; but people of one gender look more alike than those of two, which makes it
too low for data without subjects.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.audit.distance_blocks import count_close

# 30,000 rows are 450 million pairs: seconds, and enough for a rate of one in a hundred million.
MOST_ROWS = 30_000

OTHER_SUBJECT = "pairs of different subjects"
OTHER_GENDER = "pairs of different genders"


def match_rates(
    X: np.ndarray,
    table: pd.DataFrame,
    radii: Sequence[float],
    scale: np.ndarray | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Count the pairs within each distance, all and those of different people.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Embeddings.
    table : DataFrame
        The manifest's rows of `X`.
    radii : sequence of float
        Ascending.
    scale : ndarray of shape (n,), optional
        Makes distances relative, as in :func:`pipelines.audit.neighbours.close_pairs`.
    seed : int
        Draws the rows where there are more than 30,000.

    Returns
    -------
    DataFrame
        One row a radius: `radius`, `pairs` (int: all within it), `different` (int: those of
        different people within it), `compared` (int: the pairs of different people there are),
        `rate` (their quotient; NaN where the labels tell no two people apart), `expected_false`
        (that rate of all pairs there are) and `basis` (what told people apart, or "").
    """
    rows = np.arange(len(X))
    if len(X) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(X), MOST_ROWS, replace=False))
    faces = _Faces(X[rows], None if scale is None else scale[rows])
    table = table.iloc[rows]
    n_pairs = len(rows) * (len(rows) - 1) // 2
    pairs = faces.count(radii)
    different, compared, basis = _different(faces, table, radii, pairs)
    rate = different / compared if compared else np.full(len(radii), np.nan)
    return pd.DataFrame(
        {
            "radius": list(radii),
            "pairs": pairs,
            "different": different,
            "compared": compared,
            "rate": rate,
            "expected_false": rate * n_pairs,
            "basis": basis,
        }
    )


class _Faces:
    """Embeddings with their scales, if any."""

    def __init__(self, X: np.ndarray, scale: np.ndarray | None) -> None:
        self.X = X
        self.scale = scale

    def some(self, rows: np.ndarray) -> _Faces:
        """Return those of some rows."""
        return _Faces(self.X[rows], None if self.scale is None else self.scale[rows])

    def count(self, radii: Sequence[float], other: _Faces | None = None) -> np.ndarray:
        """Count the close pairs among them, or with others."""
        if other is None:
            return count_close(self.X, radii, scale=self.scale)
        return count_close(self.X, radii, other.X, scale=self.scale, scale_of_Y=other.scale)


def _different(
    faces: _Faces, table: pd.DataFrame, radii: Sequence[float], pairs: np.ndarray
) -> tuple[np.ndarray, int, str]:
    """Count the close pairs of different people, and how many pairs of them there are."""
    subjects, gender = table["subject_id"], table["gender"].astype(object)
    nobody = np.zeros(len(radii), np.int64)
    if subjects.notna().any():
        known = subjects.notna().to_numpy()
        named = faces if known.all() else faces.some(known)
        everybody = pairs if known.all() else named.count(radii)
        own = list(table[known].groupby("subject_id").indices.values())
        same = sum((named.some(rows).count(radii) for rows in own if len(rows) > 1), nobody)
        compared = (known.sum() ** 2 - sum(len(rows) ** 2 for rows in own)) // 2
        return everybody - same, int(compared), OTHER_SUBJECT
    women, men = (faces.some((gender == name).to_numpy()) for name in ("female", "male"))
    if len(women.X) and len(men.X):
        return women.count(radii, men), len(women.X) * len(men.X), OTHER_GENDER
    return nobody, 0, ""
