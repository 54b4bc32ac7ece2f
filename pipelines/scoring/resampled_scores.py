"""A panel's scores in resamples of its subjects and without each of them, for intervals."""

from typing import NamedTuple

import numpy as np

from pipelines.out_of_fold.panel import Panel
from pipelines.out_of_fold.tallies import Tally
from pipelines.scoring.intervals import score_interval
from pipelines.scoring.resampling import N_RESAMPLES, Part, leave_one_out, resample
from pipelines.scoring.scores import Metric


class ResampledScores(NamedTuple):
    """Scores of all models by one metric.

    Parameters
    ----------
    total : ndarray of shape (n_models,)
    drawn : ndarray of shape (n_resamples, n_models)
    without : ndarray of shape (n_subjects, n_models)
    counted : ndarray of shape (n_subjects, n_models), bool
        Who has rows that the score is over: nobody without a known age is in an error in years.
    """

    total: np.ndarray
    drawn: np.ndarray
    without: np.ndarray
    counted: np.ndarray

    def interval(self, metric: Metric, model: int) -> tuple[float, float]:
        """Return a model's 95 % interval, over the subjects that are counted."""
        without = self.without[self.counted[:, model], model]
        return score_interval(metric, float(self.total[model]), self.drawn[:, model], without)


class Resamples(NamedTuple):
    """Sums in resamples of subjects, and without each of them.

    Parameters
    ----------
    total : ndarray of shape (n_models, K)
    drawn : ndarray of shape (n_resamples, n_models, K)
    without : ndarray of shape (n_subjects, n_models, K)
    """

    total: np.ndarray
    drawn: np.ndarray
    without: np.ndarray

    def scores(self, metric: Metric) -> ResampledScores:
        """Score them all."""
        total, drawn, without = (Tally(sums) for sums in self)
        return ResampledScores(
            metric.formula(total),
            metric.formula(drawn),
            metric.formula(without),
            metric.rows(without) < metric.rows(total),
        )


def resample_panel(
    panel: Panel, *, n_resamples: int = N_RESAMPLES, random_state: int = 0
) -> Resamples:
    """Resample the subjects of a panel, the same ones for all its models.

    Parameters
    ----------
    panel : Panel
    n_resamples : int, default=2000
    random_state : int, default=0

    Returns
    -------
    Resamples
    """
    sums = panel.by_subject
    everyone = Part(np.arange(panel.n_subjects), sums)
    drawn = resample(
        [everyone], panel.n_subjects, n_resamples=n_resamples, random_state=random_state
    )
    return Resamples(sums.sum(axis=0), drawn[0], leave_one_out(sums))
