"""Cross-validation that hands every model the same rows and keeps every prediction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipelines.evaluation.fits import FitJob, FoldFit, Rows
from pipelines.evaluation.gathering import Evaluation, gather, known_facts
from pipelines.evaluation.row_checks import check_extras, check_folds, check_labels, check_lengths
from pipelines.folds.assignment import each_side
from pipelines.folds.splits import lone_classes
from pipelines.folds.subjects import subject_codes
from pipelines.models.families import sets_nobody_aside
from pipelines.tasks import Task


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
    """Fit and test a new estimator on every fold, one after another.

    Parameters
    ----------
    make_estimator : callable
        Takes nothing, returns an unfitted estimator; its `fit` takes ``X, y`` and, where
        there are groups, ``groups=``.
    X, y, task, model, image_ids, folds, protocol, groups, years, fit_extras
        As of `CrossValidation`.
    progress : callable or None
        Called with one line of text after each fold.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        As `CrossValidation`.
    """
    validation = CrossValidation(
        X,
        y,
        task=task,
        model=model,
        image_ids=image_ids,
        folds=folds,
        protocol=protocol,
        groups=groups,
        years=years,
        fit_extras=fit_extras,
    )
    fits = []
    for job in validation.jobs():
        fits.append(job.run(make_estimator()))
        if progress is not None:
            progress(validation.line(fits[-1]))
    return validation.gather(fits)


class CrossValidation:
    """The fits of a cross-validation, one by one, for who makes them in an order of their own.

    Parameters
    ----------
    X : array-like of n rows
        Anything with a length that an int array indexes; a pandas object by position.
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

    Raises
    ------
    ValueError
        If lengths differ, labels are no classes of the task or not finite, there are fewer
        than two folds, or a subject is in more than one without the protocol ``"random"``.

    Notes
    -----
    A class of which a training side has one subject is left out of it, for every model: nobody is
    left to tune and calibrate on. It then has probability 0 there, as a class that is not in
    training at all, and `FitJob.left_out` names it.
    """

    def __init__(
        self,
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
    ) -> None:
        columns = {"y": y, "image_ids": image_ids, "folds": folds, "groups": groups, "years": years}
        check_lengths(len(X), columns)
        check_folds(folds, groups, protocol)
        self.y = check_labels(task, y)
        self.extras = check_extras(fit_extras or {}, len(X))
        # A column or table of pandas is indexed by its labels, and rows have numbers.
        self.X = X.to_numpy() if isinstance(X, pd.Series) else getattr(X, "iloc", X)
        self.task, self.model = task, model
        self.image_ids = np.asarray(image_ids).astype(str)
        self.folds, self.groups, self.years = np.asarray(folds), groups, years
        self.protocol = protocol

    def jobs(self) -> list[FitJob]:
        """Return the fits, in the order of the folds' numbers.

        Raises
        ------
        ValueError
            Some training side has fewer than two classes of two subjects or more, and the model
            must be tuned.
        """
        codes = subject_codes(self.groups, len(self.y))
        return [self._job(*sides, codes) for sides in each_side(self.folds)]

    def _job(
        self,
        repeat: int,
        fold: int,
        train: np.ndarray,
        test: np.ndarray,
        codes: np.ndarray,
    ) -> FitJob:
        left_out = self._left_out(fold, train, codes)
        train = train[~np.isin(self.y[train], left_out)] if left_out else train
        known: dict[str, Any] = {
            argument: {name: values[train] for name, values in columns.items()}
            for argument, columns in self.extras.items()
        }
        if self.groups is not None:
            known["groups"] = codes[train]
        return FitJob(self.task, repeat, fold, self.X, self.y[train], train, test, known, left_out)

    def _left_out(self, fold: int, train: np.ndarray, codes: np.ndarray) -> tuple[str, ...]:
        """Return the classes that a training side has too few subjects of."""
        if self.task.is_regression:
            return ()
        labels = self.y[train]
        lone = lone_classes(labels, codes[train])
        if lone and len(np.unique(labels)) - len(lone) < 2:
            if sets_nobody_aside(self.model):
                return ()
            raise ValueError(
                f"Task {self.task.name!r}: without fold {fold}, which is tested, only one person "
                f"is of {', '.join(map(repr, lone))}, and fewer than two classes have more. Leave "
                "the task out, ask for more folds, or add people of these classes."
            )
        return tuple(lone)

    def line(self, fit: FoldFit) -> str:
        """Say in one line what a fit took."""
        return (
            f"{self.task.name} {self.model} fold {fit.fold}: {fit.fit_seconds:.1f} s, "
            f"{fit.n_train} rows"
        )

    def gather(self, fits: Sequence[FoldFit]) -> Evaluation:
        """Put the fits of all `jobs` together, in their order."""
        facts = known_facts(
            self.task,
            self.model,
            self.y,
            self.image_ids,
            protocol=self.protocol,
            groups=self.groups,
            years=self.years,
        )
        return gather(facts, self.folds, fits)
