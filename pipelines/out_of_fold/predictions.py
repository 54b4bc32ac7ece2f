"""The table of out-of-fold predictions: what every score is computed from.

One row a photo, task and model, predicted by a model that never saw the photo's person (under the
protocol `random`, that never saw the photo). Where folds were repeated, one a repeat:

=============  =========================================================================
``image_id``   the photo
``task``       name of the task
``model``      name of the model
``fold``       the fold in which the photo was tested
``y_true``     true class; missing for a regression
``p_<class>``  probability of each class of the task; other tasks' columns are missing
``years_true`` true age in years; missing where unknown
``years_pred`` predicted, or expected, age in years; missing where the model gives none, which is
               then so in all rows that it answers
``subject_id`` who is in the photo; missing where unknown. The column may be left out: each
               photo then counts as a subject of its own
``protocol``   name of the protocol that made the folds, the same in all rows. It may be left out,
               or be missing in the rows of some models
``repeat``     which repeat of the folds, from 0, where they were repeated; folds of two repeats
               have different numbers. Left out where they were not
``y_pred``     the class that a model names; missing where its probabilities say it. The column
               may be left out
``answered``   0 where the model gives no answer, else 1. The column may be left out: all are
=============  =========================================================================

Any other model joins a comparison by handing in such a table as a file. One that names classes only
has ``y_pred`` and no probabilities, in all rows of the task.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.errors import PredictionTableError
from pipelines.files import replacing
from pipelines.out_of_fold.answers import predicted_classes
from pipelines.out_of_fold.contract import (
    COLUMNS,
    KEY,
    OPTIONAL,
    TEXT,
    check_columns,
    subjects_of,
    validate,
)

__all__ = [
    "COLUMNS",
    "KEY",
    "MAX_BYTES",
    "OPTIONAL",
    "concat",
    "predicted_classes",
    "read",
    "subjects_of",
    "validate",
    "write",
]

# Optional columns of whole numbers, and what they are in the rows of a model without them.
_COUNTS = {"repeat": 0, "answered": 1}

# The largest file that is read, in bytes: some two million rows.
MAX_BYTES = 512 << 20


def concat(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of several tasks and models under one another.

    Parameters
    ----------
    tables : iterable of DataFrame

    Returns
    -------
    DataFrame
        With an index from 0 and the columns of all, the probabilities last.
    """
    tables = list(tables)
    if not tables:
        raise ValueError("There are no prediction tables to put together.")
    return _ordered(_typed(pd.concat(tables, ignore_index=True)))


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table from a CSV or Parquet file.

    Parameters
    ----------
    path : path
        Ends in ``.csv`` or ``.parquet``.

    Returns
    -------
    DataFrame
        Not validated: see `validate`.

    Raises
    ------
    PredictionTableError
        If the file is missing, too large, of another kind, or not readable as a table.
    """
    path = Path(path)
    _check_file(path)
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        check_columns(table)
        return _ordered(_typed(table))
    except PredictionTableError as error:
        raise PredictionTableError(f"{path}: {error}") from error
    except ImportError as error:
        raise _without_pyarrow(path) from error
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PredictionTableError(f"{path} is not a table of predictions: {reason}") from error


def write(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to a CSV or Parquet file; `read` gives it back exactly.

    Parameters
    ----------
    table : DataFrame
    path : path
        Ends in ``.csv`` or ``.parquet``. It appears complete or not at all.

    Raises
    ------
    PredictionTableError
        If the suffix is another one, or Parquet support (pyarrow) is not installed.
    """
    path = Path(path)
    _check_suffix(path)
    write_as = table.to_parquet if path.suffix == ".parquet" else table.to_csv
    try:
        with replacing(path) as part:
            write_as(part, index=False)
    except ImportError as error:
        raise _without_pyarrow(path) from error


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    optional = [name for name in OPTIONAL if name in table.columns]
    probabilities = [name for name in table.columns if name.startswith("p_")]
    return table[[*COLUMNS, *optional, *probabilities]]


def _check_suffix(path: Path) -> None:
    if path.suffix not in (".csv", ".parquet"):
        raise PredictionTableError(f"{path}: predictions are a .csv or a .parquet file.")


def _check_file(path: Path) -> None:
    _check_suffix(path)
    if not path.is_file():
        raise PredictionTableError(f"{path}: no such file.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise PredictionTableError(f"{path} has {size} bytes, more than the limit {MAX_BYTES}.")


def _read_csv(path: Path) -> pd.DataFrame:
    # As text, because pandas' own reading of numbers is not exact in every version.
    return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])


def _without_pyarrow(path: Path) -> PredictionTableError:
    return PredictionTableError(
        f"{path}: Parquet files need pyarrow, which is not installed: run 'pip install pyarrow', "
        "or use a .csv file."
    )


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give the columns their types: an empty column of a file has none."""
    optional = table.columns.intersection([n for n in OPTIONAL if n not in _COUNTS])
    text = dict.fromkeys([*TEXT, *optional], "str")
    numbers = {name: np.float64 for name in table.columns if name.startswith(("p_", "years_"))}
    table = table.astype({**text, **numbers})
    table["fold"] = _whole(table["fold"])
    # Where a model was tested once validation says that others were not.
    for name, missing in _COUNTS.items():
        if name in table:
            counts = table[name].astype(object)
            table[name] = _whole(counts.where(counts.notna(), missing))
    return table


def _whole(values: pd.Series) -> pd.Series:
    """Give whole numbers their type."""
    try:
        return values.astype(np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        row = int(np.argmin([_is_whole(value) for value in values]))
        raise PredictionTableError(
            f"column {values.name!r}, row {row + 1} holds {str(values.iloc[row])[:40]!r}, "
            "no whole number of 64 bits."
        ) from error


def _is_whole(value: Any) -> bool:
    try:
        np.int64(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True
