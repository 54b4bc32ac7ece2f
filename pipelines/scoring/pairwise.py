"""All pairs of models of a task: how far apart they are, and whether that is more than chance."""

from itertools import combinations

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import Panel
from pipelines.out_of_fold.tallies import Tally
from pipelines.scoring.intervals import bca
from pipelines.scoring.resampled_scores import ResampledScores, Resamples, resample_panel
from pipelines.scoring.scores import Metric, metrics_of
from pipelines.scoring.significance import corrected_t, detectable_difference, holm, mcnemar
from pipelines.scoring.swaps import Swaps, plan_swaps, swap_p_values

LEVEL = 0.05

COLUMNS = [
    *("task", "metric", "model_a", "model_b", "n_rows", "n_subjects"),
    *("score_a", "score_b", "difference", "low", "high"),
    *("p_swap", "n_swaps", "p_holm", "different", "p_mcnemar", "p_corrected_t", "detectable"),
]

# Metrics that are means over rows, so that a pair has a variance of its own: where in a tally the
# sum is.
_MEANS = {
    "accuracy": lambda tally: tally.hits.sum(axis=-1),
    "one_off": lambda tally: tally.near,
    "mae": lambda tally: tally.years_off,
    "cs5": lambda tally: tally.within_limit,
}


def compare_pairs(
    panel: Panel,
    resamples: Resamples | None = None,
    *,
    n_train: float | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare every two models of a task by every metric.

    Parameters
    ----------
    panel : Panel
    resamples : Resamples or None, default=None
        Of `panel`, if they are at hand.
    n_train : float or None, default=None
        Rows that a model was trained on, on average; by default those of a repeat's other folds.
    random_state : int, default=0
        Seed of resamples and swaps.

    Returns
    -------
    DataFrame
        One row a metric and pair, models in the panel's order:

        ===================  =======================================================================
        ``difference``       score of `model_a` minus that of `model_b`, over all photos at once
        ``low``, ``high``    its 95 % interval over subjects (BCa)
        ``p_swap``           p-value of swapping answers for random subjects: the test that counts
        ``n_swaps``          how many swaps that is over; with 13 subjects or fewer all there are
        ``p_holm``           the same, Holm's correction for all pairs of task and metric
        ``different``        whether that is below 0.05
        ``p_mcnemar``        accuracy only, and only where no subject has two photos
        ``p_corrected_t``    over folds, Nadeau and Bengio; not corrected for the number of pairs
        ``detectable``       the true difference found with 80 % power at Holm's first level, 0.05
                             by the number of pairs; only for metrics that are means over photos,
                             and where the people are enough for such a p-value
        ===================  =======================================================================

        Empty with one model. See `pipelines.scoring.significance` for what each test asks.
    """
    pairs = list(combinations(range(len(panel.models)), 2))
    if not pairs:
        return pd.DataFrame(columns=COLUMNS)
    resamples = resamples or resample_panel(panel, random_state=random_state)
    every = {metric: resamples.scores(metric) for metric in metrics_of(panel.task)}
    known = {m: scores for m, scores in every.items() if np.isfinite(scores.total).any()}
    swaps = plan_swaps(panel.n_subjects, len(pairs))
    formulas = [lambda sums, metric=metric: metric.formula(Tally(sums)) for metric in known]
    p_swap = swap_p_values(panel.by_subject, formulas, pairs, swaps, random_state=random_state)
    tables = []
    for (metric, scores), p_values in zip(known.items(), p_swap, strict=True):
        folds = metric.formula(Tally(panel.by_fold))
        rows = []
        for first, second in pairs:
            row = _facts(panel, metric, (first, second)) | _difference(scores, (first, second))
            row["p_corrected_t"] = _corrected_t(folds[:, first] - folds[:, second], panel, n_train)
            row["detectable"] = _detectable(panel, metric, (first, second), len(pairs), swaps)
            rows.append(row)
        tables.append(pd.DataFrame(rows).assign(p_swap=p_values, p_holm=holm(p_values)))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(n_swaps=swaps.n, different=table["p_holm"] < LEVEL)[COLUMNS]


def _facts(panel: Panel, metric: Metric, pair: tuple[int, int]) -> dict[str, object]:
    return {
        "task": panel.task.name,
        "metric": metric.name,
        "model_a": panel.models[pair[0]],
        "model_b": panel.models[pair[1]],
        "n_rows": panel.n_photos,
        "n_subjects": panel.n_subjects,
        "p_mcnemar": _mcnemar(panel, pair) if metric.name == "accuracy" else np.nan,
    }


def _difference(scores: ResampledScores, pair: tuple[int, int]) -> dict[str, object]:
    first, second = pair
    counted = scores.counted[:, pair].any(axis=1)
    both = (scores.total, scores.drawn, scores.without[counted])
    total, drawn, without = (values[..., first] - values[..., second] for values in both)
    low, high = bca(float(total), drawn, without)
    row = {"score_a": scores.total[first], "score_b": scores.total[second]}
    return row | {"difference": total, "low": low, "high": high}


def _mcnemar(panel: Panel, pair: tuple[int, int]) -> float:
    if panel.n_subjects < len(panel.subjects):
        return np.nan  # the test takes every photo for an independent one
    hits = Tally(panel.sums).hits.sum(axis=-1).astype(bool)
    first, second = (hits[:, model] for model in pair)
    return mcnemar(int(np.sum(first & ~second)), int(np.sum(second & ~first)))


def _corrected_t(differences: np.ndarray, panel: Panel, n_train: float | None) -> float:
    n_test = len(panel.folds) / len(differences)
    others = len(panel.folds) / panel.n_repeats - n_test if n_train is None else n_train
    # A held-out test set has no other folds: who was trained on is not in the predictions.
    if len(differences) < 2 or others <= 0:
        return np.nan
    return corrected_t(differences, others, n_test)


def _detectable(
    panel: Panel, metric: Metric, pair: tuple[int, int], n_pairs: int, swaps: Swaps
) -> float:
    if metric.name not in _MEANS:
        return np.nan
    tally = Tally(panel.by_subject)
    sums, rows = _MEANS[metric.name](tally), metric.rows(tally)
    first, second = pair
    # Ages that only one of the models gives make no pair.
    if not np.array_equal(rows[:, first], rows[:, second]):
        return np.nan
    if n_pairs * swaps.smallest_p(int(np.count_nonzero(rows[:, first]))) >= LEVEL:
        return np.nan  # however large it is, the test can't find it
    differences = sums[:, first] - sums[:, second]
    return detectable_difference(differences, rows[:, first], level=LEVEL / n_pairs)
