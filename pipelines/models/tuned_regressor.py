"""A regressor of years that is tuned and fitted without looking at a test person."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from pipelines.models.acceleration import accelerated
from pipelines.models.families import Space, get_family
from pipelines.models.tuning import Tuned


class TunedRegressor(RegressorMixin, Tuned):
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
