"""How sure saved models are of ages: intervals that `predict` gives with every age."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from featurex.saved_models.whole_model import fact_of, names_its_model, with_fact
from featurex.tasks import AGE
from pipelines.scoring.age_intervals import MOST_AGES, AgeIntervals, age_intervals

if TYPE_CHECKING:
    from featurex.saved_models.out_of_fold import OutOfFold

# Where the metadata of a model file holds them.
KEY = "age_intervals"
MOST_YEARS = 1000
_NUMBERS = ("at", "below", "above")
# Predicted ages at which a reader is shown the interval.
SHOWN = (1, 5, 15, 25, 35, 50, 70)


def with_intervals(metadata: Mapping[str, Any], measured: OutOfFold) -> dict[str, Any]:
    """Return a model's metadata with the intervals of its ages, where enough were measured.

    Parameters
    ----------
    metadata : mapping
        As `featurex.saved_models.fitting.fit_models` gives it.
    measured : OutOfFold
    """
    if AGE.name not in (task.name for task in measured.tasks):
        return dict(metadata)
    made = age_intervals(measured.predictions, AGE, measured.model)
    if made is None:
        return dict(metadata)
    lists = {name: list(getattr(made, name)) for name in _NUMBERS}
    return with_fact(metadata, KEY, asdict(made) | lists)


def intervals_of(metadata: Mapping[str, Any]) -> AgeIntervals | None:
    """Return the intervals that a model's metadata hold; None if they are another's."""
    told = fact_of(metadata, KEY)
    if told is None:
        return None
    known = {name: value for name, value in told.items() if name != "model"}
    return AgeIntervals(**known | {name: tuple(known[name]) for name in _NUMBERS})


def is_sound(metadata: Mapping[str, Any]) -> bool:
    """Tell whether what metadata from a file say of intervals can be true; nothing is fine too."""
    told = metadata.get(KEY)
    if told is None:
        return True
    if not names_its_model(told) or AGE.name not in metadata["training"]:
        return False
    names = {"model", *AgeIntervals.__dataclass_fields__}
    return set(told) == names and _are_numbers(told) and _are_intervals(told)


def describe(intervals: AgeIntervals) -> str:
    """Say what the intervals of ages are worth."""
    share = f"{100 * intervals.coverage:g} %"
    made = (
        f"The interval that predict gives with an age was made to hold {share} of the "
        f"{intervals.n_rows} faces that were predicted out of fold"
    )
    if intervals.measured is None:
        return f"{made}; on others it was not measured."
    return f"{made}; made from the other folds, it held {100 * intervals.measured:.1f} %."


def examples(intervals: AgeIntervals) -> list[tuple[int, float, float]]:
    """Return predicted ages with the ends of their intervals, of those that faces were told."""
    first, last = intervals.at[0], intervals.at[-1]
    ages = [age for age in SHOWN if first <= age <= last] or [round(intervals.at[0])]
    low, high = intervals.of(np.array(ages, float))
    return list(zip(ages, low.tolist(), high.tolist(), strict=True))


def _are_numbers(told: Mapping[str, Any]) -> bool:
    lists = [told[name] for name in _NUMBERS]
    if not all(isinstance(values, list | tuple) for values in lists):
        return False
    if not 1 <= len(lists[0]) <= MOST_AGES or len({len(values) for values in lists}) > 1:
        return False
    numbers = [told["coverage"], *(value for values in lists for value in values)]
    return all(_is_number(value) for value in numbers) and isinstance(told["n_rows"], int)


def _are_intervals(told: Mapping[str, Any]) -> bool:
    at, measured = told["at"], told["measured"]
    rises = all(one < other for one, other in pairwise(at))
    reach = all(0 <= value <= MOST_YEARS for value in (*told["below"], *told["above"]))
    share = measured is None or (_is_number(measured) and 0 <= measured <= 1)
    return rises and reach and share and 0 < told["coverage"] < 1 and told["n_rows"] > 0


def _is_number(value: Any) -> bool:
    # JSON of Python's knows NaN, and True is an int.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
