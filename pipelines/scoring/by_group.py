"""Fairness: every score by group, such as by gender, age group and race.

A disaggregated evaluation (Barocas et al., "Designing disaggregated evaluations of AI systems",
AIES 2021), as fairlearn's ``MetricFrame`` makes it, with intervals over people, so that a gap can
be told from a small group's luck.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import Panel, make_panel
from pipelines.out_of_fold.tallies import Tally, add_up
from pipelines.scoring.intervals import bca
from pipelines.scoring.resampled_scores import ResampledScores, Resamples
from pipelines.scoring.resampling import Part, leave_one_out, resample
from pipelines.scoring.scores import Metric, metrics_of
from pipelines.tasks import Task

# A group of fewer people is shown, marked, and neither the best nor the worst of its column.
FEW_SUBJECTS = 20

COLUMNS = [
    *("task", "model", "column", "group", "metric", "n_rows", "n_subjects", "few_subjects"),
    *("score", "low", "high", "gap", "gap_low", "gap_high", "worst"),
]


def score_groups(
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    groups: pd.DataFrame,
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Score every model on every group of faces.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task
    groups : DataFrame
        Indexed by `image_id`, each once; every column is one way to group, such as ``gender``. A
        face whose value is missing is in no group of that column. Numbers count as their text, as
        in `predictions`.
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row a task, model, column, group and metric:

        ========================  ==================================================================
        ``n_rows``                faces that the score is over: one in years is over known ages only
        ``n_subjects``            people of these
        ``few_subjects``          whether they are fewer than 20: such a group has its row, but is
                                  neither best nor worst
        ``score``                 over the group's faces
        ``low``, ``high``         its 95 % interval, over people
        ``gap``                   how much worse than the column's best group; 0 for that one
        ``gap_low``, ``gap_high`` its 95 % interval; people in both groups are drawn for both. Which
                                  group is best was chosen by the same faces, so with many small
                                  groups some gap is always there
        ``worst``                 whether it is the worst of the column
        ========================  ==================================================================

        Columns without a value are left out, and so are metrics that a task lacks.

    Raises
    ------
    ValueError
        If an `image_id` is in `groups` twice.
    """
    if not groups.index.is_unique:
        raise ValueError(
            "'groups' must name each image_id once. "
            f"{groups.index.duplicated().sum()} are repeated."
        )
    groups = groups.set_axis(groups.index.astype(str))
    rows: list[dict[str, object]] = []
    for task in tasks:
        if (predictions["task"] == task.name).any():
            panel = make_panel(predictions, task)
            for column in groups.columns:
                values = groups[column].reindex(panel.image_ids)
                if values.notna().any():
                    rows += _column_rows(panel, str(column), values, random_state)
    return pd.DataFrame(rows, columns=COLUMNS)


class _Groups:
    """The resamples of a column's groups, drawn together."""

    def __init__(self, panel: Panel, values: pd.Series, random_state: int) -> None:
        text = values.astype(object)
        ordered = isinstance(values.dtype, pd.CategoricalDtype)
        names = values.cat.categories if ordered else sorted(text.dropna().unique())
        members = {str(name): (text == name).to_numpy(dtype=bool) for name in names}
        members = {name: inside for name, inside in members.items() if inside.any()}
        self.names = list(members)
        self._panel, self._members = panel, list(members.values())
        self._photos = pd.factorize(panel.image_ids)[0]
        self.parts = [_part(panel, inside) for inside in members.values()]
        self._sums = [
            Resamples(part.sums.sum(axis=0), drawn, leave_one_out(part.sums))
            for part, drawn in zip(
                self.parts,
                resample(self.parts, panel.n_subjects, random_state=random_state),
                strict=True,
            )
        ]
        self._both: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def scores(self, metric: Metric) -> list[ResampledScores]:
        """Return the scores of every group: of all its people, of resamples, without each."""
        return [sums.scores(metric) for sums in self._sums]

    def sizes(self, metric: Metric, model: int) -> list[tuple[int, int]]:
        """Count the photos and the people of every group that a model's score is over."""
        scored = metric.rows(Tally(self._panel.sums[:, model])) > 0
        return [
            (len(np.unique(self._photos[rows])), len(np.unique(self._panel.subjects[rows])))
            for rows in (inside & scored for inside in self._members)
        ]

    def places(self, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the people of two groups are among the people of either."""
        if (first, second) not in self._both:
            one, other = self.parts[first].subjects, self.parts[second].subjects
            people = np.union1d(one, other)
            found = np.searchsorted(people, one), np.searchsorted(people, other)
            self._both[first, second] = found
        return self._both[first, second]


def _gap(
    groups: _Groups,
    scores: list[ResampledScores],
    metric: Metric,
    model: int,
    best: int,
    group: int,
) -> dict[str, object]:
    """Return how much worse a group is than the best, and the interval of that."""
    sign = 1 if metric.larger_is_better else -1
    good, bad = scores[best], scores[group]
    gap = sign * float(good.total[model] - bad.total[model])
    if group == best:
        return {"gap": gap}
    drawn = sign * (good.drawn[:, model] - bad.drawn[:, model])
    # Without a person who is in one group only, the other one's score is its total.
    here, there = groups.places(best, group)
    jackknife = np.full(max(here.max(), there.max()) + 1, gap)
    jackknife[here] += sign * (good.without[:, model] - good.total[model])
    jackknife[there] -= sign * (bad.without[:, model] - bad.total[model])
    counted = np.zeros(len(jackknife), dtype=bool)
    counted[here] |= good.counted[:, model]
    counted[there] |= bad.counted[:, model]
    smaller = int(min(good.counted[:, model].sum(), bad.counted[:, model].sum()))
    low, high = bca(gap, drawn, jackknife[counted], n_subjects=smaller)
    return {"gap": gap, "gap_low": low, "gap_high": high}


def _part(panel: Panel, inside: np.ndarray) -> Part:
    people, codes = np.unique(panel.subjects[inside], return_inverse=True)
    return Part(people, add_up(panel.sums[inside], codes, len(people)))


def _column_rows(
    panel: Panel, column: str, values: pd.Series, random_state: int
) -> list[dict[str, object]]:
    groups = _Groups(panel, values, random_state)
    rows = []
    for metric in metrics_of(panel.task):
        scores = groups.scores(metric)
        for model, name in enumerate(panel.models):
            if np.isfinite([score.total[model] for score in scores]).any():
                facts = {"task": panel.task.name, "model": name, "column": column}
                rows += [facts | row for row in _metric_rows(groups, scores, metric, model)]
    return rows


def _metric_rows(
    groups: _Groups, scores: list[ResampledScores], metric: Metric, model: int
) -> Iterator[dict[str, object]]:
    totals = np.array([score.total[model] for score in scores])
    sizes = groups.sizes(metric, model)
    few = np.array([n_subjects < FEW_SUBJECTS for _, n_subjects in sizes])
    judged = np.where(few, np.nan, totals if metric.larger_is_better else -totals)
    judgeable = np.isfinite(judged).any()
    best, worst = (int(np.nanargmax(judged)), int(np.nanargmin(judged))) if judgeable else (-1, -1)
    for group, name in enumerate(groups.names):
        low, high = scores[group].interval(metric, model)
        row: dict[str, object] = {
            "group": name,
            "metric": metric.name,
            "n_rows": sizes[group][0],
            "n_subjects": sizes[group][1],
            "few_subjects": bool(few[group]),
            "score": totals[group],
            "low": low,
            "high": high,
            "worst": group == worst != best,
        }
        yield row | (_gap(groups, scores, metric, model, best, group) if judgeable else {})
