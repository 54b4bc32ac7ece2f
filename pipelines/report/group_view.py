"""Scores by group: charts, tables, and what they say in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from pipelines.report.contents import LIMITS
from pipelines.report.dots import Dot, Row, draw_rows
from pipelines.report.key import Sign
from pipelines.report.score_table import is_true
from pipelines.report.svg import Svg
from pipelines.report.words import BY_NAME, count, heading, write_score, write_tick

COLUMN_NAMES = {"age_group": "age group"}


@dataclass(frozen=True)
class GroupView:
    """One way to group a task's faces.

    Attributes
    ----------
    name : str
        Such as "age group".
    chart : Svg
    sentences : list of str
        A model's worst group, one each.
    groups : list of str
    rows : list
        A model's name, and its score in every group.
    few : list of str
        Groups of too few people to be judged.
    """

    name: str
    chart: Svg
    sentences: list[str]
    groups: list[str]
    rows: list[tuple[str, list[str]]]
    few: list[str]


def group_views(
    task: str, rows: pd.DataFrame, key: Mapping[str, Sign], metric: str
) -> list[GroupView]:
    """Make the views of a task by one metric.

    Parameters
    ----------
    task : str
    rows : DataFrame
        Of ``by_group``, of the task.
    key : mapping of str to Sign
    metric : str
    """
    rows = rows[(rows["metric"] == metric) & rows["model"].isin(key)]
    rows = rows.assign(
        **{name: is_true(rows[name]) for name in ("few_subjects", "worst")}
    ).drop_duplicates(["model", "column", "group"])
    return [
        _view(task, column, rows[rows["column"] == column], key, metric)
        for column in dict.fromkeys(rows["column"])
    ]


def _view(
    task: str, column: str, rows: pd.DataFrame, key: Mapping[str, Sign], metric: str
) -> GroupView:
    name = COLUMN_NAMES.get(column, column)
    groups = list(dict.fromkeys(rows["group"]))
    charted = [_row(group, rows[rows["group"] == group], key) for group in groups]
    title = f"{heading(metric)} of {task} by {name}, with 95 % intervals"
    writers = partial(write_score, metric), partial(write_tick, metric)
    return GroupView(
        name,
        draw_rows(charted, title, *writers, LIMITS[metric]),
        _sentences(rows, metric),
        groups,
        [
            (model, _cells(part, groups, metric))
            for model, part in rows.groupby("model", sort=False)
        ],
        list(dict.fromkeys(rows.loc[rows["few_subjects"], "group"])),
    )


def _row(group: str, rows: pd.DataFrame, key: Mapping[str, Sign]) -> Row:
    dots = [
        Dot(
            r["score"],
            r["low"],
            r["high"],
            key[r["model"]].letter,
            key[r["model"]].kind,
            r["model"],
        )
        for r in rows.to_dict("records")
    ]
    faces, people = rows["n_rows"].max(), rows["n_subjects"].max()
    note = count(faces, "face")
    if people < faces:
        note += f", {count(people, 'person', 'people')}"
    return Row(group, dots, note)


def _cells(rows: pd.DataFrame, groups: list[str], metric: str) -> list[str]:
    by_group = {row["group"]: row for row in rows.to_dict("records")}
    return [_cell(by_group[group], metric) if group in by_group else "–" for group in groups]


def _cell(row: dict[str, Any], metric: str) -> str:
    text = write_score(metric, row["score"], unit=False)
    if math.isfinite(row["low"]) and math.isfinite(row["high"]):
        low, high = (write_score(metric, row[end], unit=False) for end in ("low", "high"))
        text += f" ({low} to {high})"
    return f"{text} worst" if row["worst"] else text


def _sentences(rows: pd.DataFrame, metric: str) -> list[str]:
    if not rows["worst"].any():
        return ["No group can be called the worst."]
    return [
        _sentence(str(model), part, metric) for model, part in rows.groupby("model", sort=False)
    ]


def _sentence(model: str, rows: pd.DataFrame, metric: str) -> str:
    worst = rows[rows["worst"]]
    if worst.empty:
        return f"{model}: no group is worse than another."
    row = worst.iloc[0]
    best = rows[(rows["gap"] == 0) & ~rows["few_subjects"]]["group"]
    gap = _gap(metric, row["gap"])
    text = f"{model}: worst on {row['group']}, {write_score(metric, row['score'])}, {gap}"
    text += f" worse than on {best.iloc[0]}" if len(best) else " worse than on the best"
    if not (math.isfinite(row["gap_low"]) and math.isfinite(row["gap_high"])):
        return f"{text}."
    ends = (_gap(metric, row[end], unit=False) for end in ("gap_low", "gap_high"))
    chance = "" if row["gap_low"] > 0 else "; that may be chance"
    return f"{text} (95 %: {' to '.join(ends)}){chance}."


def _gap(metric: str, value: float, *, unit: bool = True) -> str:
    text = write_score(metric, value, unit=False)
    if not unit:
        return text
    return text + {100: " points"}.get(int(BY_NAME[metric].scale), " years" * (metric == "mae"))
