"""Figures of the comparison, drawn without a display."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# One hue from light to dark: legible in print and to colour-blind readers.
COLOURS = "Blues"
DPI = 150


def draw_confusion(matrix: pd.DataFrame, title: str, path: str | os.PathLike[str]) -> None:
    """Draw a confusion matrix as PNG.

    Parameters
    ----------
    matrix : DataFrame of int, shape (n_classes, n_classes)
        Counts, true classes as rows; see `confusion`.
    title : str
        Title of the figure.
    path : path
        The PNG file to write.

    Notes
    -----
    Colours show the share of each true class, so that rare classes are as visible as
    common ones. A cell has the percentage of its row and, below it, the count.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = matrix.to_numpy(dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.75 * len(counts)
    figure = Figure(figsize=(size + 1.0, size), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1)
    _label(axes, matrix, title)
    for row, column in np.ndindex(counts.shape):
        _write_cell(axes, row, column, shares[row, column], int(counts[row, column]))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the true class")
    figure.savefig(path, format="png")


def _label(axes: "Axes", matrix: pd.DataFrame, title: str) -> None:
    totals = matrix.sum(axis=1)
    names = [f"{name}\n(n = {totals[name]})" for name in matrix.index]
    axes.set_xticks(range(len(matrix.columns)), matrix.columns, rotation=45, ha="right")
    axes.set_yticks(range(len(matrix)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)


def _write_cell(axes: "Axes", row: int, column: int, share: float, count: int) -> None:
    colour = "white" if share > 0.62 else "black"
    style: dict[str, Any] = {"ha": "center", "color": colour}
    axes.text(column, row, f"{share:.0%}", va="bottom", fontsize=10, **style)
    axes.text(column, row + 0.08, f"{count}", va="top", fontsize=7, **style)
