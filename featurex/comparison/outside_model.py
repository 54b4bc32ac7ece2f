"""A model from outside: what it answered, and what must be told of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurex.comparison.outside_answers import Answer
from pipelines import Task

_ROUNDED = 0.1  # years: probabilities in a file are rounded, and so is their expected age


@dataclass(frozen=True)
class OutsideModel:
    """The predictions of one model from outside.

    Attributes
    ----------
    name : str
        In tables and file names.
    answers : dict of str to dict of str to Answer
        By task and `image_id`; a task without a single answer is left out.
    notes : tuple of str
        What a reader of the table must know of it.
    record : dict
        Name, file, the hash of its bytes, and counts of lines, as JSON.
    """

    name: str
    answers: dict[str, dict[str, Answer]]
    notes: tuple[str, ...]
    record: dict[str, Any]

    def has_own_years(self, task: Task) -> bool:
        """Return whether its years in a task of groups are other than the expected age."""
        known = [a for a in self.answers.get(task.name, {}).values() if math.isfinite(a.years)]
        shares = [a.probabilities for a in known if a.probabilities is not None]
        if not known or len(shares) < len(known):
            return bool(known)
        expected = task.expected_years(np.array(shares))
        return not np.allclose(expected, [a.years for a in known], rtol=0, atol=_ROUNDED)
