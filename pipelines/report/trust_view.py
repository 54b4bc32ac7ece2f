"""How far a model's confidence can be trusted: reliability, calibration, selective prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from pipelines.report.frame import Axis, Frame, x_pixels, y_pixels
from pipelines.report.key import Sign
from pipelines.report.scales import linear, percent
from pipelines.report.svg import Svg

_SHARES = (0.0, 1.0)


def reliability_charts(
    task: str, rows: pd.DataFrame, key: Mapping[str, Sign]
) -> list[tuple[Sign, Svg]]:
    """Draw every model's reliability diagram.

    Parameters
    ----------
    task : str
    rows : DataFrame
        Of ``reliability``, of the task.
    key : mapping of str to Sign
    """
    return [
        (key[model], _reliability(task, model, part, key[model]))
        for model, part in rows.groupby("model", sort=False)
        if model in key
    ]


def _reliability(task: str, model: str, rows: pd.DataFrame, sign: Sign) -> Svg:
    x = Axis(linear(_SHARES, *x_pixels(), within=_SHARES), "confidence", percent)
    y = Axis(linear(_SHARES, *y_pixels(), within=_SHARES), "right", percent)
    facts = "; ".join(
        f"{percent(round(confidence, 3))} sure, {percent(round(accuracy, 3))} right"
        for confidence, accuracy in zip(rows["confidence"], rows["accuracy"], strict=True)
    )
    frame = Frame(x, y, f"Reliability of {model}, {task}", facts)
    frame.line([(0, 0), (1, 1)], "ideal")
    points = list(zip(rows["confidence"], rows["accuracy"], strict=True))
    frame.line(points, f"stroke {sign.kind}")
    for row in rows.to_dict("records"):
        frame.interval(row["confidence"], row["low"], row["high"], f"bar {sign.kind}")
        frame.svg.circle(*frame.at(row["confidence"], row["accuracy"]), 4, f"disc {sign.kind}")
    return frame.svg


def calibration_rows(rows: pd.DataFrame, key: Mapping[str, Sign]) -> list[dict[str, str]]:
    """Write the calibration of every model, before and after cooling.

    Parameters
    ----------
    rows : DataFrame
        Of ``calibration``, of one task.
    key : mapping of str to Sign
    """
    return [
        {
            "model": row["model"],
            "form": row["form"],
            "temperature": _digits(row["temperature"], 2),
            "accuracy": _digits(100 * row["accuracy"], 1),
            "confidence": _digits(100 * row["confidence"], 1),
            "ece": _digits(100 * row["ece"], 1),
            "chance": _digits(100 * row["ece_by_chance"], 1),
            "brier": _digits(row["brier"], 3) + _range(row["brier_low"], row["brier_high"], 3),
        }
        for row in rows.to_dict("records")
        if row["model"] in key
    ]


def selective_chart(task: str, rows: pd.DataFrame, key: Mapping[str, Sign]) -> Svg | None:
    """Draw how right every model's surest answers are; None where nothing is known.

    Parameters
    ----------
    task : str
    rows : DataFrame
        Of ``selective``, of the task.
    key : mapping of str to Sign
    """
    rows = rows[(rows["question"] == "coverage") & rows["model"].isin(key)]
    rows = rows.sort_values("coverage", kind="stable")
    if rows["accuracy"].notna().sum() < 2:
        return None
    values = [*rows["accuracy"], *rows["low"], *rows["high"]]
    x = Axis(linear(rows["coverage"], *x_pixels(), within=_SHARES), "faces answered", percent)
    y = Axis(linear(values, *y_pixels(320), within=_SHARES), "right", percent)
    facts = "; ".join(
        f"{r['model']} {percent(round(r['accuracy'], 3))} of the surest {percent(r['asked'])}"
        for r in rows.to_dict("records")
        if math.isfinite(r["accuracy"])
    )
    frame = Frame(x, y, f"Accuracy of the surest answers, {task}", facts, 320)
    for model, part in rows.groupby("model", sort=False):
        sign = key[str(model)]
        points = list(zip(part["coverage"], part["accuracy"], strict=True))
        frame.line(points, f"stroke {sign.kind}")
        for x_value, y_value in points:
            frame.letter(x_value, y_value, sign.letter, sign.kind, str(model))
    return frame.svg


def reject_rows(rows: pd.DataFrame, key: Mapping[str, Sign]) -> list[dict[str, str]]:
    """Write how many faces each model can answer with an asked accuracy.

    Parameters
    ----------
    rows : DataFrame
        Of ``selective``, of one task.
    key : mapping of str to Sign
    """
    rows = rows[(rows["question"] == "accuracy") & rows["model"].isin(key)]
    return [
        {
            "model": row["model"],
            "asked": percent(row["asked"]),
            "threshold": _threshold(row["threshold"]),
            "coverage": _digits(100 * row["coverage"], 1),
            "accuracy": _digits(100 * row["accuracy"], 1)
            + _range(100 * row["low"], 100 * row["high"], 1),
        }
        for row in rows.to_dict("records")
    ]


def _threshold(value: float) -> str:
    return _digits(100 * value, 1) if math.isfinite(value) else "none found"


def _digits(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "–"


def _range(low: float, high: float, decimals: int) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f" ({low:.{decimals}f} to {high:.{decimals}f})"
