"""What a line of a file of predictions answers in one task."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurex.datasets.parsing import given, parse_age_group, parse_gender
from featurex.labels import AGE_GROUPS, UNDEFINED, age_to_group, group_to_years
from featurex.manifest import TASK_COLUMNS
from pipelines import Task

MAX_YEARS = 300.0  # beyond it a number is a year of birth, or of days
TOLERANCE = 1e-3  # how far from 1 probabilities may sum, as in the out-of-fold table
MAX_SHOWN = 60

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """What a model says of one photo in one task.

    Attributes
    ----------
    y_pred : str or None
        A class that is named.
    years : float
        NaN where none are told.
    probabilities : tuple of float or None
        In the order of the task's classes.
    """

    y_pred: str | None = None
    years: float = math.nan
    probabilities: tuple[float, ...] | None = None


def read_answer(record: Mapping[str, str], task: Task, columns: Sequence[str]) -> Answer | None:
    """Read the answer of a line in a task; None where it has none.

    Parameters
    ----------
    record : mapping of str to str
        The fields, by column.
    task : Task
    columns : sequence of str
        Those of the file from which this task's answers follow.

    Raises
    ------
    ValueError
        A field is no answer, or two don't agree.
    """
    years = parse_years(record.get("age", ""))
    if task.is_regression:
        return Answer(years=years) if math.isfinite(years) else None
    label = parse_class(record.get(TASK_COLUMNS[task.name], ""), task)
    shares = parse_probabilities(record, task)
    if label is None and shares is None:
        if list(columns) != ["age"] or not math.isfinite(years):
            return None
        label = str(age_to_group([max(years, 0.0)], "nearest")[0])
    _check_agreement(label, shares, task)
    return Answer(label, _class_years(task, label, shares, years), shares)


def parse_years(text: str) -> float:
    """Return an age in years; NaN for an empty text.

    Raises
    ------
    ValueError
        It is no finite number, or beyond 300.

    Examples
    --------
    >>> parse_years("3.1e1")
    31.0
    """
    if not given(text):
        return math.nan
    years = _number("age", text)
    if not abs(years) <= MAX_YEARS:
        raise ValueError(f"age {_shown(text)} is no age in years")
    return years


def parse_class(text: str, task: Task) -> str | None:
    """Return the class that a text names; None for an empty one.

    Raises
    ------
    ValueError
        It names no class of the task.
    """
    column, classes = TASK_COLUMNS[task.name], task.classes or ()
    if not (name := given(text)):
        return None
    if column == "gender" and name.lower() == UNDEFINED:
        return UNDEFINED if UNDEFINED in classes else None
    parse: Callable[[str], str | None] = {"gender": parse_gender, "age_group": parse_age_group}.get(
        column, str
    )
    try:
        found = parse(name)
    except ValueError:
        found = None
    if found not in classes:
        raise ValueError(
            f"unknown {column} {_shown(text)}; an answer is one of {', '.join(classes)}, or empty"
        )
    return found


def parse_probabilities(record: Mapping[str, str], task: Task) -> tuple[float, ...] | None:
    """Return the probabilities of a task's classes; None where all their fields are empty.

    Raises
    ------
    ValueError
        Some are empty, one is outside [0, 1], or they don't sum to 1.
    """
    columns = [name.lower() for name in task.probability_columns]
    texts = {name: record[name] for name in columns if name in record}
    if not any(map(given, texts.values())):
        return None
    shares = {name: _number(name, text) for name, text in texts.items()}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is {_shown(texts[name])}, not in [0, 1]")
    if abs((total := sum(shares.values())) - 1) > TOLERANCE:
        raise ValueError(
            f"the probabilities of {task.name} ({', '.join(shares)}) sum to {total:.4g}, not to 1"
        )
    return tuple(shares.get(name, 0.0) for name in columns)


def _check_agreement(label: str | None, shares: tuple[float, ...] | None, task: Task) -> None:
    if label is None or shares is None:
        return
    classes = task.classes or ()
    if shares[classes.index(label)] < max(shares) - TOLERANCE:
        likeliest = classes[int(np.argmax(shares))]
        raise ValueError(
            f"says {label!r}, but {likeliest!r} is more probable; leave out the "
            f"{TASK_COLUMNS[task.name]} or the probabilities"
        )


def _class_years(
    task: Task, label: str | None, shares: tuple[float, ...] | None, years: float
) -> float:
    """Return the years of an answer that is a class; NaN where the task has none."""
    if task.years is None:
        return math.nan
    if math.isfinite(years):
        return years
    if shares is not None:
        return float(task.expected_years(np.array([shares]))[0])
    return float(group_to_years([label])[0]) if label in AGE_GROUPS else math.nan


def _number(name: str, text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        what = "empty" if not given(text) else f"{_shown(text)}, no finite number"
        raise ValueError(f"{name} is {what}; leave a field empty where there is no answer")
    return float(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")
