"""``featurex datasets`` and ``featurex backbones``: what can be named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from featurex.cli.guard import guarded
from featurex.cli.options import Json
from featurex.cli.screen import print_json, print_table, say

if TYPE_CHECKING:
    import pandas as pd


@guarded
def datasets(json: Json = False) -> None:
    """List the data sets that can be read."""
    from featurex.datasets import describe

    table = describe()
    if json:
        print_json(table.to_dict("records"))
    else:
        print_table(table)


@guarded
def backbones(json: Json = False) -> None:
    """List what can make embeddings. Size, length of an embedding, licence, weights."""
    from featurex.backbones.catalogue import DOWNLOAD, describe

    table = describe()
    table = table.astype(object).where(table.notna(), None)
    if json:
        print_json(table.to_dict("records"))
        return
    print_table(_shown(table))
    files = table.loc[table["weights"] == DOWNLOAD, "file"].dropna()
    if len(files):
        say(
            "Weights to download are looked for first in "
            f"{Path(files.iloc[0]).parent}; --weights FILE names a file anywhere."
        )


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table for a screen: short names, and rounded numbers."""
    short = table.rename(
        columns={"n_features": "numbers", "parameters": "million weights", "megabytes": "MB"}
    ).drop(columns="file")
    short["million weights"] = [n if n is None else f"{n / 1e6:.1f}" for n in table["parameters"]]
    short["MB"] = [n if n is None else f"{n:.0f}" for n in table["megabytes"]]
    return short.where(short.notna(), "–")
