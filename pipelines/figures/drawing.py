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
# The dark end of that hue.
INK = "#08519c"


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


def draw_reliability(table: pd.DataFrame, title: str, path: str | os.PathLike[str]) -> None:
    """Draw a reliability diagram as PNG.

    Parameters
    ----------
    table : DataFrame
        One model's bins; see `reliability_table`.
    title : str
        Title of the figure.
    path : path
        The PNG file to write.

    Notes
    -----
    Each point is as many answers as the others, with the 95 % interval of their accuracy; the
    strip below shows which confidences they span. On the diagonal a model is as often right as it
    says.
    DeGroot and Fienberg, "The comparison and evaluation of forecasters" (The Statistician 32,
    1983).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.6), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=(6, 1))
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="as sure as right")
    errors = np.abs(table[["low", "high"]].to_numpy().T - table["accuracy"].to_numpy())
    axes.errorbar(
        table["confidence"],
        table["accuracy"],
        # A bin without an interval has no bar.
        yerr=np.nan_to_num(errors),
        fmt="o-",
        color=INK,
        capsize=3,
        markersize=5,
        label="model, 95 % interval",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy", title=title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)  # no point is under it
    _draw_spans(strip, table)
    for panel in (axes, strip):
        panel.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    figure.savefig(path, format="png")


def _draw_spans(axes: "Axes", table: pd.DataFrame) -> None:
    """Draw where the confidences lie: bars whose area is the number of answers."""
    width = (table["confidence_max"] - table["confidence_min"]).clip(lower=0.005)
    axes.bar(
        (table["confidence_min"] + table["confidence_max"]) / 2,
        table["n_rows"] / width,
        width=width,
        color=INK,
        edgecolor="white",
        linewidth=0.5,
    )
    axes.set(xlabel="confidence", ylabel="answers", yticks=[])
