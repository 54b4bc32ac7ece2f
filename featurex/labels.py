"""What the models predict: Adience's eight age groups, and gender.

The groups are those of Eidinger, Enbar and Hassner, "Age and gender estimation of unfiltered
faces", IEEE Transactions on Information Forensics and Security 9(12), 2014. They leave gaps
(3, 7, 14, 21-24, 33-37, 44-47 and 54-59 years), so what becomes of an age in a gap is a named
*policy*, which every result records.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

AGE_GROUPS = ("0-2", "4-6", "8-13", "15-20", "25-32", "38-43", "48-53", "60+")
GENDERS = ("female", "male")
# A third label, where a data set has it (Adience's "u", nearly all babies).
UNDEFINED = "undefined"

# First and last year of each group in completed years, both inside the group.
AGE_GROUP_BOUNDS: tuple[tuple[float, float], ...] = (
    (0, 2),
    (4, 6),
    (8, 13),
    (15, 20),
    (25, 32),
    (38, 43),
    (48, 53),
    (60, np.inf),
)

# The age that stands for a group when years are computed from probabilities: its midpoint. "60+"
# has none; 70 is the median age of the 2,690 faces of 60 and more in UTKFace.
AGE_GROUP_YEARS = (1.0, 5.0, 10.5, 17.5, 28.5, 40.5, 50.5, 70.0)

AGE_GROUP_DTYPE = pd.CategoricalDtype(AGE_GROUPS, ordered=True)
GENDER_DTYPE = pd.CategoricalDtype(GENDERS)
GENDER_3_DTYPE = pd.CategoricalDtype((*GENDERS, UNDEFINED))

_FIRST, _LAST = np.array(AGE_GROUP_BOUNDS).T


def _distances(years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the years between each age (n,) and each group (n, 8); 0 inside the group."""
    ages = years[:, None]
    return np.maximum(np.maximum(_FIRST - ages, ages - _LAST), 0.0)


def _strict(years: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the group that holds each age, or -1 in a gap."""
    inside = _distances(years) == 0
    return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)


def _nearest(years: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the nearest group; argmin takes the first, so ties go to the younger."""
    return _distances(years).argmin(axis=1)


# Policy name -> function from completed years (n,) to group indices (n,), -1 for no group.
AGE_POLICIES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.intp]]] = {
    "strict": _strict,
    "nearest": _nearest,
}


def check_age_policy(policy: str) -> str:
    """Return `policy` if it is a name in :data:`AGE_POLICIES`.

    Raises
    ------
    ValueError
        If it isn't; the message lists the names.
    """
    if policy not in AGE_POLICIES:
        known = ", ".join(AGE_POLICIES)
        raise ValueError(f"Unknown age policy {policy!r}. The policies are: {known}.")
    return policy


def age_to_group(ages: ArrayLike, policy: str = "strict") -> NDArray[np.object_]:
    """Return the age group of each age.

    Parameters
    ----------
    ages : array-like of shape (n,)
        Ages in years, finite and non-negative. A fraction counts as completed years (6.9 is 6).
    policy : {"strict", "nearest"}
        What becomes of an age between two groups: ``"strict"`` gives no group, the default of
        the literature; ``"nearest"`` gives the nearest group in years, ties to the younger.

    Returns
    -------
    ndarray of object, shape (n,)
        Names of :data:`AGE_GROUPS`, or None.

    Raises
    ------
    ValueError
        If an age is missing, infinite or negative, or the policy is unknown.

    Examples
    --------
    >>> age_to_group([1, 6.9, 35, 90]).tolist()
    ['0-2', '4-6', None, '60+']
    >>> age_to_group([35], policy="nearest").tolist()
    ['25-32']
    """
    index = AGE_POLICIES[check_age_policy(policy)](np.floor(_checked_ages(ages)))
    return np.array([*AGE_GROUPS, None], dtype=object)[index]


def _checked_ages(ages: ArrayLike) -> NDArray[np.float64]:
    years = np.asarray(ages, dtype=np.float64)
    if years.ndim != 1:
        raise ValueError(
            "The 'ages' parameter of age_to_group must be one-dimensional. "
            f"Got {years.ndim} dimensions."
        )
    wrong = np.flatnonzero(~(np.isfinite(years) & (years >= 0)))
    if len(wrong):
        raise ValueError(
            "The 'ages' parameter of age_to_group must be finite and non-negative (years). "
            f"Got {years[wrong[0]]} at row {wrong[0]}."
        )
    return years


def group_to_years(groups: Any) -> NDArray[np.float64]:
    """Return the age that stands for each age group: its midpoint, 70 for "60+".

    Parameters
    ----------
    groups : array-like of str, shape (n,)
        Names of :data:`AGE_GROUPS`; None and NaN are missing.

    Returns
    -------
    ndarray of float64, shape (n,)
        Years; NaN where the group is missing.

    Raises
    ------
    ValueError
        If a name isn't one of the groups.

    Examples
    --------
    >>> group_to_years(["0-2", None, "60+"]).tolist()
    [1.0, nan, 70.0]
    """
    names = pd.Series(np.asarray(groups, dtype=object))
    unknown = names[names.notna() & ~names.isin(AGE_GROUPS)]
    if len(unknown):
        raise ValueError(
            f"Unknown age group {unknown.iloc[0]!r} at row {unknown.index[0]}. "
            f"The groups are: {', '.join(AGE_GROUPS)}."
        )
    years = dict(zip(AGE_GROUPS, AGE_GROUP_YEARS, strict=True))
    return names.map(years).to_numpy(dtype=np.float64)
