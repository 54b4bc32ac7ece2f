"""A range of ages: a comparison restricted to it, openly.

Scores on adults only are much better than on everybody: UTKFace is often scored on ages 21 to 60.
So what lies outside is dropped by name and counted, and every table says which ages it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from featurex.datasets.cleaning import MAX_AGE, Dropped
from featurex.exceptions import DatasetError
from featurex.labels import AGE_GROUP_BOUNDS, AGE_GROUPS
from featurex.manifest import Manifest


@dataclass(frozen=True)
class AgeRange:
    """Ages in completed years, both ends inside.

    Parameters
    ----------
    low, high : int

    Raises
    ------
    ValueError
        `low` is negative or above `high`.

    Examples
    --------
    >>> ages = AgeRange.parse("21-60")
    >>> ages.holds(np.array([20.9, 21.0, 60.9, 61.0])).tolist()
    [False, True, True, False]
    >>> ages.groups
    ('25-32', '38-43', '48-53')
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(
                "An age range goes from the lower age to the higher one, such as 21-60. "
                f"Got {self}."
            )

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the range that a text such as ``21-60`` names.

        Raises
        ------
        ValueError
            It names none.
        """
        found = re.fullmatch(r"(\d{1,3})[-–](\d{1,3})", text.strip(), re.ASCII)
        if found is None:
            raise ValueError(
                f"An age range is LOW-HIGH in years, such as 21-60. Got {text[:30]!r}."
            )
        return cls(int(found[1]), int(found[2]))

    def holds(self, ages: np.ndarray) -> np.ndarray:
        """Tell which ages are inside; a fraction counts as completed years, NaN is outside.

        Parameters
        ----------
        ages : ndarray of shape (n,), float64
            Years.

        Returns
        -------
        ndarray of shape (n,), bool
        """
        years = np.floor(ages)
        return (self.low <= years) & (years <= self.high)

    @property
    def groups(self) -> tuple[str, ...]:
        """The age groups that lie wholly inside; "60+" ends with the oldest age believed, 116."""
        return tuple(
            name
            for name, (first, last) in zip(AGE_GROUPS, AGE_GROUP_BOUNDS, strict=True)
            if self.low <= first and min(last, MAX_AGE) <= self.high
        )


def keep_ages(manifest: Manifest, ages: AgeRange) -> Manifest:
    """Return a manifest of the rows whose age is in a range.

    A row with an age group only stays where that group lies wholly inside. All others are counted
    as dropped, by reason; a note says which ages are left, and so does `Manifest.ages`.

    Parameters
    ----------
    manifest : Manifest
    ages : AgeRange

    Raises
    ------
    DatasetError
        No row is left.
    """
    table, dropped = manifest.table, Dropped()
    groups, known = table["age_group"], table["age"].notna()
    by_group = ~known & groups.notna()
    inside = ages.holds(table["age"].to_numpy(np.float64))
    table = dropped.split(table, known & ~inside, f"age outside {ages}")
    out = by_group & ~groups.isin(ages.groups)
    table = dropped.split(table, out[table.index], f"age group not wholly inside {ages}")
    table = dropped.split(table, ~(known | by_group)[table.index], f"no age, {ages} asked for")
    if table.empty:
        raise DatasetError(_nothing_left(manifest, ages, dropped))
    kept_by_group = bool(by_group[table.index].any())
    return replace(
        manifest,
        table=table.reset_index(drop=True),
        dropped={**manifest.dropped, **dropped.counts},
        examples={**manifest.examples, **dropped.examples},
        notes=(*manifest.notes, _note(ages, table, dropped, kept_by_group)),
        ages=str(ages),
    )


def _note(ages: AgeRange, table: pd.DataFrame, dropped: Dropped, kept_by_group: bool) -> str:
    n_left_out = sum(dropped.counts.values())
    note = f"Ages {ages} only: {len(table)} photos; {n_left_out} others are left out"
    reasons = ", ".join(f"{reason}: {count}" for reason, count in dropped.counts.items())
    note += f" ({reasons})." if reasons else "."
    if kept_by_group:
        note += (
            " Of photos with an age group only, those of the groups wholly inside are kept: "
            f"{', '.join(ages.groups)}."
        )
    return note


def _nothing_left(manifest: Manifest, ages: AgeRange, dropped: Dropped) -> str:
    reasons = ", ".join(f"{reason}: {count}" for reason, count in dropped.counts.items())
    return f"No photo of {manifest.dataset!r} is left with ages {ages}. Dropped: {reasons}."
