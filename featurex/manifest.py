"""The manifest: the table of labelled photos that every later stage reads.

One row a labelled face, made only by a reader of :mod:`featurex.datasets`. What a reader drops it
counts by reason, so that rows kept and rows dropped always add up to the rows found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from featurex.labels import AGE_GROUP_DTYPE, GENDER_3_DTYPE, GENDER_DTYPE, UNDEFINED

COLUMNS = (
    "image_id",
    "path",
    "dataset",
    "subject_id",
    "age",
    "age_group",
    "gender",
    "race",
    "fold",
)

# The columns of `Manifest.copies`.
COPY_COLUMNS = (
    "image_id",
    "path",
    "subject_id",
    "age",
    "age_group",
    "gender",
    "race",
    "fold",
    "fate",
)

# Task name -> the column that holds its labels.
TASK_COLUMNS = {
    "age-group": "age_group",
    "gender": "gender",
    "age": "age",
    "gender-3": "gender",
    "race": "race",
}

NOT_SAMPLED = "not in the sample"


def no_copies() -> pd.DataFrame:
    """Return the `copies` of a manifest that has none."""
    return pd.DataFrame(columns=list(COPY_COLUMNS))


@dataclass(frozen=True, repr=False)
class Manifest:
    """Labelled photos, and what was dropped on the way.

    Parameters
    ----------
    table : DataFrame
        One row a labelled face, index 0 … n-1. Columns: `image_id` (str, SHA-256 of the file's
        bytes, unique), `path` (str, absolute), `dataset` (str), `subject_id` (str or None), `age`
        (float, years, or NaN), `age_group` (ordered category over
        :data:`~featurex.labels.AGE_GROUPS`), `gender` (category over
        :data:`~featurex.labels.GENDERS`, and ``"undefined"`` where a row has it), `race` (str, in
        the data set's own words, or None), `fold` (Int64: the data set's own, or missing).
    dropped : dict of str to int
        Rows dropped, by reason.
    dataset : str
        The data set's name.
    notes : tuple of str
        What every table made from this manifest should say.
    examples : dict of str to list of str
        A few dropped rows for each reason.
    copies : DataFrame
        Every file that was found to be equal, byte by byte, to another one, next to it: the columns
        `image_id`, `path`, what its own name or line says of it (`subject_id`, `age`, `age_group`,
        `gender`, `race`, `fold`), and `fate` (``"kept"``, ``"duplicate"`` or ``"conflicting
        labels"``).
    unread : dict of str to str
        Why files that were named could not be read, by path; all of them are counted in `dropped`.
    ages : str or None
        The range that the ages were restricted to, such as ``"21-60"``; see
        :func:`~featurex.datasets.age_range.keep_ages`.

    Raises
    ------
    ValueError
        If the table hasn't these columns, this index, or has an `image_id` twice.
    """

    table: pd.DataFrame
    dropped: dict[str, int]
    dataset: str
    notes: tuple[str, ...] = ()
    examples: dict[str, list[str]] = field(default_factory=dict)
    copies: pd.DataFrame = field(default_factory=no_copies)
    unread: dict[str, str] = field(default_factory=dict)
    ages: str | None = None

    def __post_init__(self) -> None:
        _check(self.table)

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        return f"<Manifest of {self.dataset!r}: {len(self)} rows kept of {self.found} found>"

    @property
    def found(self) -> int:
        """The rows found: kept and dropped."""
        return len(self.table) + sum(self.dropped.values())

    def tasks(self) -> tuple[str, ...]:
        """Return the tasks that at least one row has a label for.

        Returns
        -------
        tuple of str
            Out of ``"age-group"``, ``"gender"`` and ``"age"``; see `more_tasks` for others.
        """
        labelled = {
            "age-group": self.table["age_group"].notna(),
            "gender": self.table["gender"].notna() & (self.table["gender"] != UNDEFINED),
            "age": self.table["age"].notna(),
        }
        return tuple(task for task, rows in labelled.items() if rows.any())

    def more_tasks(self) -> tuple[str, ...]:
        """Return the tasks that must be asked for by name.

        Returns
        -------
        tuple of str
            Out of ``"gender-3"``, where the data set has a third label of gender, and ``"race"``,
            where it has two words or more for it.
        """
        labelled = {
            "gender-3": (self.table["gender"] == UNDEFINED).any(),
            "race": self.table["race"].nunique() > 1,
        }
        return tuple(task for task, there in labelled.items() if there)

    def sample(self, n: int, seed: int = 0) -> "Manifest":
        """Return a manifest of `n` rows drawn at random, in their old order.

        The other rows are counted as dropped, ``"not in the sample"``; a note says so.

        Parameters
        ----------
        n : int
            Rows to keep; all, if there are no more.
        seed : int
            The same seed draws the same rows.

        Raises
        ------
        ValueError
            If `n` isn't positive.
        """
        if n < 1:
            raise ValueError(f"The 'n' parameter of Manifest.sample must be positive. Got {n}.")
        if n >= len(self):
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), size=n, replace=False))
        left_out = self.dropped.get(NOT_SAMPLED, 0) + len(self) - n
        return replace(
            self,
            table=self.table.iloc[rows].reset_index(drop=True),
            dropped={**self.dropped, NOT_SAMPLED: left_out},
            notes=(*self.notes, f"{self.dataset}, --limit: a random sample of {n} of {len(self)}."),
        )

    def summary(self) -> pd.DataFrame:
        """Return the rows found, dropped by reason, kept, and kept with each label.

        Returns
        -------
        DataFrame
            Columns `rows` (str: ``"found"``, ``"dropped: duplicate"`` …, ``"kept"``,
            ``"kept, with age"`` …), `count` (int) and `examples` (str).
        """
        lines = [("found", self.found, "")]
        for reason, count in sorted(self.dropped.items(), key=lambda item: -item[1]):
            lines.append((f"dropped: {reason}", count, ", ".join(self.examples.get(reason, []))))
        lines.append(("kept", len(self), ""))
        for column in ("age", "age_group", "gender", "race", "subject_id", "fold"):
            name = column.removesuffix("_id").replace("_", " ")
            lines.append((f"kept, with {name}", int(self.table[column].notna().sum()), ""))
        return pd.DataFrame(lines, columns=["rows", "count", "examples"])


def make_table(columns: Mapping[str, object], dataset: str) -> pd.DataFrame:
    """Return a manifest's table with the right columns, types and index.

    Parameters
    ----------
    columns : mapping of str to array-like
        `image_id` and `path`, and any of the other columns but `dataset`.
    dataset : str
        The data set's name.

    Raises
    ------
    ValueError
        If an age group or a gender isn't one of the known ones.
    """
    table = pd.DataFrame({**columns, "dataset": dataset}).reset_index(drop=True)
    table = table.reindex(columns=list(COLUMNS))
    return table.assign(
        subject_id=_texts(table["subject_id"]),
        age=table["age"].astype(np.float64),
        age_group=_category(table["age_group"], AGE_GROUP_DTYPE),
        gender=_category(table["gender"], _gender_dtype(table["gender"])),
        race=_texts(table["race"]),
        fold=table["fold"].astype("Int64"),
    )


def _texts(texts: pd.Series) -> pd.Series:
    texts = texts.astype(object)
    return texts.where(texts.notna(), None)


def _gender_dtype(genders: pd.Series) -> pd.CategoricalDtype:
    return GENDER_3_DTYPE if (genders == UNDEFINED).any() else GENDER_DTYPE


def _category(labels: pd.Series, dtype: pd.CategoricalDtype) -> pd.Series:
    # pandas would turn an unknown label into a missing one.
    unknown = labels[labels.notna() & ~labels.isin(dtype.categories)]
    if len(unknown):
        known = ", ".join(dtype.categories)
        raise ValueError(
            f"Unknown {labels.name} {unknown.iloc[0]!r} at row {unknown.index[0]}. Known: {known}."
        )
    return labels.astype(object).astype(dtype)


def _check(table: pd.DataFrame) -> None:
    if tuple(table.columns) != COLUMNS:
        raise ValueError(f"A manifest has the columns {list(COLUMNS)}. Got {list(table.columns)}.")
    if not table.index.equals(pd.RangeIndex(len(table))):
        raise ValueError("A manifest's index must be 0 … n-1. Reset the index.")
    again = table["image_id"][table["image_id"].duplicated()]
    if len(again):
        raise ValueError(
            f"A manifest has each photo once. {len(again)} rows repeat one, such as "
            f"{again.iloc[0]} at row {again.index[0]}."
        )
