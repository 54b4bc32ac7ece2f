"""Learning curves: loss and score of every epoch, of several models side by side."""

import math
import os
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    *("task", "model", "fold", "epoch"),
    *("train_loss", "valid_loss", "train_score", "valid_score", "seconds"),
)
DPI = 150
# More models than this begin a new row: a picture must fit a page.
MOST_IN_A_ROW = 4
# Okabe and Ito's blue and vermilion, which colour-blind readers can tell apart; the dashes do
# without colour.
_STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": "#0072B2", "linestyle": "--", "label": "training"},
    "valid": {"color": "#D55E00", "linestyle": "-", "label": "validation"},
}


def draw_curves(curves: pd.DataFrame, title: str, score: str, path: str | os.PathLike[str]) -> None:
    """Draw the learning curves of one task as PNG.

    Parameters
    ----------
    curves : DataFrame
        With the columns `COLUMNS`; rows of one task.
    title : str
        Title of the figure.
    score : str
        What the scores are, such as "accuracy".
    path : path
        The PNG file to write.

    Raises
    ------
    ValueError
        If there is no row.

    Notes
    -----
    A column a model, up to four beside each other: losses above, scores below, on axes that all
    models share. A thin line is a fold, a thick one the mean over the folds that reached the epoch.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(curves["model"]))
    if not models:
        raise ValueError("There are no curves to draw.")
    n_across = min(len(models), MOST_IN_A_ROW)
    n_down = math.ceil(len(models) / MOST_IN_A_ROW)
    figure = Figure(figsize=(1.2 + 3.4 * n_across, 5.6 * n_down), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(2 * n_down, n_across, squeeze=False)
    pairs = [
        (losses, scores)
        for row in range(n_down)
        for losses, scores in zip(panels[2 * row], panels[2 * row + 1], strict=True)
    ]
    for unused in chain(*pairs[len(models) :]):
        unused.remove()
    for number, (model, pair) in enumerate(zip(models, pairs, strict=False)):
        _share_axes(pair, pairs[0], first=number % n_across == 0)
        _draw_model(pair, curves[curves["model"] == model], model)
    for loss_axes, score_axes in pairs[: len(models) : n_across]:
        loss_axes.set_ylabel("loss")
        score_axes.set_ylabel(score)
    pairs[0][0].legend()
    figure.savefig(path, format="png")


def _share_axes(pair: tuple["Axes", ...], leading: tuple["Axes", ...], *, first: bool) -> None:
    """Give a model's losses and scores one x axis, and those of all models one y axis."""
    pair[1].sharex(pair[0])
    pair[0].tick_params(labelbottom=False)
    for axes, lead in zip(pair, leading, strict=True):
        if axes is not lead:
            axes.sharey(lead)
        axes.tick_params(labelleft=first)


def _draw_model(pair: tuple["Axes", "Axes"], rows: pd.DataFrame, model: str) -> None:
    loss_axes, score_axes = pair
    _draw_lines(loss_axes, rows, "loss")
    _draw_lines(score_axes, rows, "score")
    loss_axes.set_title(model)
    score_axes.set_xlabel("epoch")
    _whole_numbers(score_axes, rows["epoch"])


def _draw_lines(axes: "Axes", rows: pd.DataFrame, what: str) -> None:
    for part, style in _STYLES.items():
        column = f"{part}_{what}"
        faint = {key: value for key, value in style.items() if key != "label"}
        for _, fold in rows.groupby("fold"):
            axes.plot(fold["epoch"], fold[column], alpha=0.35, linewidth=0.8, **faint)
        mean = rows.groupby("epoch")[column].mean()
        axes.plot(mean.index, mean, linewidth=2, marker="o", markersize=3, **style)
    axes.grid(alpha=0.3)


def _whole_numbers(axes: "Axes", epochs: Sequence[int]) -> None:
    last = int(np.max(epochs))
    axes.set_xticks(np.unique(np.linspace(1, last, min(last, 8)).round().astype(int)))
