"""Whether an audit is of the faces that a run compares: both know a photo by its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from featurex.exceptions import RunError
from featurex.files import open_regular
from pipelines.report import AuditedFaces
from pipelines.report.words import count

MAX_BYTES = 1 << 30  # a row a face, or one a face, task and model


def audited_faces(run: Path, audit: Path) -> AuditedFaces | None:
    """Count the faces of a run that an audit looked at.

    Parameters
    ----------
    run, audit : Path
        Folders of a comparison and of an audit.

    Returns
    -------
    AuditedFaces or None
        None where the run has no ``predictions.csv``, and so does not say which faces it compares.

    Raises
    ------
    RunError
        The audit is of other data, or a file can't be used.
    """
    predictions = run / "predictions.csv"
    if not predictions.exists():
        return None
    return count_audited(audit, _image_ids(predictions, "compare"))


def count_audited(audit: Path, image_ids: Iterable[str]) -> AuditedFaces:
    """Count those of some photos that an audit looked at.

    Parameters
    ----------
    audit : Path
        Folder of an audit.
    image_ids : iterable of str

    Raises
    ------
    RunError
        It looked at none of them, or its ``clusters.csv`` can't be used.
    """
    looked_at, compared = set(_image_ids(audit / "clusters.csv", "audit")), set(image_ids)
    found = AuditedFaces(len(looked_at), len(compared), len(looked_at & compared))
    if not found.both:
        raise RunError(
            f"{audit} is an audit of other data: of its {count(found.audited, 'face')} none is "
            f"among the {found.compared:,} to compare. Name the folder of their audit with --audit."
        )
    return found


def _image_ids(path: Path, verb: str) -> pd.Series:
    try:
        with open_regular(path, MAX_BYTES) as file:
            options = {"dtype": str, "usecols": ["image_id"], "keep_default_na": False}
            return pd.read_csv(file, encoding_errors="backslashreplace", **options)["image_id"]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    except ValueError as error:  # pandas' parser errors are such
        reason = f"no table of faces ({' '.join(str(error).split())})"
    raise RunError(f"{path}: {reason}. Run 'featurex {verb}' again.")
