"""Learning curves: loss and score of every epoch, of several models side by side."""

import os
from collections.abc import Sequence
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
    A column a model: losses above, scores below, on axes that all models share. A thin line is a
    fold, a thick one the mean over the folds that reached the epoch.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(curves["model"]))
    if not models:
        raise ValueError("There are no curves to draw.")
    figure = Figure(figsize=(1.2 + 3.4 * len(models), 5.6), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(2, len(models), sharex="col", sharey="row", squeeze=False)
    for model, (loss_axes, score_axes) in zip(models, panels.T, strict=True):
        rows = curves[curves["model"] == model]
        _draw_lines(loss_axes, rows, "loss")
        _draw_lines(score_axes, rows, "score")
        loss_axes.set_title(model)
        score_axes.set_xlabel("epoch")
        _whole_numbers(score_axes, rows["epoch"])
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel(score)
    panels[0, 0].legend()
    figure.savefig(path, format="png")


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
