"""Writes the page of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from featurex._version import __version__
from featurex.files import replacing
from featurex.report.audited_faces import audited_faces
from featurex.report.run_folder import read_run
from pipelines.report import render


def write_report(
    run: Path, page: Path, *, audit: Path | None = None, cache: Path | None = None
) -> None:
    """Write the page of a run.

    Parameters
    ----------
    run : Path
        Folder of a comparison.
    page : Path
        The HTML file; it appears whole or not at all.
    audit : Path, optional
        Folder of an audit, for its findings.
    cache : Path, optional
        Folder of the run's cache: the faces of the worst mistakes are then in the page.

    Raises
    ------
    RunError
        A file of the run or of the audit can't be used, or the audit is of other data.
    OSError
        The page can't be written.
    """
    contents = read_run(run, audit)
    if audit is not None:
        contents = replace(contents, audited=audited_faces(run, audit))
    if cache is not None:
        from featurex.report.mistakes import worst_mistakes

        contents = replace(contents, mistakes=worst_mistakes(run, contents.record, cache))
    html = render(contents, version=__version__)
    with replacing(page) as part:
        part.write_text(html, encoding="utf-8")
