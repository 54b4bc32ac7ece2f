"""Axes: from values to pixels, with round ticks."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

# About how many ticks an axis has.
N_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """An axis.

    Attributes
    ----------
    low, high : float
        The values at its ends.
    start, end : float
        Where those are, in pixels.
    ticks : tuple of float
    log : bool
        Whether equal factors are equally long.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where a value is, in pixels; NaN where it is not on the axis."""
        if self.log:
            if not value > 0:
                return math.nan
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def linear(
    values: Iterable[float],
    start: float,
    end: float,
    *,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Scale:
    """Make an axis that holds all values, from round number to round number.

    Parameters
    ----------
    values : iterable of float
        NaN and infinities don't count; what is beyond `within` counts as its end.
    start, end : float
        Of the axis, in pixels.
    within : (float, float)
        What no axis goes beyond, such as 0 and 1 for shares.
    """
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = (min(max(end, within[0]), within[1]) for end in (min(known), max(known)))
    if high - low < 1e-9 * max(abs(low), 1.0):
        room = 0.05 * max(abs(low), 1.0)
        low, high = max(low - room, within[0]), min(high + room, within[1])
    step = _round_step((high - low) / N_TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(number * step, 12) for number in range(first, last + 1))
    inside = tuple(tick for tick in ticks if within[0] - 1e-12 <= tick <= within[1] + 1e-12)
    ends = max(ticks[0], within[0]), min(ticks[-1], within[1])
    return Scale(*ends, start, end, inside)


def logarithmic(values: Iterable[float], start: float, end: float) -> Scale:
    """Make a logarithmic axis from power of ten to power of ten (or 1, 2, 5 within few).

    Parameters
    ----------
    values : iterable of float
        Those above zero count.
    start, end : float
        Of the axis, in pixels.
    """
    known = [value for value in values if math.isfinite(value) and value > 0] or [1.0, 10.0]
    marks: list[float] = [m * 10.0**power for power in range(-9, 13) for m in (1, 2, 5)]
    first = max(bisect_right(marks, min(known)) - 1, 0)
    last = min(bisect_left(marks, max(known)), len(marks) - 1)
    if last <= first:
        last = first + 1
    ticks = marks[first : last + 1]
    if len(ticks) > 6:
        ticks = [tick for tick in ticks if _is_power(tick)]
    return Scale(marks[first], marks[last], start, end, tuple(ticks), log=True)


def percent(share: float) -> str:
    """Write a share as percent, such as ``82 %``; half percents with a digit."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %"


def plain(number: float) -> str:
    """Write a number short."""
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.4g}"


Write = Callable[[float], str]


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next((m * power for m in (1, 2, 2.5, 5) if m * power >= step * 0.999), 10 * power)


def _is_power(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9
