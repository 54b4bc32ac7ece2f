"""Learning curves of networks."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pandas as pd

from pipelines.report.contents import LIMITS
from pipelines.report.frame import Axis, Frame, x_pixels, y_pixels
from pipelines.report.scales import Scale, linear, plain
from pipelines.report.svg import Svg
from pipelines.report.words import BY_NAME, count, write_tick

# More folds than this (leave one subject out) are drawn as their mean only.
MOST_LINES = 20


def curve_charts(task: str, rows: pd.DataFrame, metric: str) -> list[tuple[str, list[Svg]]]:
    """Draw loss and score by epoch of every network: its name, and two charts.

    Parameters
    ----------
    task : str
    rows : DataFrame
        Of ``curves``, of the task; also of networks that are only part of an average.
    metric : str
        What the scores are: accuracy or mae.
    """
    write = partial(write_tick, metric)
    shown = []
    for model, part in rows.groupby("model", sort=False):
        titles = f"Loss of {model}, {task}", f"{BY_NAME[metric].heading} of {model}, {task}"
        loss = _chart(part, "loss", Axis(_scale(part, "loss"), "loss", plain), titles[0])
        ends = _scale(part, "score", LIMITS[metric])
        score = _chart(part, "score", Axis(ends, BY_NAME[metric].heading, write), titles[1])
        shown.append((str(model), [loss, score]))
    return shown


def _scale(
    rows: pd.DataFrame, what: str, within: tuple[float, float] = (-math.inf, math.inf)
) -> Scale:
    values = [*rows[f"train_{what}"], *rows[f"valid_{what}"]]
    return linear(values, *y_pixels(), within=within)


def _chart(rows: pd.DataFrame, what: str, y: Axis, title: str) -> Svg:
    epochs = linear([rows["epoch"].min(), rows["epoch"].max()], *x_pixels())
    epochs = replace(epochs, ticks=tuple(tick for tick in epochs.ticks if tick == round(tick)))
    means = rows.groupby("epoch")[[f"train_{what}", f"valid_{what}"]].mean()
    last = means.iloc[-1]
    facts = (
        f"{count(rows['fold'].nunique(), 'fold')}; after {count(means.index[-1], 'epoch')} "
        f"training {y.write(last.iloc[0])}, validation {y.write(last.iloc[1])} on average"
    )
    frame = Frame(Axis(epochs, "epoch", plain), y, title, facts)
    for part in ("train", "valid"):
        column = f"{part}_{what}"
        if rows["fold"].nunique() <= MOST_LINES:
            for _, fold in rows.groupby("fold"):
                frame.line(list(zip(fold["epoch"], fold[column], strict=True)), f"faint {part}")
        frame.line(list(means[column].items()), f"strong {part}")
    return frame.svg
