"""Reads the predictions of a model from outside, written by any tool.

A table with a header, as `featurex.datasets.dialect` says, one line a photo; the order does not
matter:

===============  ===============================================================================
``path``         the photo: its file name, with as many folders before it as tell photos apart
``image_id``     or the SHA-256 of its bytes; where both are given, this one counts
``age``          years
``age_group``    one of Adience's eight groups, such as ``25-32``
``gender``       ``female`` or ``male`` (also ``f``, ``w``, ``m``); ``undefined`` is an answer of
                 the task gender-3 only
``race``         one of the data set's own words
``p_<class>``    probability of a class: ``p_female``, ``p_25-32`` …; those of a task sum to 1, and
                 a class without a column has probability 0
===============  ===============================================================================

One of the first two and any of the others are enough; more columns are ignored. Of a probability's
column R's own spelling is read too, as ``p_25.32`` and ``p_60.``. An empty field is no answer. What
a file does not say itself follows from what it says:

- a class without a name is the most probable one;
- an age group, in a file without groups, is the one nearest to the age, ties to the younger;
- the years of an age group are ``age``, else the expected age of the probabilities, else the middle
  of the group (70 for "60+"). The task age takes ``age`` only.

A table of out-of-fold predictions, as `featurex compare` writes it, is read too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurex.comparison.outside_answers import Answer, read_answer
from featurex.datasets.cleaning import Dropped
from featurex.datasets.delimited import read_records
from featurex.manifest import TASK_COLUMNS
from featurex.printable import printable
from pipelines import PredictionTableError, Task

# What R's make.names turns into a point.
_NOT_IN_R = re.compile(r"[^\w.]")
# What tells a table of out-of-fold predictions from other files.
OWN_COLUMNS = {"image_id", "task", "model", "y_true", "years_pred"}


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
        It can't be read, is no such table, or can be read in two ways.
    PredictionTableError
        A line has too many or too few fields, or there is no column for a photo, or for an answer.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        self.path = path
        chances = {name.lower() for task in tasks for name in task.probability_columns}
        self._from_r = _r_spellings(chances)
        self._numbers = {"age", "years_pred"} | chances | self._from_r.keys()
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
        records = read_records(self.path, damaged, required=(), numbers=self._numbers)
        for number, record in records:
            self._refuse(damaged)
            yield number, self._renamed(record)
        self._refuse(damaged)

    def _renamed(self, record: dict[str, str]) -> dict[str, str]:
        """Give the columns of probabilities the names that R has taken from them."""
        if both := [name for name in self._from_r if {name, self._from_r[name]} <= record.keys()]:
            raise PredictionTableError(
                f"{self.path} has the columns {self._from_r[both[0]]!r} and {both[0]!r}, which is "
                "how R writes the first. Take one of them away."
            )
        return {self._from_r.get(name, name): text for name, text in record.items()}

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
            if answer := read_answer(record, task, self._columns_of(task)):
                yield task.name, answer


def _r_spellings(names: set[str]) -> dict[str, str]:
    """Map what R's data frames make of names to the names, unless two become the same."""
    spelt = {name: _NOT_IN_R.sub(".", name) for name in names}
    times = Counter(spelt.values())
    return {r: name for name, r in spelt.items() if r != name and times[r] == 1}


def _plain(record: dict[str, str]) -> dict[str, str]:
    """Give the fields of an out-of-fold table the names of other files."""
    label = {TASK_COLUMNS.get(record["task"], ""): record.get("y_pred", "")}
    return record | label | {"age": record["years_pred"]}
