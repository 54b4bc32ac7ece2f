"""Writes a comparison's files into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from featurex.comparison.design import Design
from featurex.comparison.experiment import Result
from featurex.comparison.kept import plain
from featurex.files import replacing
from pipelines import (
    Task,
    calibration_table,
    confusion,
    curves,
    draw_confusion,
    draw_curves,
    draw_reliability,
    each_model,
    has_probabilities,
    predictions,
    recall_table,
    reliability_table,
    score_groups,
    selective_table,
    with_facts,
)
from pipelines.scoring.confusions import confusion_table

# The warning of a comparison, as short as a picture's title must be.
LEAKY_TITLE = "\nWarning: people may be on both sides"

# What only some comparisons write, as names and patterns of names.
_OCCASIONAL = (
    *("confusion.csv", "recall.csv", "calibration.csv", "selective.csv", "reliability.csv"),
    *("confusion-*-*.png", "reliability-*-*.png", "curves.csv", "curves-*.png"),
)


def write_result(result: Result, design: Design, folder: Path) -> list[Path]:
    """Write a comparison: tables, predictions, pictures and the record of the run.

    Parameters
    ----------
    result : Result
    design : Design
        As it was run.
    folder : Path
        Made where it is missing. What an earlier comparison wrote there is replaced, and deleted
        where this one has no such file; a ``run.json`` tells that there was one.

    Returns
    -------
    list of Path
        ``table.csv``, ``table.md``, ``table.tex``, ``predictions.csv``, ``run.json``,
        ``pairs.csv``, ``by_group.csv``; where a task has classes, ``confusion.csv``,
        ``recall.csv``, ``calibration.csv``, ``selective.csv``, ``reliability.csv``,
        ``confusion-TASK-MODEL.png`` and ``reliability-TASK-MODEL.png``; where networks were
        trained, ``curves.csv`` and ``curves-TASK.png``.

    Raises
    ------
    OSError
        The folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    again = (folder / "run.json").is_file()
    tables = [folder / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    result.comparison.to_csv(tables[0])
    result.comparison.to_markdown(tables[1])
    result.comparison.to_latex(tables[2])
    predictions.write(result.predictions, folder / "predictions.csv")
    notes = {"notes": list(result.comparison.notes)}
    record = json.dumps(plain(result.record | notes), indent=2, allow_nan=False)
    # ASCII: a command's arguments may hold file names that are not UTF-8.
    with replacing(folder / "run.json") as part:
        part.write_text(record + "\n", encoding="ascii")
    written = [*tables, folder / "predictions.csv", folder / "run.json"]
    written += [*_write_statistics(result, design, folder), *_write_curves(result, design, folder)]
    if again:
        _delete_earlier(folder, written)
    return written


def _delete_earlier(folder: Path, written: list[Path]) -> None:
    """Delete what an earlier comparison wrote and this one did not: a report would show it."""
    found = {path for pattern in _OCCASIONAL for path in folder.glob(pattern)}
    for path in found - set(written):
        if path.is_file():
            path.unlink()


def _write_statistics(result: Result, design: Design, folder: Path) -> list[Path]:
    seed, table = design.options.seed, result.predictions
    statistics = {
        "pairs": result.comparison.pairs,
        "by_group": score_groups(table, design.tasks, result.groups, random_state=seed),
    }
    tasks = [task for task in design.tasks if not task.is_regression]
    reliability = {
        (task.name, model): reliability_table(table, task, model, random_state=seed)
        for task, model, part in each_model(table, tasks)
        if has_probabilities(part, task)
    }
    if tasks:
        statistics |= {
            "confusion": confusion_table(table, tasks),
            "recall": recall_table(table, tasks, seed),
            "calibration": calibration_table(table, tasks, seed),
            "selective": selective_table(table, tasks, random_state=seed),
        }
    if reliability:
        statistics["reliability"] = pd.concat(reliability.values(), ignore_index=True)
    for name, statistic in statistics.items():
        with_facts(statistic, result.comparison.facts).to_csv(folder / f"{name}.csv", index=False)
    return [
        *(folder / f"{name}.csv" for name in statistics),
        *_write_pictures(result, tasks, reliability, folder),
    ]


def _write_pictures(
    result: Result,
    tasks: list[Task],
    reliability: dict[tuple[str, str], pd.DataFrame],
    folder: Path,
) -> list[Path]:
    pictures = []
    for task, model, _ in each_model(result.predictions, tasks):
        title = _title(f"{task.name}, {model}", result)
        pictures.append(folder / f"confusion-{task.name}-{model}.png")
        draw_confusion(confusion(result.predictions, task, model), title, pictures[-1])
        if (task.name, model) in reliability:
            pictures.append(folder / f"reliability-{task.name}-{model}.png")
            draw_reliability(reliability[task.name, model], title, pictures[-1])
    return pictures


def _title(what: str, result: Result) -> str:
    """Say what a picture shows: data set, protocol, ages; and in a second line what is wrong."""
    record = result.record
    ages = [f"ages {record['ages']} only"] if record["ages"] else []
    repeats = [f"{record['n_repeats']} repeats"] if record["n_repeats"] > 1 else []
    data = ", ".join([record["dataset"], record["protocol"], *repeats, *ages])
    return f"{what} ({data})" + (LEAKY_TITLE if record["warning"] else "")


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
    with_facts(table, result.comparison.facts).to_csv(files[0], index=False)
    for task in design.tasks:
        if (rows := table[table["task"] == task.name]).empty:
            continue
        files.append(folder / f"curves-{task.name}.png")
        score = "mean absolute error (years)" if task.is_regression else "accuracy"
        draw_curves(rows, _title(task.name, result), score, files[-1])
    return files
