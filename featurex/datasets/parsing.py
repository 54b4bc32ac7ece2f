"""Labels as people write them in tables and folder names.

Each function returns the label, or None (NaN for an age) for an empty text, and raises
:class:`UnknownLabelError` for anything else; its message is the reason that the row's drop is
counted under.
"""

import math
import re

from featurex.labels import AGE_GROUPS, GENDERS

MAX_SHOWN = 30

_GENDERS = {**{name: name for name in GENDERS}, "f": "female", "m": "male"}


class UnknownLabelError(ValueError):
    """A label that isn't one of the known ones."""


def unknown_label(what: str, text: str) -> UnknownLabelError:
    """Return the error for an unknown label, its text cut to a length that a table can show."""
    shown = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return UnknownLabelError(f"unknown {what} {shown!r}")


def parse_gender(text: str) -> str | None:
    """Return ``"female"`` or ``"male"`` for f, m, female or male in any case.

    Examples
    --------
    >>> parse_gender(" F ")
    'female'
    """
    if not text.strip():
        return None
    if (gender := _GENDERS.get(text.strip().lower())) is None:
        raise unknown_label("gender", text)
    return gender


def parse_age_group(text: str) -> str | None:
    """Return the name of an age group, which may be written with an en dash.

    Examples
    --------
    >>> parse_age_group("25–32")
    '25-32'
    """
    name = text.strip().replace("–", "-")
    if name and name not in AGE_GROUPS:
        raise unknown_label("age group", text)
    return name or None


def parse_age(text: str) -> float:
    """Return an age in years.

    Examples
    --------
    >>> parse_age("8.5")
    8.5
    """
    if not text.strip():
        return math.nan
    # Not only float(): it also takes "1_0", "nan" and "1e1".
    if not re.fullmatch(r"-?\d+(\.\d*)?", text.strip(), re.ASCII):
        raise unknown_label("age", text)
    return float(text)


def parse_fold(text: str) -> int | None:
    """Return the number of a fold.

    Examples
    --------
    >>> parse_fold("4")
    4
    """
    if not text.strip():
        return None
    if not re.fullmatch(r"\d{1,4}", text.strip(), re.ASCII):
        raise unknown_label("fold", text)
    return int(text)
