"""Cross-validation that hands every model the same rows and keeps every prediction."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipelines.folds import each_side
from pipelines.predictions import concat
from pipelines.protocols import LEAKY
from pipelines.subjects import assert_disjoint, subject_codes
from pipelines.tasks import Task


class Rows(Protocol):
    """Anything that gives rows for an int array: an array, a lazy column, photos on disk."""

    def __len__(self) -> int:
        """Count the rows."""

    def __getitem__(self, rows: np.ndarray, /) -> Any:
        """Give the rows of these numbers, in that order."""


@dataclass(frozen=True)
class Evaluation:
    """What a cross-validation leaves behind.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table, see `pipelines.predictions`; rows in the order of X, those of a row
        in the order of the repeats.
    timings : DataFrame
        One row a fold: ``task``, ``model``, ``fold``, ``fit_seconds``,
        ``predict_ms_per_row``, ``n_train``, ``n_test``.
    """

    predictions: pd.DataFrame
    timings: pd.DataFrame


def cross_validate(
    make_estimator: Callable[[], Any],
    X: Rows,
    y: np.ndarray,
    *,
    task: Task,
    model: str,
    image_ids: Sequence[str],
    folds: np.ndarray,
    protocol: str | None = None,
    groups: Sequence[Any] | None = None,
    years: np.ndarray | None = None,
    fit_extras: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Fit and test a new estimator on every fold.

    Parameters
    ----------
    make_estimator : callable
        Takes nothing, returns an unfitted estimator; its `fit` takes ``X, y`` and, where
        there are groups, ``groups=``.
    X : array-like of n rows
        Anything with a length that an int array indexes.
    y : ndarray of shape (n,)
        Class names, or years for a regression.
    task : Task
        What `y` is.
    model : str
        Name of the model in the tables.
    image_ids : sequence of str, length n
        Ids of the photos.
    folds : ndarray of shape (n,) or (n, n_repeats), int
        The fold in which each row is tested, as in `Folds`.
    protocol : str or None
        Name of the protocol that made the folds, for the table. Only ``"random"`` may put a subject
        into two folds.
    groups : sequence of length n, or None
        Subject of each row; missing ones are subjects of their own.
    years : ndarray of shape (n,), float, or None
        True ages for a classification; NaN where unknown.
    fit_extras : mapping of str to mapping of str to ndarray of shape (n,), or None
        More arguments of `fit`, by name: each is columns by name, of which `fit` gets the
        training rows only.
    progress : callable or None
        Called with one line of text after each fold.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If lengths differ, labels are no classes of the task or not finite, there are fewer
        than two folds, or a subject is in more than one without the protocol ``"random"``.
    """
    y = _check(task, X, y, image_ids, folds, protocol, groups, years)
    extras = _check_extras(fit_extras or {}, len(X))
    parts, timings = [], []
    for repeat, fold, train, test in each_side(folds):
        fitted, seconds = _fit(make_estimator(), X, y, groups, extras, train)
        answers, test_seconds = _answers(fitted, X[test], task)
        parts.append(pd.DataFrame({"row": test, "repeat": repeat, "fold": fold, **answers}))
        timings.append((fold, seconds, 1000 * test_seconds / len(test), len(train), len(test)))
        if progress is not None:
            progress(f"{task.name} {model} fold {fold}: {seconds:.1f} s, {len(train)} rows")
    truth = _truth(task, model, y, image_ids, years)
    if groups is not None:
        truth["subject_id"] = _names(groups)
    if protocol is not None:
        truth["protocol"] = protocol
    table = _joined(truth, pd.concat(parts), folds.ndim > 1)
    return Evaluation(concat([table]), _timing_table(task, model, timings))


def _joined(truth: pd.DataFrame, answers: pd.DataFrame, repeated: bool) -> pd.DataFrame:
    """Put the truth beside every answer; rows that are only trained on have none."""
    answers = answers if repeated else answers.drop(columns="repeat")
    return truth.join(answers.set_index("row").sort_index(kind="stable"), how="inner")


def _check(
    task: Task,
    X: Rows,
    y: np.ndarray,
    image_ids: Sequence[str],
    folds: np.ndarray,
    protocol: str | None,
    groups: Sequence[Any] | None,
    years: np.ndarray | None,
) -> np.ndarray:
    columns = {"y": y, "image_ids": image_ids, "folds": folds, "groups": groups, "years": years}
    for name, values in columns.items():
        if values is not None and len(values) != len(X):
            raise ValueError(f"'{name}' must have {len(X)} rows, as X has. Got {len(values)}.")
    for column in np.reshape(folds, (len(X), -1)).T:
        if len(np.unique(column)) < 2:
            raise ValueError("Cross-validation needs two folds or more. See assign_folds.")
        if groups is not None and protocol != LEAKY:
            assert_disjoint(subject_codes(groups, len(X)), column)
    return _check_labels(task, y)


def _check_labels(task: Task, y: np.ndarray) -> np.ndarray:
    if task.classes is None:
        numbers = np.asarray(y, dtype=np.float64)
        bad = ~np.isfinite(numbers)
    else:
        numbers = np.asarray(y)
        bad = ~np.isin(numbers.astype(str), task.classes)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{bad.sum()} labels are of no use for the task {task.name!r}, such as "
            f"{np.asarray(y)[first]!r} at row {first}. Leave rows without a label out."
        )
    return numbers if task.classes is None else numbers.astype(str)


def _check_extras(
    extras: Mapping[str, Mapping[str, np.ndarray]], n_rows: int
) -> dict[str, dict[str, np.ndarray]]:
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


def _fit(
    estimator: Any,
    X: Rows,
    y: np.ndarray,
    groups: Sequence[Any] | None,
    extras: Mapping[str, Mapping[str, np.ndarray]],
    train: np.ndarray,
) -> tuple[Any, float]:
    rows = X[train]
    known: dict[str, Any] = {
        argument: {name: values[train] for name, values in columns.items()}
        for argument, columns in extras.items()
    }
    if groups is not None:
        known["groups"] = subject_codes(groups, len(y))[train]
    start = time.perf_counter()
    estimator.fit(rows, y[train], **known)
    return estimator, time.perf_counter() - start


def _answers(fitted: Any, rows: Any, task: Task) -> tuple[dict[str, np.ndarray], float]:
    start = time.perf_counter()
    raw = fitted.predict(rows) if task.classes is None else fitted.predict_proba(rows)
    seconds = time.perf_counter() - start
    if task.classes is None:
        return {"years_pred": np.asarray(raw, dtype=np.float64)}, seconds
    probabilities = np.zeros((len(raw), len(task.classes)))
    # A class that the training folds lack keeps probability 0.
    probabilities[:, [task.classes.index(str(name)) for name in fitted.classes_]] = raw
    columns = dict(zip(task.probability_columns, probabilities.T, strict=True))
    return {**columns, "years_pred": task.expected_years(probabilities)}, seconds


def _truth(
    task: Task, model: str, y: np.ndarray, image_ids: Sequence[str], years: np.ndarray | None
) -> pd.DataFrame:
    missing = np.full(len(y), np.nan)
    return pd.DataFrame(
        {
            "image_id": np.asarray(image_ids).astype(str),
            "task": task.name,
            "model": model,
            "y_true": pd.array([None] * len(y) if task.is_regression else y, dtype="str"),
            "years_true": y if task.is_regression else _years(years, missing),
        }
    )


def _names(groups: Sequence[Any]) -> Any:
    names = pd.Series(np.asarray(groups, dtype=object), dtype=object)
    known = names.notna() & (names != "")
    return pd.array(
        [str(name) if is_known else None for name, is_known in zip(names, known, strict=True)],
        dtype="str",
    )


def _years(years: np.ndarray | None, missing: np.ndarray) -> np.ndarray:
    return missing if years is None else np.asarray(years, dtype=np.float64)


def _timing_table(task: Task, model: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["fold", "fit_seconds", "predict_ms_per_row", "n_train", "n_test"]
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, "task", task.name)
    table.insert(1, "model", model)
    return table
