"""Charts of the comparison: scores with intervals, and cost against score."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from pipelines.report.contents import LIMITS
from pipelines.report.dots import Dot, Row, draw_rows
from pipelines.report.frame import Axis, Frame, x_pixels, y_pixels
from pipelines.report.key import Sign
from pipelines.report.scales import linear, logarithmic, plain
from pipelines.report.svg import Svg
from pipelines.report.words import (
    BY_NAME,
    heading,
    known_metrics,
    main_metric,
    write_score,
    write_tick,
)

COSTS = {"fit_seconds": "seconds to train, a fold", "ms_per_face": "ms a face to predict"}


def score_charts(task: str, table: pd.DataFrame, key: Mapping[str, Sign]) -> dict[str, Svg]:
    """Draw every metric's scores of a task's models, by the metric's heading.

    Parameters
    ----------
    task : str
    table : DataFrame
        The comparison's rows of the task.
    key : mapping of str to Sign
    """
    return {
        BY_NAME[metric].heading: _score_chart(task, table, key, metric)
        for metric in known_metrics(table)
    }


def _score_chart(task: str, table: pd.DataFrame, key: Mapping[str, Sign], metric: str) -> Svg:
    rows = []
    for row in table[table[f"{metric}_pooled"].notna()].to_dict("records"):
        score, low, high = (row[f"{metric}_{part}"] for part in ("pooled", "low", "high"))
        sign = key[row["model"]]
        dot = Dot(score, low, high, sign.letter, sign.kind)
        rows.append(Row(row["model"], [dot], write_score(metric, score)))
    title = f"{heading(metric)} of {task}, with 95 % intervals"
    writers = partial(write_score, metric), partial(write_tick, metric)
    return draw_rows(rows, title, *writers, LIMITS[metric])


def cost_charts(task: str, table: pd.DataFrame, key: Mapping[str, Sign]) -> dict[str, Svg]:
    """Draw the main score against each cost that is known of two models or more.

    Parameters
    ----------
    task : str
    table : DataFrame
        The comparison's rows of the task.
    key : mapping of str to Sign
    """
    metric = main_metric(table)
    if metric is None:
        return {}
    charts = {}
    for cost, label in COSTS.items():
        known = table[(table[cost] > 0) & table[f"{metric}_pooled"].notna()]
        if len(known) > 1:
            charts[label] = _cost_chart(task, known, key, metric, cost)
    return charts


def _cost_chart(
    task: str, table: pd.DataFrame, key: Mapping[str, Sign], metric: str, cost: str
) -> Svg:
    scores = table[f"{metric}_pooled"]
    x = Axis(logarithmic(table[cost], *x_pixels()), f"{COSTS[cost]} (log)", plain)
    ends = [*scores, *table[f"{metric}_low"], *table[f"{metric}_high"]]
    scale = linear(ends, *y_pixels(), within=LIMITS[metric])
    y = Axis(scale, BY_NAME[metric].heading, partial(write_tick, metric))
    facts = [
        f"{model} {write_score(metric, score)} at {plain(price)}"
        for model, score, price in zip(table["model"], scores, table[cost], strict=True)
    ]
    title = f"{heading(metric)} of {task} against {COSTS[cost]}"
    frame = Frame(x, y, title, "; ".join(facts))
    for row, fact in zip(table.to_dict("records"), facts, strict=True):
        sign = key[row["model"]]
        frame.interval(row[cost], row[f"{metric}_low"], row[f"{metric}_high"], f"bar {sign.kind}")
        frame.letter(row[cost], row[f"{metric}_pooled"], sign.letter, sign.kind, fact)
    return frame.svg
