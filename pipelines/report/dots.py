"""Scores with their intervals, a row each, several models to a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.frame import WIDTH, draw_letter
from pipelines.report.scales import Scale, Write, linear
from pipelines.report.svg import Svg

LANE, LABEL, GAP, FOOT = 19, 17, 7, 24
ENDS = 12, WIDTH - 14


@dataclass(frozen=True)
class Dot:
    """A score: its interval (NaN where unknown), and the letter and colour of its model."""

    score: float
    low: float
    high: float
    letter: str
    kind: str
    name: str = ""


@dataclass(frozen=True)
class Row:
    """A row of dots under a label; `note` stands at its right end."""

    label: str
    dots: Sequence[Dot]
    note: str = ""


def draw_rows(
    rows: Sequence[Row],
    title: str,
    write: Write,
    tick: Write,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Svg:
    """Draw rows of scores on one axis, which does not start at zero.

    Parameters
    ----------
    rows : sequence of Row
    title : str
    write, tick : callable
        How scores are written, and the numbers on the axis.
    within : (float, float)
        As of `linear`.
    """
    dots = [dot for row in rows for dot in row.dots]
    values = [value for dot in dots for value in (dot.score, dot.low, dot.high)]
    scale = linear(values, *ENDS, within=within)
    height = sum(LABEL + LANE * len(row.dots) + GAP for row in rows) + FOOT
    svg = Svg(WIDTH, height, title, "; ".join(_words(row, write) for row in rows))
    _draw_ticks(svg, scale, height - FOOT, tick)
    top = 0.0
    for row in rows:
        svg.text(2, top + 13, row.label, "label", room=WIDTH - 10 - 6.6 * len(row.note))
        svg.text(WIDTH - 4, top + 13, row.note, "tick end")
        for lane, dot in enumerate(row.dots):
            _draw_dot(svg, scale, dot, top + LABEL + LANE * (lane + 0.5), write)
        top += LABEL + LANE * len(row.dots) + GAP
    return svg


def _draw_ticks(svg: Svg, scale: Scale, bottom: float, write: Write) -> None:
    for tick in scale.ticks:
        place = "end" if tick == scale.ticks[-1] else "middle"
        svg.line(scale(tick), 0, scale(tick), bottom + 4, "grid")
        svg.text(min(scale(tick), WIDTH - 2), bottom + 18, write(tick), f"tick {place}")


def _draw_dot(svg: Svg, scale: Scale, dot: Dot, y: float, write: Write) -> None:
    svg.line(scale(dot.low), y, scale(dot.high), y, f"bar {dot.kind}")
    for end in (dot.low, dot.high):
        svg.line(scale(end), y - 4, scale(end), y + 4, f"stroke {dot.kind}")
    draw_letter(svg, scale(dot.score), y, dot.letter, dot.kind, _dot_words(dot, write))


def _words(row: Row, write: Write) -> str:
    return f"{row.label}: " + ", ".join(_dot_words(dot, write) for dot in row.dots)


def _dot_words(dot: Dot, write: Write) -> str:
    text = f"{dot.name} {_written(dot.score, write)}".strip()
    if math.isfinite(dot.low) and math.isfinite(dot.high):
        text += f" ({write(dot.low)} to {write(dot.high)})"
    return text


def _written(value: float, write: Write) -> str:
    return write(value) if math.isfinite(value) else "unknown"
