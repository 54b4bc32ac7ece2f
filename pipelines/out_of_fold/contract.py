"""The contract of the out-of-fold table, and the check of a table against it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.errors import PredictionTableError
from pipelines.out_of_fold.answers import answered
from pipelines.tasks import Task, find_task

KEY = ["image_id", "task", "model"]
COLUMNS = [*KEY, "fold", "y_true", "years_true", "years_pred"]
OPTIONAL = ["subject_id", "protocol", "repeat", "y_pred", "answered"]
TEXT = [*KEY, "y_true"]

# How far from 1 the probabilities of a row may sum.
TOLERANCE = 1e-3


def _first(table: pd.DataFrame, bad: np.ndarray | pd.Series) -> str:
    """Name the first bad row."""
    row = table[np.asarray(bad)].iloc[0]
    return f"image_id {row['image_id']!r}, task {row['task']!r}, model {row['model']!r}"


def _check_classes(rows: pd.DataFrame, task: Task) -> None:
    missing = [name for name in task.probability_columns if name not in rows.columns]
    if missing:
        raise PredictionTableError(f"Task {task.name!r} needs the columns {missing}.")
    unknown = ~rows["y_true"].isin(list(task.classes or ()))
    if unknown.any():
        value = rows.loc[unknown, "y_true"].iloc[0]
        raise PredictionTableError(
            f"{unknown.sum()} rows have a y_true that is no class of {task.name!r}, such as "
            f"{value!r} ({_first(rows, unknown)}). Classes: {list(task.classes or ())}."
        )
    _check_finite(rows, task, ["years_true", "years_pred"], may_miss=True)
    for _, part in rows.groupby("model", sort=False):
        _check_answers(part, task)
        _check_all_or_no_years(part, task)


def _check_answers(rows: pd.DataFrame, task: Task) -> None:
    """Check that a model gives sound probabilities, or else classes, wherever it answers."""
    names = rows["y_pred"] if "y_pred" in rows else pd.Series(None, rows.index, dtype=object)
    unknown = names.notna() & ~names.isin(list(task.classes or ()))
    if unknown.any():
        raise PredictionTableError(
            f"{unknown.sum()} rows have a y_pred that is no class of {task.name!r}, such as "
            f"{names[unknown].iloc[0]!r} ({_first(rows, unknown)})."
        )
    values = rows[task.probability_columns].to_numpy(dtype=np.float64)
    there = answered(rows)
    if names.notna()[there].all() and np.isnan(values).all():
        return  # classes only
    # Written so that NaN, for which every comparison is false, is refused too.
    sound = ((values >= 0) & (values <= 1)).all(axis=1) & (abs(values.sum(axis=1) - 1) <= TOLERANCE)
    if not sound[there].all():
        raise PredictionTableError(
            f"{(~sound & there).sum()} rows have probabilities that are not in [0, 1] or do not "
            f"sum to 1 within {TOLERANCE}; first: {_first(rows, ~sound & there)}."
        )
    _check_most_probable(rows, task, names, values)


def _check_all_or_no_years(rows: pd.DataFrame, task: Task) -> None:
    """Check that a model tells years with all of its answers or none: no error may be left out."""
    missing = rows.loc[answered(rows), "years_pred"].isna()
    if missing.any() and not missing.all():
        raise PredictionTableError(
            f"Model {rows['model'].iloc[0]!r} has no years_pred for {missing.sum()} of its "
            f"{len(missing)} answers of task {task.name!r}. Give years for every answer or for "
            "none."
        )


def _check_most_probable(
    rows: pd.DataFrame, task: Task, names: pd.Series, values: np.ndarray
) -> None:
    """Check that a class that is named is a most probable one: confidence is that of the answer."""
    position = pd.Index(task.classes or ()).get_indexer(names)
    named = values[np.arange(len(rows)), position]
    odd = names.notna().to_numpy() & (named < values.max(axis=1, initial=0) - TOLERANCE)
    if odd.any():
        raise PredictionTableError(
            f"{odd.sum()} rows have a y_pred that is not their most probable class; first: "
            f"{_first(rows, odd)}. Leave y_pred or the probabilities out."
        )


def _check_silence(rows: pd.DataFrame) -> None:
    """Check that a row without an answer has none."""
    if "answered" not in rows:
        return
    odd = ~rows["answered"].isin([0, 1])
    if odd.any():
        raise PredictionTableError(
            f"'answered' must be 1 or 0. Got {rows.loc[odd, 'answered'].iloc[0]} "
            f"({_first(rows, odd)})."
        )
    said = [name for name in rows if name.startswith("p_") or name in ("y_pred", "years_pred")]
    odd = (rows["answered"] == 0) & rows[said].notna().any(axis=1)
    if odd.any():
        raise PredictionTableError(
            f"{odd.sum()} rows have an answer although 'answered' is 0; first: {_first(rows, odd)}."
        )


def _check_years(rows: pd.DataFrame, task: Task) -> None:
    _check_finite(rows, task, ["years_true"], may_miss=False)
    _check_finite(rows[answered(rows)], task, ["years_pred"], may_miss=False)


def _check_finite(rows: pd.DataFrame, task: Task, columns: list[str], *, may_miss: bool) -> None:
    for column in columns:
        values = rows[column].to_numpy(dtype=np.float64)
        bad = ~(np.isfinite(values) | (np.isnan(values) & may_miss))
        if bad.any():
            raise PredictionTableError(
                f"{bad.sum()} rows of task {task.name!r} have a {column} that is not a finite "
                f"number; first: {_first(rows, bad)}."
            )


def _check_same_rows(rows: pd.DataFrame, task: Task) -> None:
    """Compare only like with like."""
    models = {str(name): part for name, part in rows.groupby("model", sort=False)}
    name, reference = next(iter(models.items()))
    expected = _facts(reference, task)
    for other, part in models.items():
        got = _facts(part, task)
        differ = max(len(expected - got), len(got - expected))
        if differ:
            raise PredictionTableError(
                f"Models {name!r} and {other!r} of task {task.name!r} were not tested alike: "
                f"{differ} rows differ in image_id, fold or truth. Use the same photos and folds "
                "for both."
            )


def _facts(rows: pd.DataFrame, task: Task) -> set[tuple[object, ...]]:
    """Collect what no model may change; true ages only where they are scored."""
    scored = task.is_regression or task.years is not None
    columns = ["image_id", "fold", "y_true"] + ["years_true"] * scored
    facts = rows[columns].astype(object)
    return set(facts.where(facts.notna(), None).itertuples(index=False, name=None))


def subjects_of(table: pd.DataFrame) -> pd.Series:
    """Look up who is in each photo.

    Parameters
    ----------
    table : DataFrame
        The out-of-fold table. A model that leaves `subject_id` out joins those that don't: who is
        in a photo is a fact about the photo.

    Returns
    -------
    Series of object
        Subject by `image_id`; photos of which no row names one are not in it.
    """
    if "subject_id" not in table:
        return pd.Series(dtype=object)
    known = table[["image_id", "subject_id"]].dropna()
    known = known[known["subject_id"] != ""].drop_duplicates("image_id")
    return known.set_index("image_id")["subject_id"].astype(object)


def repeats_of(rows: pd.DataFrame) -> np.ndarray:
    """Look up in which repeat of the folds each row was tested.

    Parameters
    ----------
    rows : DataFrame
        Of the out-of-fold table.

    Returns
    -------
    ndarray of shape (n,), int64
        Zeros where the table has no repeats.
    """
    if "repeat" not in rows:
        return np.zeros(len(rows), dtype=np.int64)
    return rows["repeat"].to_numpy(dtype=np.int64)


def _check_key(table: pd.DataFrame) -> None:
    """Check that a model answers once for a photo, in each repeat, whose folds are its own."""
    key = [*KEY, *(["repeat"] if "repeat" in table else [])]
    doubled = table.duplicated(key)
    if doubled.any():
        raise PredictionTableError(
            f"{doubled.sum()} rows repeat an {', '.join(key[:-1])} and {key[-1]}; first: "
            f"{_first(table, doubled)}. Keep one of each."
        )
    repeats = pd.Series(repeats_of(table)).groupby(table["fold"].to_numpy()).nunique()
    if (repeats > 1).any():
        raise PredictionTableError(
            f"Fold {repeats.index[repeats > 1][0]} is in {repeats.max()} repeats. Number the folds "
            "of all repeats differently."
        )


def _check_protocol(table: pd.DataFrame) -> None:
    """Compare only what was split alike."""
    found = table["protocol"].dropna().unique() if "protocol" in table else []
    if len(found) > 1:
        raise PredictionTableError(
            f"Predictions under several protocols can't be compared: {', '.join(map(str, found))}."
        )


def _check_subjects(table: pd.DataFrame) -> None:
    """Check that a photo is of one subject in every row."""
    if "subject_id" not in table:
        return
    pairs = table[["image_id", "subject_id"]].dropna().drop_duplicates()
    doubled = pairs["image_id"].duplicated()
    if doubled.any():
        image_id = pairs.loc[doubled, "image_id"].iloc[0]
        names = pairs.loc[pairs["image_id"] == image_id, "subject_id"].tolist()
        raise PredictionTableError(
            f"{doubled.sum()} photos have more than one subject_id, such as image_id "
            f"{image_id!r}: {names}. Name one subject a photo, or leave the column out."
        )


def check_columns(table: pd.DataFrame) -> None:
    """Check that the columns that every table has are there.

    Raises
    ------
    PredictionTableError
        If one is missing; lists them.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise PredictionTableError(
            f"Missing columns {missing}. A table of predictions has {COLUMNS} and p_<class>…"
        )


def validate(table: pd.DataFrame, tasks: Sequence[Task]) -> None:
    """Check a table against its contract.

    Parameters
    ----------
    table : DataFrame
    tasks : sequence of Task
        The tasks that may occur.

    Raises
    ------
    PredictionTableError
        If there are no rows, a column is missing, a key is doubled, a task or class is unknown,
        probabilities are not such, a class is named that is not the most probable one, a model
        gives probabilities, or years beside classes, for some of its answers only, a row without
        an answer has one, a number is not finite, a photo has two subjects, a fold is in two
        repeats, there are two protocols, or the models of a task were not tested on the same photos
        in the same folds (then their scores can't be compared).
    """
    check_columns(table)
    if table.empty:
        raise PredictionTableError("The table of predictions has no rows.")
    _check_key(table)
    _check_protocol(table)
    _check_subjects(table)
    _check_silence(table)
    for name, rows in table.groupby("task"):
        task = find_task(str(name), tasks)
        if task.is_regression:
            _check_years(rows, task)
        else:
            _check_classes(rows, task)
        _check_same_rows(rows, task)
