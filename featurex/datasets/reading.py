"""A data set as it is used: read, cut down to some ages or rows, its subjects from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from featurex import datasets
from featurex.datasets.age_range import AgeRange, keep_ages
from featurex.datasets.subject_files import with_subjects
from featurex.manifest import Manifest

LONGEST = 60  # characters of what a data set is called


def read_dataset(
    name: str,
    root: str | Path | None = None,
    *,
    called: str | None = None,
    ages: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    subjects: str | Path | None = None,
    **options: str | None,
) -> Manifest:
    """Read a data set, or the part of it that is asked for.

    Parameters
    ----------
    name : str
        As ``featurex datasets`` lists them, such as ``"csv"``.
    root : path-like, optional
        Where it is: a folder, or for ``"csv"`` a file. Only ``"people"`` does without.
    called : str, optional
        What tables, captions and cards call it; by default its `name`.
    ages : str, optional
        Keeps these years only, both inside, such as ``"21-60"``.
    limit : int, optional
        Keeps so many rows, drawn at random.
    seed : int
        Of that draw.
    subjects : path-like, optional
        CSV of image_id and subject_id, as ``featurex audit --write-subjects`` makes it.
    **options : str, optional
        The reader's: `age_policy` (``"strict"`` or ``"nearest"``) of all, `photos` (``"aligned"``
        or ``"faces"``) of ``"adience"``, `age_kind` (``"real"`` or ``"apparent"``) of
        ``"appa-real"``. None is the default.

    Returns
    -------
    Manifest
        The photos with their labels, and what was dropped.

    Raises
    ------
    ValueError
        The name, an option or its value is unknown, or `root` is needed.
    DatasetError
        A file can't be read, or no photo is left.

    Examples
    --------
    >>> len(read_dataset("people", ages="4-13")), len(read_dataset("people", limit=10))
    (72, 10)
    """
    # What is wrong with these costs no reading.
    kept = AgeRange.parse(ages) if ages is not None else None
    called = _checked(called)
    given = {option: value for option, value in options.items() if value is not None}
    manifest = datasets.read(name, root, **given)
    if called is not None:
        manifest = replace(manifest, dataset=called, table=manifest.table.assign(dataset=called))
    if kept:
        manifest = keep_ages(manifest, kept)
    if limit is not None:
        manifest = manifest.sample(limit, seed)
    # Last, so that its note counts the photos that are used.
    return manifest if subjects is None else with_subjects(manifest, Path(subjects))


def _checked(called: str | None) -> str | None:
    if called is None or (called.strip() and called.isprintable() and len(called) <= LONGEST):
        return called
    raise ValueError(
        f"A data set is called by 1 to {LONGEST} printable characters. Got {called[:20]!r}."
    )
