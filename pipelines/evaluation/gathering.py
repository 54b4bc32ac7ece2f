"""The answers of all folds, put together: an out-of-fold table and its times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.evaluation.fits import FoldFit
from pipelines.folds.assignment import each_side
from pipelines.out_of_fold.predictions import concat
from pipelines.tasks import Task


@dataclass(frozen=True)
class Evaluation:
    """What a cross-validation leaves behind.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table, see `pipelines.out_of_fold.predictions`; rows in the order of X,
        those of a row in the order of the repeats.
    timings : DataFrame
        One row a fold: ``task``, ``model``, ``fold``, ``fit_seconds``,
        ``predict_ms_per_row``, ``n_train``, ``n_test``.
    """

    predictions: pd.DataFrame
    timings: pd.DataFrame


def known_facts(
    task: Task,
    model: str,
    y: np.ndarray,
    image_ids: np.ndarray,
    *,
    protocol: str | None,
    groups: Sequence[Any] | None,
    years: np.ndarray | None,
) -> pd.DataFrame:
    """Lay out what the out-of-fold table says of every row before a model answers.

    Parameters
    ----------
    task : Task
    model : str
    y : ndarray of shape (n,)
        Checked: class names, or years.
    image_ids : ndarray of shape (n,), str
    protocol, groups, years
        As of `CrossValidation`.

    Returns
    -------
    DataFrame of n rows
    """
    missing = np.full(len(y), np.nan)
    known_years = missing if years is None else np.asarray(years, dtype=np.float64)
    facts = pd.DataFrame(
        {
            "image_id": image_ids,
            "task": task.name,
            "model": model,
            "y_true": pd.array([None] * len(y) if task.is_regression else y, dtype="str"),
            "years_true": y if task.is_regression else known_years,
        }
    )
    if groups is not None:
        facts["subject_id"] = _names(groups)
    if protocol is not None:
        facts["protocol"] = protocol
    return facts


def gather(facts: pd.DataFrame, folds: np.ndarray, fits: Sequence[FoldFit]) -> Evaluation:
    """Put the answers of every fold beside what is known of its rows.

    Parameters
    ----------
    facts : DataFrame of n rows
        As `known_facts` makes it.
    folds : ndarray of shape (n,) or (n, n_repeats), int
    fits : sequence of FoldFit
        One a fold, in the order of `each_side`.

    Returns
    -------
    Evaluation
    """
    parts = [
        pd.DataFrame({"row": test, "repeat": repeat, "fold": fold, **fit.answers})
        for (repeat, fold, _, test), fit in zip(each_side(folds), fits, strict=True)
    ]
    answers = pd.concat(parts).set_index("row").sort_index(kind="stable")
    if folds.ndim == 1:
        answers = answers.drop(columns="repeat")
    # Rows that are only trained on have no answer.
    table = facts.join(answers, how="inner")
    return Evaluation(concat([table]), _timings(facts, fits))


def _timings(facts: pd.DataFrame, fits: Sequence[FoldFit]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": facts["task"].iloc[0],
            "model": facts["model"].iloc[0],
            "fold": [fit.fold for fit in fits],
            "fit_seconds": [fit.fit_seconds for fit in fits],
            "predict_ms_per_row": [1000 * fit.predict_seconds / fit.n_test for fit in fits],
            "n_train": [fit.n_train for fit in fits],
            "n_test": [fit.n_test for fit in fits],
        }
    )


def _names(groups: Sequence[Any]) -> Any:
    names = pd.Series(np.asarray(groups, dtype=object), dtype=object)
    known = names.notna() & (names != "")
    return pd.array(
        [str(name) if is_known else None for name, is_known in zip(names, known, strict=True)],
        dtype="str",
    )
