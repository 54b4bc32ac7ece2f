"""Labels as people write them in tables and folder names.

Each function returns the label, or None (NaN for an age) for an empty text or a word for a missing
one, and raises :class:`UnknownLabelError` for anything else; its message is the reason that the
row's drop is counted under.
"""

import math
import re

from featurex.labels import AGE_GROUPS, GENDERS

MAX_SHOWN = 30

# What R, pandas, SQL and spreadsheets (the last in German) write where there is nothing. "nan" is
# not one: it is the number that a computation failed with.
MISSING = {"na", "none", "null", "n/a", "<na>", "#n/a", "#nv"}

_GENDERS = {**{name: name for name in GENDERS}, "f": "female", "w": "female", "m": "male"}
# A number follows no one rule, and beside an "h" (hombre, homem) an "m" is a woman.
_AMBIGUOUS_GENDER = re.compile(r"\d+(\.0*)?|h", re.ASCII | re.IGNORECASE)
# Excel makes "06. Apr", "6-Apr", "06/abr" or "06-avr" of 4-6, and "Aug-13" of 8-13.
_DATE = re.compile(r"\d{1,2}(\. ?|[-/])[^\W\d]{3,9}\.?|[^\W\d]{3}-\d{2}")


class UnknownLabelError(ValueError):
    """A label that isn't one of the known ones."""


class AmbiguousLabelError(UnknownLabelError):
    """A label that can be read in two ways, so that others of its table may be meant otherwise."""


def given(text: str) -> str:
    """Return a field without the spaces around it; an empty text for a word for a missing one.

    Examples
    --------
    >>> given(" 25 "), given("NA")
    ('25', '')
    """
    text = text.strip()
    return "" if text.lower() in MISSING else text


def unknown_label(what: str, text: str) -> UnknownLabelError:
    """Return the error for an unknown label, its text cut to a length that a table can show."""
    shown = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return UnknownLabelError(f"unknown {what} {shown!r}")


def parse_gender(text: str) -> str | None:
    """Return ``"female"`` or ``"male"`` for f, w, m, female or male in any case.

    Examples
    --------
    >>> parse_gender(" F ")
    'female'
    """
    if not (word := given(text)):
        return None
    if _AMBIGUOUS_GENDER.fullmatch(word):
        raise AmbiguousLabelError(
            f"gender {word[:MAX_SHOWN]!r} is of a code that can mean either: write each gender as "
            "female or male"
        )
    if (gender := _GENDERS.get(word.lower())) is None:
        raise unknown_label("gender", text)
    return gender


def parse_age_group(text: str) -> str | None:
    """Return the name of an age group, which may be written with an en dash.

    Examples
    --------
    >>> parse_age_group("25–32")
    '25-32'
    """
    name = given(text).replace("–", "-")
    if _DATE.fullmatch(name):
        raise AmbiguousLabelError(
            f"age group {name!r} is a date that a spreadsheet made of a group such as 4-6: format "
            "the column as text before opening the file"
        )
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
    if not (number := given(text)):
        return math.nan
    # Not only float(): it also takes "1_0", "nan" and "1e1".
    if not re.fullmatch(r"-?\d+(\.\d*)?", number, re.ASCII):
        raise unknown_label("age", text)
    return float(number)


def parse_fold(text: str) -> int | None:
    """Return the number of a fold, which may end in ``.0``.

    Examples
    --------
    >>> parse_fold("4")
    4
    """
    if not (number := given(text)):
        return None
    if not (found := re.fullmatch(r"(\d{1,4})(\.0*)?", number, re.ASCII)):
        raise unknown_label("fold", text)
    return int(found[1])


def parse_subject(text: str) -> str | None:
    """Return a subject's name, unless it can be a word for a missing one too.

    Examples
    --------
    >>> parse_subject(" ann ")
    'ann'
    """
    name = text.strip()
    if name.lower() in {*MISSING, "nan"}:
        # Unknown people are one each, and NA may be somebody's initials: neither may be guessed.
        raise AmbiguousLabelError(
            f"subject {name!r} can be a name or a missing one: leave the field empty or rename it"
        )
    return name or None
