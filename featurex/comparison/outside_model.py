"""A model from outside: what it answered, and what must be told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from featurex.comparison.outside_answers import Answer


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
