"""The map of the embeddings, coloured by what the faces are labelled as."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipelines.report.key import N_COLOURS
from pipelines.report.svg import Svg
from pipelines.report.words import count

SIDE, EDGE = 352, 8
LABELS = {"age_group": "age group", "gender": "gender", "race": "race"}
MOST_CLASSES = 12


@dataclass(frozen=True)
class MapView:
    """A method's map by one label: all faces, and a class at a time (its colour, name, faces)."""

    method: str
    label: str
    chart: Svg
    classes: list[tuple[str, str, int, Svg]]


def map_views(rows: pd.DataFrame, order: dict[str, list[str]]) -> list[MapView]:
    """Draw the maps.

    Parameters
    ----------
    rows : DataFrame
        As ``map``.
    order : dict of str to list of str
        The order of a label's classes, where it has one.
    """
    return [
        _view(method, label, part, order.get(label, []))
        for method, part in rows.groupby("method", sort=False)
        for label in LABELS
        if 1 < part.loc[part[label] != "", label].nunique() <= MOST_CLASSES
    ]


@dataclass(frozen=True)
class _Place:
    """Where a method's faces lie: one unit is equally long along both axes."""

    x: float
    y: float
    scale: float

    def pixels(self, rows: pd.DataFrame) -> list[tuple[float, float]]:
        x = SIDE / 2 + (rows["x"] - self.x) * self.scale
        y = SIDE / 2 - (rows["y"] - self.y) * self.scale
        return list(zip(x, y, strict=True))


def _place(rows: pd.DataFrame) -> _Place:
    low, high = rows[["x", "y"]].min(), rows[["x", "y"]].max()
    span = max(float((high - low).max()), 1e-12)
    x, y = (low + high) / 2
    return _Place(float(x), float(y), (SIDE - 2 * EDGE) / span)


def _view(method: str, label: str, rows: pd.DataFrame, order: list[str]) -> MapView:
    place = _place(rows)
    found = set(rows[label]) - {""}
    names = [name for name in order if name in found] + sorted(found - set(order))
    parts = {name: rows[rows[label] == name] for name in names}
    kinds = _kinds(names, ordered=bool(order))
    what = f"{method} map of embeddings by {LABELS[label]}"
    counts = ", ".join(f"{name}: {count(len(part), 'face')}" for name, part in parts.items())
    chart = _square(what, counts)
    classes = []
    for (name, part), kind in zip(parts.items(), kinds, strict=True):
        chart.cloud(place.pixels(part), f"cloud {kind}")
        alone = _square(f"{what}, only {name}", count(len(part), "face"))
        alone.cloud(place.pixels(part), f"cloud {kind}")
        classes.append((name, kind, len(part), alone))
    return MapView(method, LABELS[label], chart, classes)


def _square(title: str, description: str) -> Svg:
    svg = Svg(SIDE, SIDE, title, description)
    svg.box(0.5, 0.5, SIDE - 1, SIDE - 1, "field")
    return svg


def _kinds(names: list[str], *, ordered: bool) -> list[str]:
    """Give classes colours: from dark to light where they have an order."""
    if ordered:
        return [f"v{round(7 * number / max(len(names) - 1, 1))}" for number in range(len(names))]
    return [f"m{number % N_COLOURS}" for number in range(len(names))]
