"""Reads the folder of a run, whoever made it, for the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.exceptions import RunError
from featurex.files import open_regular
from featurex.printable import printable
from pipelines.report import FORMS, LIMITS, Run, TableForm

MAX_BYTES = 64 << 20
MOST_TEXT = 4_000  # characters of one text
# No score, count or time of a run is as large; a drawing of such numbers would be none.
LARGEST = 1e12
ROUNDING = 1e-9  # by which a sum of floats may miss 1
AUDIT_TABLES = ("findings", "folds")


def read_run(folder: Path, audit: Path | None = None) -> Run:
    """Read a run, and the findings of an audit.

    Parameters
    ----------
    folder : Path
        As ``featurex compare --out`` writes it. ``run.json`` and ``table.csv`` must be there.
    audit : Path, optional
        As ``featurex audit --out`` writes it.

    Returns
    -------
    Run
        All of it printable text and finite numbers or NaN (thresholds may be infinite).

    Raises
    ------
    RunError
        A file is missing, too large, or not what it should be.
    """
    record = read_record(folder)
    tables = {"table": _read_table(folder / "table.csv", FORMS["table"])}
    _check_scores(folder / "table.csv", tables["table"])
    for name in FORMS:
        if name not in (*tables, *AUDIT_TABLES) and (folder / f"{name}.csv").exists():
            tables[name] = _read_table(folder / f"{name}.csv", FORMS[name])
    if audit is not None:
        tables |= read_audit(audit)
    return Run(record, tables)


def read_record(folder: Path) -> dict[str, Any]:
    """Read what a run wrote down of itself, ``run.json``.

    Raises
    ------
    RunError
        The file is missing, too large, or no JSON object.
    """
    path = folder / "run.json"
    data = _read_bytes(path)
    try:
        record = _clean(json.loads(data))
    except RecursionError:
        raise _fault(path, "nested too deeply") from None
    except ValueError as error:
        raise _fault(path, f"no JSON ({error})") from error
    if not isinstance(record, dict):
        raise _fault(path, "not the record of a run")
    return record


def read_audit(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the findings of an audit, by the names in `AUDIT_TABLES`.

    Raises
    ------
    RunError
        A file is missing, too large, or not what it should be.
    """
    return {name: _read_table(folder / f"{name}.csv", FORMS[name]) for name in AUDIT_TABLES}


def _read_bytes(path: Path) -> bytes:
    try:
        with open_regular(path, MAX_BYTES) as file:
            return file.read()
    except OSError as error:
        raise _fault(path, (error.strerror or str(error)).lower()) from error


def _fault(path: Path, reason: str) -> RunError:
    again = "featurex audit" if path.stem in AUDIT_TABLES else "featurex compare"
    advice = "" if path.name in ("run.json", "table.csv") else ", or take the file away"
    return RunError(f"{path}: {reason}. Run '{again}' again{advice}.")


def _clean(value: Any) -> Any:
    """Make every text of a record printable, and take away what is no plausible number."""
    if isinstance(value, str):
        return printable(value[:MOST_TEXT])
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        return None
    return value


def _read_table(path: Path, form: TableForm) -> pd.DataFrame:
    import io

    data = _read_bytes(path)
    try:
        table = pd.read_csv(
            io.BytesIO(data),
            dtype=str,
            keep_default_na=False,
            nrows=form.most_rows + 1,
            encoding_errors="backslashreplace",
        )
    except ValueError as error:  # pandas' parser errors are such
        raise _fault(path, f"no table ({' '.join(str(error).split())})") from error
    if len(table) > form.most_rows:
        raise _fault(path, f"more than {form.most_rows:,} rows")
    missing = [name for name in (*form.words, *form.numbers) if name not in table]
    if missing:
        raise _fault(path, f"the column {missing[0]!r} is missing")
    columns = {name: table[name] for name in form.words}
    for name in (*form.numbers, *form.extra):
        columns[name] = _numbers(table, name, path, form)
    return _printable(pd.DataFrame(columns))


def _check_scores(path: Path, table: pd.DataFrame) -> None:
    """Refuse a comparison that has no score of one of its tasks: there is nothing to show."""
    scored = table[[f"{metric}_pooled" for metric in LIMITS]].notna().any(axis=1)
    without = table["task"][~scored.groupby(table["task"]).transform("any").astype(bool)]
    if len(without):
        raise _fault(path, f"no score of {without.iloc[0]!r}, such as 'accuracy_pooled'")


def _numbers(table: pd.DataFrame, name: str, path: Path, form: TableForm) -> pd.Series:
    """Read a column of numbers; empty cells, and a column that is not there, are NaN."""
    if name not in table:
        return pd.Series(np.nan, index=table.index)
    text = table[name]
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    wrong = numbers.isna() & ~text.isin(["", "nan", "NaN"])
    wrong |= _too_large(name, numbers) | _beyond(form.limits.get(name), table, numbers)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        value = printable(text.iloc[row][:40])
        raise _fault(path, f"column {name!r}, row {row + 1} holds {value!r}, no plausible number")
    return numbers


def _too_large(name: str, numbers: pd.Series) -> pd.Series:
    # A threshold that nothing reaches is infinite.
    return (numbers.abs() > LARGEST) & ~((name == "threshold") & np.isinf(numbers))


def _beyond(
    limits: tuple[float, float] | str | None, table: pd.DataFrame, numbers: pd.Series
) -> pd.Series:
    """Tell which numbers are beyond their limits, which may be those of each row's metric."""
    anything = (-np.inf, np.inf)
    if isinstance(limits, str):
        each = [LIMITS.get(metric, anything) for metric in table[limits]]
    else:
        each = [limits or anything] * len(table)
    low, high = np.array(each, float).reshape(-1, 2).T
    return (numbers < low - ROUNDING) | (numbers > high + ROUNDING)


def _printable(table: pd.DataFrame) -> pd.DataFrame:
    words = table.select_dtypes(exclude="number").columns
    return table.assign(**{name: table[name].map(_text) for name in words})


def _text(value: Any) -> str:
    return printable(str(value)[:MOST_TEXT])
