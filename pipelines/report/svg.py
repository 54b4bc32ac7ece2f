"""Drawings that stand in the page itself, and say in words what they show."""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element, SubElement, tostring


class Svg:
    """A drawing; text is escaped, whatever it holds.

    Colours come from the page's style sheet by class, so that one drawing serves light, dark and
    print.

    Parameters
    ----------
    width, height : float
        In pixels at its natural size; it shrinks with its column.
    title, description : str
        What a screen reader says: what it is, and what it shows.
    """

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        self._root = Element(
            "svg",
            {
                "viewBox": f"0 0 {_short(width)} {_short(height)}",
                "width": _short(width),
                "height": _short(height),
                "role": "img",
            },
        )
        SubElement(self._root, "title").text = title
        SubElement(self._root, "desc").text = description
        self.width, self.height = width, height

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "") -> None:
        """Draw a line."""
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def box(self, x: float, y: float, width: float, height: float, kind: str = "") -> None:
        """Draw a rectangle."""
        self._add("rect", kind, x=x, y=y, width=max(width, 0), height=max(height, 0))

    def circle(self, x: float, y: float, radius: float, kind: str = "", hint: str = "") -> None:
        """Draw a circle; `hint` is shown under a mouse."""
        dot = self._add("circle", kind, cx=x, cy=y, r=radius)
        if dot is not None and hint:
            SubElement(dot, "title").text = hint

    def text(self, x: float, y: float, text: str, kind: str = "", *, room: float = 0) -> None:
        """Write a line of text, cut to the `room` it has (in pixels; 0 is any)."""
        most = max(int(room / 6.6), 3) if room else len(text)
        shown = text if len(text) <= most else text[: most - 1] + "…"
        element = self._add("text", kind, x=x, y=y)
        if element is not None:
            element.text = shown

    def path(self, points: list[tuple[float, float]], kind: str = "") -> None:
        """Draw a line through points; those that are no numbers are left out."""
        known = [f"{_short(x)} {_short(y)}" for x, y in points if _drawable(x, y)]
        if known:
            SubElement(self._root, "path", {"class": kind, "d": "M" + "L".join(known)})

    def cloud(self, points: list[tuple[float, float]], kind: str = "") -> None:
        """Draw many points as one element."""
        dots = "".join(f"M{_short(x)} {_short(y)}h0" for x, y in points if _drawable(x, y))
        if dots:
            SubElement(self._root, "path", {"class": kind, "d": dots})

    def __html__(self) -> str:
        """Return the drawing for a template, which need not escape it again."""
        return tostring(self._root, encoding="unicode", short_empty_elements=False)

    def _add(self, tag: str, kind: str, **places: float) -> Element | None:
        if not _drawable(*places.values()):
            return None
        attributes = {"class": kind} if kind else {}
        attributes |= {name: _short(place) for name, place in places.items()}
        return SubElement(self._root, tag, attributes)


def _drawable(*numbers: float) -> bool:
    return all(math.isfinite(number) for number in numbers)


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
