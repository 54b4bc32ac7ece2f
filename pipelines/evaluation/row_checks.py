"""What a cross-validation refuses before the first fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.folds.protocols import LEAKY
from pipelines.folds.subjects import assert_disjoint, subject_codes
from pipelines.tasks import Task


def check_lengths(n_rows: int, columns: Mapping[str, Any]) -> None:
    """Raise ValueError where a column, by name, is given and has not as many rows as X."""
    for name, values in columns.items():
        if values is not None and len(values) != n_rows:
            raise ValueError(f"'{name}' must have {n_rows} rows, as X has. Got {len(values)}.")


def check_folds(folds: np.ndarray, groups: Sequence[Any] | None, protocol: str | None) -> None:
    """Raise ValueError where there is one fold, or a subject in two without leave to be.

    Parameters
    ----------
    folds : ndarray of shape (n,) or (n, n_repeats), int
    groups : sequence of length n, or None
    protocol : str or None
    """
    for column in np.reshape(folds, (len(folds), -1)).T:
        if len(np.unique(column)) < 2:
            raise ValueError("Cross-validation needs two folds or more. See assign_folds.")
        if groups is not None and protocol != LEAKY:
            assert_disjoint(subject_codes(groups, len(folds)), column)


def check_labels(task: Task, y: np.ndarray) -> np.ndarray:
    """Return labels as str, or years as float64.

    Raises
    ------
    ValueError
        If one is no class of the task, or not finite; names the first.
    """
    if task.classes is None:
        labels = np.asarray(y, dtype=np.float64)
        bad = ~np.isfinite(labels)
    else:
        labels = np.asarray(y).astype(str)
        bad = ~np.isin(labels, task.classes)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{bad.sum()} labels are of no use for the task {task.name!r}, such as "
            f"{np.asarray(y)[first]!r} at row {first}. Leave rows without a label out."
        )
    return labels


def check_extras(
    extras: Mapping[str, Mapping[str, np.ndarray]], n_rows: int
) -> dict[str, dict[str, np.ndarray]]:
    """Return the extra arguments of `fit` as arrays.

    Raises
    ------
    ValueError
        If a column has not as many rows as X.
    """
    checked = {}
    for argument, columns in extras.items():
        checked[argument] = {name: np.asarray(values) for name, values in columns.items()}
        for name, values in checked[argument].items():
            if len(values) != n_rows:
                raise ValueError(
                    f"'{argument}' must have {n_rows} rows of {name!r}, as X has. "
                    f"Got {len(values)}."
                )
    return checked
