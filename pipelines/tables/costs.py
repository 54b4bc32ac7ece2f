"""What models cost: the times of all fits, averaged."""

import numpy as np
import pandas as pd

from pipelines.tasks import Task

# What a network's row of the timings may have beside the others'.
NETWORK_COSTS = ("n_parameters", "seconds_per_epoch")


def train_rows(timings: pd.DataFrame | None, task: Task) -> float | None:
    """Return on how many rows a model of a task was trained, on average; None where unknown."""
    if timings is None or "n_train" not in timings:
        return None
    rows = timings.loc[timings["task"] == task.name, "n_train"]
    return None if rows.empty else float(rows.mean())


def cost_table(timings: pd.DataFrame | None) -> pd.DataFrame:
    """Average what the fits of each model cost, over folds.

    Parameters
    ----------
    timings : DataFrame or None
        As of `compare`.

    Returns
    -------
    DataFrame
        One row a task and model: ``fit_seconds``, ``ms_per_face`` (each face counts alike), and of
        networks ``n_parameters`` and ``seconds_per_epoch``; NaN where unknown.
    """
    means = ["fit_seconds", *NETWORK_COSTS]
    names = ["task", "model", "fit_seconds", "ms_per_face", *NETWORK_COSTS]
    if timings is None or timings.empty:
        return pd.DataFrame(columns=names).astype(dict.fromkeys(names[2:], float))
    missing = {name: np.nan for name in NETWORK_COSTS if name not in timings}
    weighted = timings.assign(ms=timings["predict_ms_per_row"] * timings["n_test"], **missing)
    groups = weighted.groupby(["task", "model"], as_index=False)
    sums = groups.agg(
        ms=("ms", "sum"), n_test=("n_test", "sum"), **{name: (name, "mean") for name in means}
    )
    return sums.assign(ms_per_face=sums["ms"] / sums["n_test"])[names]
