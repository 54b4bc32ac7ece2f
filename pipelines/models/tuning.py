"""Tuning of a model family without looking at a test person."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils.validation import check_is_fitted, validate_data

from pipelines.folds.splits import inner_splits, sample_rows
from pipelines.folds.subjects import subject_codes
from pipelines.models.families import ModelFamily, Space, get_family
from pipelines.models.search import fit_alone, score_candidates, tuning_table


class Tuned(BaseEstimator):
    """What the two tuned estimators share: a sample of the rows, and the choice of a candidate."""

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


def _text(value: Any) -> str:
    """Return a parameter as text; an estimator's own parameters have entries of their own."""
    return type(value).__name__ if hasattr(value, "get_params") else repr(value)
