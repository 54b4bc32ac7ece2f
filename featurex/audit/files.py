"""Writes an audit's files into a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from featurex.audit.auditing import Audit
from featurex.audit.findings import findings
from featurex.audit.page import audit_page

SIDE_COLUMNS = ("image_id", "path", "subject_id", "age", "age_group", "gender", "race")


def write_audit(audit: Audit, folder: Path, *, show_faces: bool = False) -> list[Path]:
    """Write an audit: tables as CSV, and the page of what to look at.

    Parameters
    ----------
    audit : Audit
    folder : Path
        Made where it is missing; files of the same names are replaced.
    show_faces : bool
        Whether the page holds face chips; otherwise the photos' names only.

    Returns
    -------
    list of Path
        ``findings.csv``, ``identical.csv``, ``pairs.csv``, ``folds.csv``, ``rates.csv``,
        ``labels.csv``, ``balance.csv``, ``clusters.csv`` and ``audit.html``.

    Raises
    ------
    OSError
        The folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "findings": findings(audit),
        "identical": audit.faces.manifest.copies,
        "pairs": pair_table(audit),
        "folds": audit.leaks(),
        "rates": audit.rates,
        "labels": audit.labels,
        "balance": audit.balance,
        "clusters": cluster_table(audit),
    }
    for name, table in tables.items():
        # A path may hold bytes that are no text.
        table.to_csv(
            folder / f"{name}.csv", index=False, encoding="utf-8", errors="backslashreplace"
        )
    page = folder / "audit.html"
    page.write_text(audit_page(audit, show_faces=show_faces), encoding="utf-8")
    return [*(folder / f"{name}.csv" for name in tables), page]


def pair_table(audit: Audit) -> pd.DataFrame:
    """Return the pairs with both photos' labels, ``…_a`` and ``…_b``, and folds."""
    parts = [audit.pairs.drop(columns=["first", "second"])]
    for side, column in (("a", "first"), ("b", "second")):
        rows = audit.pairs[column].to_numpy(int)
        labels = audit.faces.table.iloc[rows][list(SIDE_COLUMNS)].reset_index(drop=True)
        parts.append(labels.assign(fold=audit.fold[rows]).add_suffix(f"_{side}"))
    return pd.concat(parts, axis=1)


def cluster_table(audit: Audit) -> pd.DataFrame:
    """Return each photo's cluster, the largest clusters first, and its fold."""
    sizes = np.bincount(audit.clusters)[audit.clusters]
    table = audit.faces.table[["image_id", "path"]].assign(
        subject_id=audit.subject_ids(), photos=sizes, fold=audit.fold
    )
    order = np.lexsort((table.index, table["subject_id"], -sizes))
    return table.iloc[order].reset_index(drop=True)
