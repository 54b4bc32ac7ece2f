"""Writes a comparison's files into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from featurex.experiment import Design, Result
from pipelines import confusion, curves, draw_confusion, draw_curves, predictions


def write_result(result: Result, design: Design, folder: Path) -> list[Path]:
    """Write a comparison: tables, predictions, confusion matrices and the record of the run.

    Parameters
    ----------
    result : Result
    design : Design
        As it was run.
    folder : Path
        Made where it is missing; files of the same names are replaced.

    Returns
    -------
    list of Path
        ``table.csv``, ``table.md``, ``table.tex``, ``predictions.csv``, ``run.json``,
        ``confusion-TASK-MODEL.png`` and, where networks were trained, ``curves.csv`` and
        ``curves-TASK.png``.

    Raises
    ------
    OSError
        The folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = [folder / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    result.comparison.to_csv(tables[0])
    result.comparison.to_markdown(tables[1])
    result.comparison.to_latex(tables[2])
    predictions.write(result.predictions, folder / "predictions.csv")
    record = json.dumps(
        result.record, indent=2, ensure_ascii=False, allow_nan=False, default=_plain
    )
    (folder / "run.json").write_text(record + "\n", encoding="utf-8")
    pictures = [*_write_pictures(result, design, folder), *_write_curves(result, design, folder)]
    return [*tables, folder / "predictions.csv", folder / "run.json", *pictures]


def _write_pictures(result: Result, design: Design, folder: Path) -> list[Path]:
    pictures = []
    for task in design.tasks:
        if task.is_regression:
            continue
        for model in design.models:
            path = folder / f"confusion-{task.name}-{model}.png"
            title = (
                f"{task.name}, {model} ({result.record['dataset']}, {result.record['protocol']})"
            )
            draw_confusion(confusion(result.predictions, task, model), title, path)
            pictures.append(path)
    return pictures


def curve_table(record: dict[str, Any]) -> pd.DataFrame:
    """Return loss and score of every epoch of every network, with the columns `curves.COLUMNS`."""
    rows = [
        {"task": fit["task"], "model": fit["model"], "fold": fit["fold"]} | row
        for fit in record["parameters"]
        for row in fit.get("epochs", [])
    ]
    return pd.DataFrame(rows, columns=list(curves.COLUMNS))


def _write_curves(result: Result, design: Design, folder: Path) -> list[Path]:
    table = curve_table(result.record)
    if table.empty:
        return []
    files = [folder / "curves.csv"]
    table.to_csv(files[0], index=False)
    for task in design.tasks:
        if (rows := table[table["task"] == task.name]).empty:
            continue
        files.append(folder / f"curves-{task.name}.png")
        score = "mean absolute error (years)" if task.is_regression else "accuracy"
        draw_curves(rows, f"{task.name} ({result.record['dataset']})", score, files[-1])
    return files


def _plain(value: object) -> object:
    """Turn a NumPy number into Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")
