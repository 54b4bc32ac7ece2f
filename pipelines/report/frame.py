"""A drawing with two axes, for charts of lines and points."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.report.scales import Scale, Write
from pipelines.report.svg import Svg

# A phone's column; wider pages put charts side by side, so that text keeps its size.
WIDTH, HEIGHT = 352, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 24, 40


@dataclass(frozen=True)
class Axis:
    """An axis, what it measures, and how its ticks are written."""

    scale: Scale
    label: str
    write: Write


class Frame:
    """A drawing with axes and faint lines at the ticks.

    Parameters
    ----------
    x, y : Axis
        Their scales run from `LEFT` to ``WIDTH - RIGHT``, and from ``height - BOTTOM`` to `TOP`.
    title, description : str
        As of `Svg`.
    height : float
    """

    def __init__(
        self, x: Axis, y: Axis, title: str, description: str, height: float = HEIGHT
    ) -> None:
        self.svg = Svg(WIDTH, height, title, description)
        self.x, self.y = x.scale, y.scale
        bottom = height - BOTTOM
        for tick in y.scale.ticks:
            self.svg.line(LEFT, self.y(tick), WIDTH - RIGHT, self.y(tick), "grid")
            self.svg.text(LEFT - 6, self.y(tick) + 4, y.write(tick), "tick end")
        for tick in x.scale.ticks:
            self.svg.line(self.x(tick), bottom, self.x(tick), bottom + 4, "axis")
            self.svg.text(self.x(tick), bottom + 17, x.write(tick), "tick middle")
        self.svg.line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis")
        self.svg.text(WIDTH - RIGHT, height - 6, x.label, "tick end")
        self.svg.text(2, 12, y.label, "tick")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is, in pixels."""
        return self.x(x), self.y(y)

    def line(self, points: list[tuple[float, float]], kind: str) -> None:
        """Draw a line through points of data."""
        self.svg.path([self.at(x, y) for x, y in points], kind)

    def interval(self, x: float, low: float, high: float, kind: str) -> None:
        """Draw an upright bar from `low` to `high`."""
        self.svg.line(self.x(x), self.y(low), self.x(x), self.y(high), kind)

    def letter(self, x: float, y: float, letter: str, kind: str, hint: str = "") -> None:
        """Draw a disc with a letter that the key explains."""
        draw_letter(self.svg, *self.at(x, y), letter, kind, hint)


def draw_letter(svg: Svg, x: float, y: float, letter: str, kind: str, hint: str = "") -> None:
    """Draw a disc with a letter, at pixels."""
    svg.circle(x, y, 7.5, f"disc {kind}", hint)
    svg.text(x, y + 3.5, letter, "letter middle")


def x_pixels() -> tuple[float, float]:
    """Return where an axis to the right starts and ends."""
    return LEFT, WIDTH - RIGHT


def y_pixels(height: float = HEIGHT) -> tuple[float, float]:
    """Return where an axis upwards starts and ends."""
    return height - BOTTOM, TOP
