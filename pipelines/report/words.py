"""Numbers as words, and what a protocol means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipelines.scoring.scores import METRICS, Metric

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}

# What each protocol means for who is on both sides of a split, and whether that is to be warned of.
_PROTOCOLS: Mapping[str, tuple[str, bool]] = {
    "official": (
        "Every photo was tested once, in the data set's own folds, by a model that was trained on "
        "the other folds.",
        False,
    ),
    "subject": (
        "Every photo was tested {times}, {those}by a model that had seen no photo of that person: "
        "folds were made of people, not of photos, balanced by age group and gender.",
        False,
    ),
    "leave-one-subject-out": (
        "Each person was tested once, by a model that was trained on all the others.",
        False,
    ),
    "holdout": (
        "One part of the data was kept for the test; models were trained on the rest.{again}",
        False,
    ),
    "random": (
        "Folds were made of photos at random.{again} The same person may be on both sides, and "
        "recognising a person then passes for knowing an age: the scores are likely too high and "
        "are no measure of unknown people.",
        True,
    ),
}

# What the score of each metric means.
SCORES: Mapping[str, str] = {
    "accuracy": "the share of faces whose answer is right",
    "one_off": "the share whose age group is right or next to the right one",
    "balanced_accuracy": "the mean of every class's accuracy: rare classes count as common ones",
    "macro_f1": "the mean over classes of the harmonic mean of precision and recall",
    "kappa": "agreement beyond chance, far errors counted more; 1 is perfect, 0 is chance",
    "mae": "the mean absolute error in years; less is better",
    "cs5": "the share of faces whose age is at most 5 years off",
}


def protocol_words(protocol: str, n_repeats: float = 1, n_unnamed: float = 0) -> tuple[str, bool]:
    """Say who is on both sides of a split, and whether that is to be warned of.

    Parameters
    ----------
    protocol : str
        Of another than those of `pipelines.assign_folds` nothing is said.
    n_repeats : float, default=1
        How often the folds were made.
    n_unnamed : float, default=0
        Photos that name nobody.
    """
    words, leaks = _PROTOCOLS.get(protocol, ("", False))
    times = f"{n_repeats:,.0f} times"
    text = words.format(
        times=times if n_repeats > 1 else "once",
        those="those of named people " if n_unnamed else "",
        again=f" This was done {times}, each time with another draw." if n_repeats > 1 else "",
    )
    if n_unnamed and text and not leaks and protocol != "official":
        text += f" {count(n_unnamed, 'photo that names', 'photos that name')} nobody "
        text += "counted as a person of its own." if n_unnamed == 1 else "counted as one each."
    return text, leaks


def write_score(metric: str, value: Any, *, unit: bool = True) -> str:
    """Write a score as its metric is written, such as ``76.0 %`` or ``5.02 years``."""
    number = float(value) if value is not None else math.nan
    if not math.isfinite(number):
        return "–"
    form = BY_NAME[metric]
    text = f"{number * form.scale:.{form.decimals}f}".replace("-", "−")
    units = " %" if form.scale == 100 else " years" if metric == "mae" else ""
    return text + units if unit else text


def write_tick(metric: str, value: float) -> str:
    """Write a value of an axis, whose unit stands elsewhere."""
    return f"{value * BY_NAME[metric].scale:.6g}"


def heading(metric: str) -> str:
    """Return a metric's name without its unit."""
    return BY_NAME[metric].heading.split(" (")[0]


def known_metrics(table: pd.DataFrame) -> list[str]:
    """List the metrics that some row of the comparison's table has."""
    return [name for name in BY_NAME if table[f"{name}_pooled"].notna().any()]


def main_metric(table: pd.DataFrame) -> str | None:
    """Return what a task is judged by first: accuracy, or years where it has no classes."""
    known = known_metrics(table)
    return next((name for name in ("accuracy", "mae") if name in known), None)


def count(number: float, one: str, many: str | None = None) -> str:
    """Write how many there are, such as ``1 face`` or ``2,386 faces``."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """Join words with commas and *and*."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
