"""What is predicted: a classification into named classes, or a number of years."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.errors import PredictionTableError


@dataclass(frozen=True)
class Task:
    """One thing to predict from a face.

    Parameters
    ----------
    name : str
        Name in tables and file names, such as ``"age-group"``.
    classes : tuple of str or None
        The classes in the order of tables and figures; None is a regression in years.
    ordered : bool, default=False
        Whether neighbouring classes are nearer than others (age groups).
    years : tuple of float or None, default=None
        A representative age in years for each class, from which an expected age is
        computed: the sum of probability times years.

    Raises
    ------
    ValueError
        If the classes are fewer than two or repeat, or `years` has another length.

    Examples
    --------
    >>> gender = Task("gender", ("female", "male"))
    >>> gender.is_regression
    False
    >>> gender.probability_columns
    ['p_female', 'p_male']
    """

    name: str
    classes: tuple[str, ...] | None
    ordered: bool = False
    years: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("The 'name' of a Task must not be empty.")
        if self.classes is None:
            if self.ordered or self.years is not None:
                raise ValueError(f"Task {self.name!r} has no classes to order or to give years.")
            return
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(
                f"Task {self.name!r} must have two or more different classes. Got {self.classes}."
            )
        if self.years is not None and len(self.years) != len(self.classes):
            raise ValueError(
                f"Task {self.name!r} must have one age per class. "
                f"Got {len(self.years)} ages for {len(self.classes)} classes."
            )

    @property
    def is_regression(self) -> bool:
        """Whether the task is a number of years."""
        return self.classes is None

    @property
    def probability_columns(self) -> list[str]:
        """Columns of the out-of-fold table with this task's probabilities, in class order."""
        return [f"p_{name}" for name in self.classes or ()]

    def expected_years(self, probabilities: np.ndarray) -> np.ndarray:
        """Compute the expected age from class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Rows that sum to one, columns in the order of `classes`.

        Returns
        -------
        ndarray of shape (n,), float64
            Years; NaN where the task has no `years`.

        Notes
        -----
        The expected value over age classes is due to Rothe, Timofte and Van Gool,
        "DEX: Deep EXpectation of apparent age" (ICCV Workshops 2015).
        """
        if self.years is None:
            return np.full(len(probabilities), np.nan)
        return np.asarray(probabilities, dtype=np.float64) @ np.asarray(self.years)


def find_task(name: str, tasks: Sequence[Task]) -> Task:
    """Find a task by its name.

    Raises
    ------
    PredictionTableError
        If no task has that name; the known ones are listed.
    """
    for task in tasks:
        if task.name == name:
            return task
    known = ", ".join(repr(task.name) for task in tasks)
    raise PredictionTableError(f"Unknown task {name!r}. Known tasks: {known}.")
