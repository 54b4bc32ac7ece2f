"""Every photo of an extraction in a CSV file, with its key in the cache."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from featurex.exceptions import FeaturexError
from featurex.extraction.report import NO_FACE, ExtractionReport
from featurex.files import replacing
from featurex.manifest import Manifest

EMBEDDED, _COPY = "embedded", "duplicate"


def list_photos(manifest: Manifest, report: ExtractionReport) -> pd.DataFrame:
    """Tell what became of every photo.

    Parameters
    ----------
    manifest : Manifest
    report : ExtractionReport
        Of the same photos.

    Returns
    -------
    DataFrame
        `path`; `image_id`, the SHA-256 of its bytes, which is the key of its rows in the cache; and
        `status`: ``"embedded"``, ``"no face found"``, why it can't be read, or ``"conflicting
        labels"``. In the manifest's order; then the copies that it leaves out, of which each has
        the status of the one that is kept; then the files that could not be read at all, or are
        empty, which have no `image_id`.
    """
    status = dict.fromkeys(manifest.table["path"], EMBEDDED)
    status |= dict.fromkeys(report.without_face, NO_FACE)
    status |= {path: reason for reason, paths in report.unusable.items() for path in paths}
    listed = manifest.table[["path", "image_id"]].assign(status=status.values())
    copies = manifest.copies[manifest.copies["fate"] != "kept"]
    of_kept = copies["image_id"].map(listed.set_index("image_id")["status"])
    others = copies[["path", "image_id"]].assign(status=of_kept.fillna(copies["fate"]))
    # What --limit or --ages left out is no photo of this extraction, nor are its copies.
    others = others[others["status"] != _COPY]
    unread = pd.DataFrame(manifest.unread.items(), columns=["path", "status"])
    return pd.concat([listed, others, unread.assign(image_id="")], ignore_index=True)


def write_list(photos: pd.DataFrame, path: Path) -> None:
    """Write what `list_photos` returns as CSV.

    Raises
    ------
    FeaturexError
        The file can't be written.
    """
    try:
        with replacing(path) as file:
            photos.to_csv(file, index=False, lineterminator="\n", errors="backslashreplace")
    except OSError as error:
        raise FeaturexError(f"{path}: can't be written ({error.strerror or error}).") from None
