"""Estimators that tune, fit and calibrate a model family without looking at a test person."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from pipelines.folds.splits import Split, inner_splits, sample_rows
from pipelines.folds.subjects import subject_codes
from pipelines.models.acceleration import accelerated
from pipelines.models.families import ModelFamily, Space, get_family
from pipelines.models.search import fit_alone, score_candidates, tuning_table

# Regularisation of the calibration. Measured on UTKFace, eight age groups, one 80/20 split: on the
# 28 pairwise decision values 76.1 %, MAE 4.90 years, log loss 0.62; one sigmoid a class, as
# CalibratedClassifierCV has, 75.2 %, 5.61 and 0.75.
CALIBRATION_C = 0.1


class _Tuned(BaseEstimator):
    """What the two tuned estimators share."""

    def __init__(
        self,
        family: str | ModelFamily = "svm",
        *,
        inner_folds: int = 3,
        tune_rows: int | None = 4000,
        n_jobs: int | None = None,
        random_state: int | None = 0,
        accelerate: str | None = None,
    ) -> None:
        self.family = family
        self.inner_folds = inner_folds
        self.tune_rows = tune_rows
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.accelerate = accelerate

    def recipe(self) -> dict[str, str]:
        """Name all that decides a fit beside data and code; the number of processes does not.

        Returns
        -------
        dict of str to str
            The parameters of this class, of the model before tuning, and the search space.
        """
        model, space = self._untuned()
        own = {name: repr(value) for name, value in self.get_params(deep=False).items()}
        inner = {f"model {name}": _text(value) for name, value in model.get_params().items()}
        del own["n_jobs"]
        names = {"kind": type(self).__name__, "model": type(model).__name__}
        return own | names | inner | {"space": repr(sorted(space.items()))}

    def _untuned(self) -> tuple[BaseEstimator, Space]:
        """Return the model before tuning, and its search space."""
        raise NotImplementedError

    def _sampled(
        self, X: np.ndarray, y: np.ndarray, groups: Sequence[Any] | None, classification: bool
    ) -> tuple[np.ndarray, np.ndarray, Sequence[Any] | None]:
        """Return the rows to learn from: all, or as many as the family can take."""
        most = get_family(self.family).max_rows
        self.n_rows_ = len(y)
        if most is None or len(y) <= most:
            return X, y, groups
        rng = np.random.RandomState(self.random_state)
        codes = subject_codes(groups, len(y))
        rows = np.flatnonzero(sample_rows(y, codes, most, rng, classification=classification))
        self.n_rows_ = len(rows)
        return X[rows], y[rows], None if groups is None else list(np.asarray(groups, object)[rows])

    def _tune(
        self,
        model: BaseEstimator,
        space: Space,
        X: np.ndarray,
        y: np.ndarray,
        groups: Sequence[Any] | None,
        classification: bool,
    ) -> BaseEstimator:
        """Choose the best candidate by inner folds; returns it unfitted."""
        candidates = list(ParameterGrid(space))
        scores = np.full((len(candidates), 1), np.nan)
        if len(candidates) > 1:
            splits = inner_splits(
                y,
                groups,
                n_folds=self.inner_folds,
                random_state=self.random_state,
                max_rows=self.tune_rows,
                classification=classification,
            )
            scores = score_candidates(model, candidates, X, y, splits, self.n_jobs)
        self.tuning_ = tuning_table(candidates, scores)
        # argmax takes the first of equals, so list the cheaper candidates first.
        best = int(np.argmax(scores.mean(axis=1)))
        self.best_params_ = candidates[best]
        self.best_score_ = float(scores[best].mean())
        return clone(model).set_params(**self.best_params_)

    def _fit_winner(self, model: BaseEstimator, X: np.ndarray, y: np.ndarray) -> BaseEstimator:
        with parallel_config(n_jobs=self.n_jobs):
            return fit_alone(model, X, y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict with the fitted model.

        Parameters
        ----------
        X : array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,)
            Classes, or years.
        """
        check_is_fitted(self)
        return self.estimator_.predict(validate_data(self, X, reset=False))


class TunedClassifier(ClassifierMixin, _Tuned):
    """A classifier that chooses its parameters on subject-exclusive inner folds.

    Parameters
    ----------
    family : str or ModelFamily, default="svm"
        What to fit: a name in `pipelines.MODELS` or a family of one's own.
    inner_folds : int, default=3
        The most folds for tuning and calibration.
    tune_rows : int or None, default=4000
        The most rows, over both sides of a split, to tune on; None is all.
    n_jobs : int or None, default=None
        Processes for tuning and calibration, as in scikit-learn.
    random_state : int or None, default=0
        Seed of the splits and of the model. A seed gives the same predictions for any `n_jobs`.
    accelerate : str or None, default=None
        One of `pipelines.models.acceleration.ACCELERATORS`, if it is installed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    best_params_ : dict
        The winning parameters.
    best_score_ : float
        Their mean accuracy over the inner folds; NaN where there was nothing to choose.
    tuning_ : DataFrame
        Candidates with ``mean_score``, ``std_score`` and ``rank`` (1 is best).
    estimator_ : estimator
        The fitted scikit-learn estimator, without this class: what is saved.
    n_rows_ : int
        The rows that it learnt from: of more than the family's `max_rows` a sample, stratified by
        class, with some more of rare ones.
    n_features_in_ : int
        Columns of X.

    Notes
    -----
    A family with ``calibrate`` gets probabilities by a logistic regression on its decision values
    for people set aside, and predicts the most probable class, so that `predict` and
    `predict_proba` agree. For two classes that is Platt scaling (Platt, "Probabilistic outputs for
    support vector machines", 1999); for more it is the soft-max combination of the pairwise
    machines (Duan, Keerthi, Chu, Shevade and Poo, "Multi-category classification by soft-max
    combination of binary classifiers", MCS 2003).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[-1.0], [-2.0], [-1.5], [1.0], [2.0], [1.5]])
    >>> y = np.array(["a", "a", "a", "b", "b", "b"])
    >>> TunedClassifier("majority").fit(X, y).predict_proba([[0.0]]).tolist()
    [[0.5, 0.5]]
    """

    def fit(self, X: np.ndarray, y: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Tune, fit and calibrate.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Classes.
        groups : array-like of shape (n,), or None
            Subject of each row; missing ones are subjects of their own.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is one class only, or a class has too few subjects to split.
        """
        family = get_family(self.family)
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        X, y, groups = self._sampled(X, y, groups, classification=True)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"A classifier needs two classes or more. Got 1 class: {y[0]!r}.")
        model = self._tune(*self._untuned(), X, y, groups, classification=True)
        if family.calibrate:
            model = self._calibrated(model, self._splits(y, groups))
        self.estimator_ = self._fit_winner(model, X, y)
        if family.calibrate:  # row numbers and processes are no part of a model
            self.estimator_.set_params(cv=None, n_jobs=None)
        return self

    def _untuned(self) -> tuple[BaseEstimator, Space]:
        family = get_family(self.family)
        model = accelerated(family.classifier(self.random_state), self.accelerate)
        return model, family.classifier_space

    def _calibrated(self, model: BaseEstimator, splits: list[Split]) -> StackingClassifier:
        """Put a logistic regression on the decision values of people set aside."""
        logistic = LogisticRegression(C=CALIBRATION_C, max_iter=1000)
        return StackingClassifier(
            [("model", model)],
            logistic,
            cv=splits,
            stack_method="decision_function",
            n_jobs=self.n_jobs,
        )

    def _splits(self, y: np.ndarray, groups: Sequence[Any] | None) -> list[Split]:
        return inner_splits(y, groups, n_folds=self.inner_folds, random_state=self.random_state)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Compute class probabilities.

        Parameters
        ----------
        X : array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of `classes_`; rows sum to one.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(validate_data(self, X, reset=False))


class TunedRegressor(RegressorMixin, _Tuned):
    """A regressor that chooses its parameters on subject-exclusive inner folds.

    Parameters
    ----------
    family : str or ModelFamily, default="svm"
        What to fit: a name in `pipelines.MODELS` or a family of one's own.
    inner_folds : int, default=3
        The most folds for tuning.
    tune_rows : int or None, default=4000
        The most rows, over both sides of a split, to tune on; None is all.
    n_jobs : int or None, default=None
        Processes for tuning, as in scikit-learn.
    random_state : int or None, default=0
        Seed of the splits and of the model. A seed gives the same predictions for any `n_jobs`.
    accelerate : str or None, default=None
        One of `pipelines.models.acceleration.ACCELERATORS`, if it is installed.

    Attributes
    ----------
    best_params_ : dict
        The winning parameters.
    best_score_ : float
        Their mean of the negative absolute error; NaN where there was nothing to choose.
    tuning_ : DataFrame
        Candidates with ``mean_score``, ``std_score`` and ``rank`` (1 is best).
    estimator_ : estimator
        The fitted scikit-learn estimator, without this class: what is saved.
    n_rows_ : int
        The rows that it learnt from: of more than the family's `max_rows` a sample.
    n_features_in_ : int
        Columns of X.
    """

    def fit(self, X: np.ndarray, y: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Tune and fit.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Years, not negative.
        groups : array-like of shape (n,), or None
            Subject of each row; missing ones are subjects of their own.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If years are negative, or there are too few subjects to split.
        """
        X, y = validate_data(self, X, y, y_numeric=True, ensure_min_samples=2)
        if (y < 0).any():
            row = int(np.argmax(y < 0))
            raise ValueError(f"Years must not be negative. Got {y[row]:g} at row {row} of y.")
        X, y, groups = self._sampled(X, y, groups, classification=False)
        model = self._tune(*self._untuned(), X, y, groups, classification=False)
        self.estimator_ = self._fit_winner(model, X, y)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _untuned(self) -> tuple[BaseEstimator, Space]:
        family = get_family(self.family)
        model = accelerated(family.regressor(self.random_state), self.accelerate)
        return model, family.regressor_space


def _text(value: Any) -> str:
    """Return a parameter as text; an estimator's own parameters have entries of their own."""
    return type(value).__name__ if hasattr(value, "get_params") else repr(value)
