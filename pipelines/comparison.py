"""The comparison of models: one row a task and model, from out-of-fold predictions alone."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.predictions import predicted_classes, validate
from pipelines.scores import METRICS, Metric
from pipelines.tasks import Task, find_task

# With more folds than this (leave one subject out) a fold is a few photos of one person: its
# accuracy is nearly all or nothing and most classes are absent. Then all photos are scored at
# once, as the literature on FG-NET does, and no deviation is printed.
MOST_FOLDS = 20

MISSING = "–"
# What a network's row of the timings may have beside the others'.
NETWORK_COSTS = ("n_parameters", "seconds_per_epoch")
_POOLED_NOTE = f"More than {MOST_FOLDS} folds: scores over all photos at once."
_FOLDS_NOTE = "Mean ± standard deviation over folds; best of a task in bold."

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "…": r"\dots{}",
}


@dataclass(frozen=True)
class Comparison:
    """A comparison of models, as numbers and as tables to print.

    Parameters
    ----------
    table : DataFrame
        One row a task and model: ``task``, ``model``, ``n_rows``, ``n_folds``; for each metric
        ``<metric>_mean`` and ``<metric>_std`` over folds (ddof=1; NaN with one fold) and
        ``<metric>_pooled`` over all photos at once; ``fit_seconds`` (mean over folds),
        ``ms_per_face``, and of networks ``n_parameters`` and ``seconds_per_epoch`` (means over
        folds; NaN where unknown). Shares are in [0, 1]; a metric that a task lacks is NaN.
    notes : tuple of str
        What a reader of the table must know: protocol, seed, data set, warnings.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def format(self, mark: Callable[[str], str] = str) -> pd.DataFrame:
        """Make a table of strings such as ``76.0 ± 0.6``.

        Parameters
        ----------
        mark : callable, default=str
            Applied to the best of each task and metric, such as a function to make it bold.

        Returns
        -------
        DataFrame
            Percent for shares; an en dash where a task lacks a metric. Metrics that no row
            has are left out.
        """
        columns = {
            "Task": self.table["task"],
            "Model": self.table["model"],
            "Photos": self.table["n_rows"].astype(str),
            "Folds": self.table["n_folds"].astype(str),
        }
        for metric in METRICS:
            if self.table[f"{metric.name}_mean"].notna().any():
                columns[metric.heading] = _format_metric(self.table, metric, mark)
        columns["Fit (s)"] = _format_numbers(self.table["fit_seconds"], 1)
        columns["Predict (ms/face)"] = _format_numbers(self.table["ms_per_face"], 2)
        if "n_parameters" in self.table and self.table["n_parameters"].notna().any():
            columns["Parameters"] = self.table["n_parameters"].map(_thousands)
            columns["Epoch (s)"] = _format_numbers(self.table["seconds_per_epoch"], 1)
        return pd.DataFrame(columns)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the numbers, unrounded."""
        self.table.to_csv(path, index=False)

    def to_markdown(self, path: str | os.PathLike[str]) -> None:
        """Write the printed table as Markdown, the notes below it."""
        cells = self.format(lambda text: f"**{text}**").map(lambda text: text.replace("|", r"\|"))
        table = cells.to_markdown(index=False, disable_numparse=True)
        notes = "\n".join(f"- {note}" for note in self._all_notes())
        Path(path).write_text(f"{table}\n\n{notes}\n", encoding="utf-8")

    def to_latex(self, path: str | os.PathLike[str]) -> None:
        r"""Write the printed table for LaTeX, the notes in its caption.

        The document needs ``\usepackage{booktabs}``.
        """
        # Marks are put on as control characters, which no escaping touches.
        cells = self.format(lambda text: f"\1{text}\2").map(_latex)
        cells.columns = [_latex(name) for name in cells.columns]
        text = cells.to_latex(
            index=False,
            escape=False,
            caption=_latex(" ".join(self._all_notes())),
            column_format="ll" + "r" * (cells.shape[1] - 2),
        )
        text = text.replace("\1", r"\textbf{").replace("\2", "}")
        Path(path).write_text(text, encoding="utf-8")

    def _all_notes(self) -> list[str]:
        pooled = (self.table["n_folds"] > MOST_FOLDS).any()
        return [*self.notes, _POOLED_NOTE if pooled else _FOLDS_NOTE]


def compare(
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    timings: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare models by their out-of-fold predictions.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table; it is validated.
    tasks : sequence of Task
        The tasks that may occur.
    timings : DataFrame or None
        As of `Evaluation`, of any of the models; ``n_parameters`` and ``seconds_per_epoch`` may be
        beside them.
    notes : sequence of str
        For the caption.

    Returns
    -------
    Comparison
        Tasks in the order of `tasks`, models in the order of the table.

    Raises
    ------
    PredictionTableError
        If the table breaks its contract, or models were tested on different rows.
    """
    validate(predictions, tasks)
    rows = [
        _row(part, task)
        for task in tasks
        for _, part in predictions[predictions["task"] == task.name].groupby("model", sort=False)
    ]
    table = pd.DataFrame(rows).merge(_time_table(timings), on=["task", "model"], how="left")
    return Comparison(table, tuple(notes))


def confusion(predictions: pd.DataFrame, task: Task, model: str) -> pd.DataFrame:
    """Count true against predicted classes.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    task : Task
        A classification.
    model : str
        Name of the model.

    Returns
    -------
    DataFrame of int
        True classes as rows, predicted classes as columns, both in task order.

    Raises
    ------
    ValueError
        If the task is a regression, or the table has no row of task and model.
    """
    if task.classes is None:
        raise ValueError(f"Task {task.name!r} is a regression and has no confusion matrix.")
    find_task(task.name, [task])
    rows = predictions[(predictions["task"] == task.name) & (predictions["model"] == model)]
    if rows.empty:
        raise ValueError(f"The predictions have no row of task {task.name!r} and model {model!r}.")
    counts = pd.crosstab(rows["y_true"].to_numpy(dtype=object), predicted_classes(rows, task))
    counts = counts.reindex(index=list(task.classes), columns=list(task.classes), fill_value=0)
    return counts.rename_axis(index="true", columns="predicted")


def _row(part: pd.DataFrame, task: Task) -> dict[str, object]:
    folds = [rows for _, rows in part.groupby("fold")]
    row: dict[str, object] = {
        "task": task.name,
        "model": part["model"].iloc[0],
        "n_rows": len(part),
        "n_folds": len(folds),
    }
    for metric in METRICS:
        scores = pd.Series([metric.score(rows, task) for rows in folds], dtype=np.float64)
        row[f"{metric.name}_mean"] = scores.mean()
        row[f"{metric.name}_std"] = scores.std(ddof=1)
        row[f"{metric.name}_pooled"] = metric.score(part, task)
    return row


def _time_table(timings: pd.DataFrame | None) -> pd.DataFrame:
    means = ["fit_seconds", *NETWORK_COSTS]
    names = ["task", "model", "fit_seconds", "ms_per_face", *NETWORK_COSTS]
    if timings is None or timings.empty:
        return pd.DataFrame(columns=names).astype(dict.fromkeys(names[2:], float))
    missing = {name: np.nan for name in NETWORK_COSTS if name not in timings}
    weighted = timings.assign(ms=timings["predict_ms_per_row"] * timings["n_test"], **missing)
    groups = weighted.groupby(["task", "model"], as_index=False)
    sums = groups.agg(
        ms=("ms", "sum"), n_test=("n_test", "sum"), **{name: (name, "mean") for name in means}
    )
    return sums.assign(ms_per_face=sums["ms"] / sums["n_test"])[names]


def _format_metric(table: pd.DataFrame, metric: Metric, mark: Callable[[str], str]) -> pd.Series:
    pooled = table["n_folds"] > MOST_FOLDS
    values = table[f"{metric.name}_mean"].where(~pooled, table[f"{metric.name}_pooled"])
    spreads = table[f"{metric.name}_std"].where(~pooled)
    shown = (values * metric.scale).round(metric.decimals)
    # Rows that print the same number are equally good.
    best = shown.groupby(table["task"]).transform("max" if metric.larger_is_better else "min")
    texts = _format_numbers(values * metric.scale, metric.decimals)
    spread_texts = _format_numbers(spreads * metric.scale, metric.decimals)
    texts = texts.where(spreads.isna(), texts + " ± " + spread_texts)
    return texts.where(shown != best, texts.map(mark))


def _format_numbers(values: pd.Series, decimals: int) -> pd.Series:
    return values.map(lambda value: MISSING if pd.isna(value) else f"{value:.{decimals}f}")


def _thousands(number: float) -> str:
    return MISSING if pd.isna(number) else f"{number / 1000:,.0f} k"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
