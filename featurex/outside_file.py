"""Reads the predictions of a model from outside, written by any tool.

UTF-8 with commas and a header, one line a photo; the order does not matter:

===============  ===============================================================================
``path``         the photo: its file name, with as many folders before it as tell photos apart
``image_id``     or the SHA-256 of its bytes; where both are given, this one counts
``age``          years
``age_group``    one of Adience's eight groups, such as ``25-32``
``gender``       ``female`` or ``male`` (also ``f``, ``m``); ``undefined`` is an answer of the task
                 gender-3 only
``race``         one of the data set's own words
``p_<class>``    probability of a class: ``p_female``, ``p_25-32`` …; those of a task sum to 1, and
                 a class without a column has probability 0
===============  ===============================================================================

One of the first two and any of the others are enough; more columns are ignored. An empty field is
no answer. What a file does not say itself follows from what it says:

- a class without a name is the most probable one;
- an age group, in a file without groups, is the one nearest to the age, ties to the younger;
- the years of an age group are ``age``, else the expected age of the probabilities, else the middle
  of the group (70 for "60+"). The task age takes ``age`` only.

A table of out-of-fold predictions, as `featurex compare` writes it, is read too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurex.datasets.cleaning import Dropped
from featurex.datasets.delimited import read_records
from featurex.datasets.parsing import parse_age_group, parse_gender
from featurex.labels import AGE_GROUPS, UNDEFINED, age_to_group, group_to_years
from featurex.manifest import TASK_COLUMNS
from featurex.printable import printable
from pipelines import PredictionTableError, Task

MAX_YEARS = 300.0  # beyond it a number is a year of birth, or of days
TOLERANCE = 1e-3  # how far from 1 probabilities may sum, as in the out-of-fold table
MAX_SHOWN = 60

# What tells a table of out-of-fold predictions from other files.
OWN_COLUMNS = {"image_id", "task", "model", "y_true", "years_pred"}

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


@dataclass(frozen=True)
class Line:
    """One line of a file.

    Attributes
    ----------
    number : int
    path, image_id : str
        Which photo; empty where not given.
    task : str
        The only one that a line of an out-of-fold table is about; otherwise empty.
    answers : dict of str to Answer
        By task; a task without an answer is left out.
    """

    number: int
    path: str
    image_id: str
    task: str
    answers: dict[str, Answer]


class PredictionFile:
    """A file of predictions.

    Parameters
    ----------
    path : Path
        At most 256 MiB.
    tasks : sequence of Task
        Whose answers are read.

    Attributes
    ----------
    own : bool
        Whether it is a table of out-of-fold predictions.
    models : list of str
        Whose predictions such a table holds.

    Raises
    ------
    DatasetError
        It can't be read or is no such table.
    PredictionTableError
        A line has too many or too few fields, or there is no column for a photo, or for an answer.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        self.path = path
        self.columns = set(next(self._records(), (0, {}))[1])
        if not self.columns:
            raise PredictionTableError(f"{path} has no line below its header.")
        self.own = self.columns >= OWN_COLUMNS
        self.models = list(dict.fromkeys(r["model"] for _, r in self._records() if self.own))
        self._tasks = [task for task in tasks if self._columns_of(task)]
        self._check_columns(tasks)

    def error(self, line: int | str, reason: str) -> PredictionTableError:
        """Return the error that names a line."""
        return PredictionTableError(f"{self.path}, line {line}: {printable(reason)}.")

    def lines(self, model: str | None = None) -> Iterator[Line]:
        """Yield the lines, in their order.

        Parameters
        ----------
        model : str or None
            Whose lines of a table of out-of-fold predictions.

        Raises
        ------
        PredictionTableError
            A line without a photo, or with an answer that is none.
        """
        for number, record in self._records():
            if self.own and record["model"] != model:
                continue
            names = record.get("path", "").strip(), record.get("image_id", "").strip().lower()
            if not any(names):
                raise self.error(number, "no image_id and no path")
            try:
                yield Line(
                    number, *names, record["task"] if self.own else "", dict(self._answers(record))
                )
            except ValueError as error:
                raise self.error(number, str(error)) from error

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the lines of the file; the first with too many or too few fields is an error."""
        damaged = Dropped()
        for number, record in read_records(self.path, damaged, required=()):
            self._refuse(damaged)
            yield number, record
        self._refuse(damaged)

    def _refuse(self, damaged: Dropped) -> None:
        for reason, lines in damaged.examples.items():
            raise self.error(lines[0].removeprefix("line "), reason)

    def _check_columns(self, tasks: Sequence[Task]) -> None:
        if not self.columns & {"path", "image_id"}:
            raise PredictionTableError(
                f"{self.path} has no column 'path' or 'image_id'. It has: {self._found()}."
            )
        if not self._tasks:
            wanted = ", ".join(dict.fromkeys(TASK_COLUMNS[task.name] for task in tasks))
            raise PredictionTableError(
                f"{self.path} has no column for the tasks that are compared: {wanted}, or p_ and "
                f"the name of a class. It has: {self._found()}."
            )

    def _found(self) -> str:
        return printable(", ".join(sorted(self.columns)[:20]))

    def _columns_of(self, task: Task) -> list[str]:
        """Return the columns from which a task's answers follow."""
        if self.own and task.is_regression:
            return ["years_pred"]
        named = [TASK_COLUMNS[task.name], *(name.lower() for name in task.probability_columns)]
        found = [name for name in named if name in self.columns]
        from_years = task.name == "age-group" and "age" in self.columns
        return found or ["age"] * from_years

    def _answers(self, record: dict[str, str]) -> Iterator[tuple[str, Answer]]:
        if self.own:
            record = _plain(record)
        for task in self._tasks:
            if self.own and record["task"] != task.name:
                continue
            if answer := self._answer(record, task):
                yield task.name, answer

    def _answer(self, record: dict[str, str], task: Task) -> Answer | None:
        years = parse_years(record.get("age", ""))
        if task.is_regression:
            return Answer(years=years) if math.isfinite(years) else None
        label = parse_class(record.get(TASK_COLUMNS[task.name], ""), task)
        shares = parse_probabilities(record, task)
        if label is None and shares is None:
            columns = self._columns_of(task)
            if columns != ["age"] or not math.isfinite(years):
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
    if not text.strip():
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
    if not (name := text.strip()):
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


def parse_probabilities(record: dict[str, str], task: Task) -> tuple[float, ...] | None:
    """Return the probabilities of a task's classes; None where all their fields are empty.

    Raises
    ------
    ValueError
        Some are empty, one is outside [0, 1], or they don't sum to 1.
    """
    columns = [name.lower() for name in task.probability_columns]
    texts = {name: record[name] for name in columns if name in record}
    if not any(text.strip() for text in texts.values()):
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


def _plain(record: dict[str, str]) -> dict[str, str]:
    """Give the fields of an out-of-fold table the names of other files."""
    label = {TASK_COLUMNS.get(record["task"], ""): record.get("y_pred", "")}
    return record | label | {"age": record["years_pred"]}


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
        what = "empty" if not text.strip() else f"{_shown(text)}, no finite number"
        raise ValueError(f"{name} is {what}; leave a field empty where there is no answer")
    return float(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")
