"""A data set as it is used: read, cut down to some ages or rows, its subjects from a file."""

from __future__ import annotations

from pathlib import Path

from featurex import datasets
from featurex.datasets.age_range import AgeRange, keep_ages
from featurex.datasets.subject_files import with_subjects
from featurex.manifest import Manifest


def read_dataset(
    name: str,
    root: str | Path | None = None,
    *,
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
    kept = AgeRange.parse(ages) if ages is not None else None  # a wrong one costs no reading
    given = {option: value for option, value in options.items() if value is not None}
    manifest = datasets.read(name, root, **given)
    if kept:
        manifest = keep_ages(manifest, kept)
    if limit is not None:
        manifest = manifest.sample(limit, seed)
    # Last, so that its note counts the photos that are used.
    return manifest if subjects is None else with_subjects(manifest, Path(subjects))
