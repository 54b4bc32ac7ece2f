"""The part of a model card that says how right the model is, for whom, and where it is weak."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from featurex.saved_models.out_of_fold import OutOfFold
from pipelines import Task, calibration_table, score_groups
from pipelines.folds.protocols import LEAKY
from pipelines.scoring.by_group import FEW_SUBJECTS
from pipelines.scoring.reliability import AS_GIVEN
from pipelines.scoring.scores import METRICS, Metric, metrics_of
from pipelines.tables.markdown import escape, table

# By what groups are told apart, and what a reader looks at first.
_GROUP_METRICS = ("accuracy", "one_off", "mae")
_COLUMNS = {"age_group": "Age group", "gender": "Gender", "race": "Race"}
_UNKNOWN = "–"
_ENDS = ("pooled", "low", "high")


def scores_section(measured: OutOfFold, groups: pd.DataFrame) -> str:
    """Tell every score with its interval, overall and by group.

    Parameters
    ----------
    measured : OutOfFold
    groups : DataFrame
        As `group_scores` gives it.

    Returns
    -------
    str
        Markdown, with its headings.
    """
    parts = ["## Scores", _protocol(measured)]
    for task in measured.tasks:
        parts += [f"### {escape(task.name)}", _overall(measured, task)]
        for column, rows in groups[groups["task"] == task.name].groupby("column", sort=False):
            parts.append(_by_group(str(column), rows, people=measured.names_people))
    return "\n\n".join(parts)


def group_scores(measured: OutOfFold, seed: int) -> pd.DataFrame:
    """Score the model by gender, age group and race, as `pipelines.score_groups` does."""
    table = score_groups(
        measured.predictions, list(measured.tasks), measured.groups, random_state=seed
    )
    return table[table["metric"].isin(_GROUP_METRICS)]


def weak_spots(measured: OutOfFold, groups: pd.DataFrame, seed: int) -> Iterator[str]:
    """Yield, in Markdown sentences, where the model is weak and how far its confidence is off.

    Parameters
    ----------
    measured : OutOfFold
    groups : DataFrame
        As `group_scores` gives it.
    seed : int
    """
    judged = []
    for task in measured.tasks:
        metric = next(metric for metric in metrics_of(task) if metric.name in _GROUP_METRICS)
        rows = groups[(groups["task"] == task.name) & (groups["metric"] == metric.name)]
        judged.append(rows)
        for column, part in rows.groupby("column", sort=False):
            yield from _worst(task, str(column), part, metric)
    unit = "people" if measured.names_people else "faces"
    if few := _few(pd.concat(judged)):
        yield f"Groups with fewer than {FEW_SUBJECTS} {unit}, too few to judge: {', '.join(few)}."
    yield from _calibration(measured, seed)


def _protocol(measured: OutOfFold) -> str:
    repeats = f" of {measured.n_repeats} repeats" * (measured.n_repeats > 1)
    return (
        f"Measured out of fold, {escape(measured.source)}: protocol {escape(measured.protocol)}, "
        f"{measured.n_folds} folds{repeats}; each face is predicted by a model of the same kind "
        f"and settings that was trained on the other folds{' of a repeat' * bool(repeats)}. "
        f"{_apart(measured)} The model in the file was trained "
        "on all rows, so it was not measured itself. Scores over all faces at once; in brackets 95 "
        "% intervals (BCa bootstrap over people, or over photos where the data name nobody)."
    )


def _apart(measured: OutOfFold) -> str:
    """Say whether a person can be in training and in test, and if so why."""
    if measured.keeps_people_apart:
        return f"No person is in two folds{' of a repeat' * (measured.n_repeats > 1)}."
    at_random = measured.names_people and measured.protocol == LEAKY
    why = "Photos were put into folds at random" if at_random else "The data do not name everybody"
    return f"**{why}: a person may be in training and in test, and the scores may be too good.**"


def _overall(measured: OutOfFold, task: Task) -> str:
    scores = measured.comparison.table
    (row,) = scores[scores["task"] == task.name].to_dict("records")
    rows = [
        [metric.heading, _interval(metric, *(row[f"{metric.name}_{end}"] for end in _ENDS))]
        for metric in metrics_of(task)
        if math.isfinite(row[f"{metric.name}_pooled"])
    ]
    people = f", {row['n_subjects']} people" if measured.keeps_people_apart else ""
    return table([f"All {row['n_rows']} faces{people}", "Score"], rows)


def _by_group(column: str, rows: pd.DataFrame, *, people: bool) -> str:
    metrics = [metric for metric in METRICS if metric.name in set(rows["metric"])]
    lines = []
    for _, part in rows.groupby("group", sort=False):
        by_metric = {row["metric"]: row for row in part.to_dict("records")}
        first = next(iter(by_metric.values()))
        few = " (few)" if first["few_subjects"] else ""
        counts = [f"{first['n_rows']}", f"{first['n_subjects']}{few}"]
        lines.append(
            [
                escape(str(first["group"])),
                *counts[: 2 if people else 1],
                *(_cell(by_metric[metric.name], metric) for metric in metrics),
            ]
        )
    name = _COLUMNS.get(column, column)
    counted = ["Faces", "People"] if people else ["Faces"]
    return table([escape(name), *counted, *(m.heading for m in metrics)], lines)


def _cell(row: dict[str, float], metric: Metric) -> str:
    return _interval(metric, row["score"], row["low"], row["high"])


def _interval(metric: Metric, score: float, low: float, high: float) -> str:
    if not math.isfinite(score):
        return _UNKNOWN
    if not (math.isfinite(low) and math.isfinite(high)):
        return _number(score, metric)
    return f"{_number(score, metric)} \\[{_number(low, metric)}, {_number(high, metric)}\\]"


def _number(value: float, metric: Metric) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value * metric.scale, metric.decimals) + 0.0:.{metric.decimals}f}".replace(
        "-", "−"
    )


def _worst(task: Task, column: str, rows: pd.DataFrame, metric: Metric) -> Iterator[str]:
    worst, unit = rows[rows["worst"]], "points" if metric.scale == 100 else "years"
    for row in worst.to_dict("records"):
        what = f"{escape(task.name)} by {_COLUMNS.get(column, column).lower()}"
        gap = _interval(metric, row["gap"], row["gap_low"], row["gap_high"])
        sure = "; a gap of 0 is within the interval" if row["gap_low"] <= 0 else ""
        yield (
            f"Worst for {what}: **{escape(str(row['group']))}**, {metric.heading} "
            f"{_cell(row, metric)}, which is {gap} {unit} worse than the best group{sure}."
        )


def _few(groups: pd.DataFrame) -> list[str]:
    few = groups[groups["few_subjects"]].drop_duplicates(["column", "group"])
    return [
        f"{_COLUMNS.get(column, column).lower()} {escape(str(group))} ({n})"
        for column, group, n in few[["column", "group", "n_subjects"]].to_numpy().tolist()
    ]


def _calibration(measured: OutOfFold, seed: int) -> Iterator[str]:
    scores = calibration_table(measured.predictions, list(measured.tasks), seed)
    for row in scores[scores["form"] == AS_GIVEN].to_dict("records"):
        yield (
            f"Probabilities for {escape(row['task'])}: their mean is {100 * row['confidence']:.1f} "
            f"% where {100 * row['accuracy']:.1f} % are right; expected calibration error "
            f"{100 * row['ece']:.1f} % (a calibrated model would show "
            f"{100 * row['ece_by_chance']:.1f} % by chance)."
        )
