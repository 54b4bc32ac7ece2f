"""The audit: what in a data set would make its scores better, or worse, than they are.

Copies of photos, the same person on both sides of a fold, labels that look wrong, and classes that
are rare. Everything is found in the 128-number embedding of dlib's face ResNet, in which photos of
one person lie together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from featurex.audit.crowds import LFW_RADIUS, SAME_PERSON, crowd_distance
from featurex.audit.labels import class_balance, find_wrong_labels
from featurex.audit.match_rates import match_rates
from featurex.audit.pairs import LIKENESS, describe_pairs
from featurex.comparison.design import Design
from featurex.comparison.face_table import FaceTable
from featurex.models.options import ModelOptions
from pipelines import subject_codes
from pipelines.audit.clusters import average_linkage
from pipelines.audit.neighbours import close_pairs

BACKBONE = "dlib-resnet:embedding"
# Wider, since a wrong join costs a little balance of the folds, and a missed one leaks. FG-NET: of
# the pairs in one cluster 97.9 % are one person's, and 35 % of all pairs of one person are found.
CLUSTER = 0.8
RADII = (0.5, 0.6, 0.7, 0.8, 0.9)

N_STEPS = 6


@dataclass(frozen=True)
class AuditOptions:
    """What counts as near.

    Attributes
    ----------
    same_person : float
        Largest distance of two photos that are likely of one person, relative to their crowds.
    cluster : float
        Largest root mean square distance of two clusters that are joined; at least `same_person`.
    likeness : float
        Smallest correlation of the chips of two copies of one photo.
    n_folds, seed : int
        Of the folds, as `featurex compare` makes them.
    subjects_known : bool
        Whether the subjects, if any, are the data set's own. Clusters of an earlier audit decide
        the folds only: they can't judge what they come from.
    """

    same_person: float = SAME_PERSON
    cluster: float = CLUSTER
    likeness: float = LIKENESS
    n_folds: int = 5
    seed: int = 0
    subjects_known: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.same_person <= self.cluster:
            raise ValueError(
                "Distances must be positive, and that of one person at most that of a cluster. Got "
                f"{self.same_person} and {self.cluster}."
            )


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found.

    Attributes
    ----------
    faces : FaceTable
        What was looked at; row numbers below are of its table.
    options : AuditOptions
    pairs : DataFrame
        Of likely one person, as `featurex.audit.pairs.describe_pairs`; nearest first.
    fold : ndarray of shape (n,), int64
        The fold of each row.
    fold_note : str
        How the folds came about.
    clusters : ndarray of shape (n,), int64
        The likely person of each row.
    rates : DataFrame
        As `featurex.audit.match_rates.match_rates`, with `kind`: ``"relative"`` distances, and
        dlib's own threshold as ``"absolute"``.
    labels : DataFrame
    unchecked : dict of str to str
        As `featurex.audit.labels.find_wrong_labels`.
    balance : DataFrame
        As `featurex.audit.labels.class_balance`.
    """

    faces: FaceTable
    options: AuditOptions
    pairs: pd.DataFrame
    fold: np.ndarray
    fold_note: str
    clusters: np.ndarray
    rates: pd.DataFrame
    labels: pd.DataFrame
    unchecked: dict[str, str]
    balance: pd.DataFrame

    @property
    def known_subjects(self) -> pd.Series:
        """The subject that the data set itself names for each row, or None."""
        return _known_subjects(self.faces, self.options)

    def subject_ids(self) -> list[str]:
        """Name each row's cluster by the smallest `image_id` in it: the order does not matter."""
        ids = self.faces.table["image_id"]
        smallest = ids.groupby(self.clusters).transform("min")
        return ("cluster-" + smallest.str[:16]).tolist()

    def leaks(self) -> pd.DataFrame:
        """Count for each fold the tested photos whose person is likely in training.

        Returns
        -------
        DataFrame
            `fold` (str; the last is ``"all"``), `photos`, `leaking` (photos with a likely photo of
            the same person, or a copy, in another fold), `share`, `pairs` (across this fold's
            edge; each is counted for both of its folds, and once for ``"all"``).
        """
        across = self.pairs[self.pairs["across"]]
        first, second = across["first"].to_numpy(int), across["second"].to_numpy(int)
        leaking = np.zeros(len(self.fold), dtype=bool)
        leaking[first] = leaking[second] = True
        rows = []
        for number in np.unique(self.fold):
            here = self.fold == number
            n_pairs = int((here[first] | here[second]).sum())
            rows.append((str(number), int(here.sum()), int(leaking[here].sum()), n_pairs))
        rows.append(("all", len(leaking), int(leaking.sum()), len(across)))
        table = pd.DataFrame(rows, columns=["fold", "photos", "leaking", "pairs"])
        table.insert(3, "share", table["leaking"] / table["photos"])
        return table


def audit(
    faces: FaceTable,
    options: AuditOptions | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> Audit:
    """Look through a data set.

    Parameters
    ----------
    faces : FaceTable
        With the embeddings of `BACKBONE`.
    options : AuditOptions, optional
    on_step : callable
        Called with what was finished, `N_STEPS` times.

    Returns
    -------
    Audit

    Raises
    ------
    ValueError
        There are too few photos, or subjects, for the folds.
    """
    options = options or AuditOptions()
    table = faces.table
    fold, fold_note = _folds(faces, options)
    X = np.asarray(faces.cache.embedding_column(table["image_id"].tolist())[:])
    scale = crowd_distance(X)
    on_step("crowds")
    near = close_pairs(X, options.cluster, scale=scale)
    on_step("neighbours")
    clusters = average_linkage(X, near, options.cluster, scale)
    on_step("clusters")
    named = table.assign(subject_id=_known_subjects(faces, options))
    chips = faces.cache.chip_column
    pairs = describe_pairs(
        X, named, chips, near.within(options.same_person), fold, options.likeness
    )
    on_step("near-duplicates")
    rates = _rates(X, scale, named, options)
    on_step("match rates")
    people = clusters if faces.groups is None else subject_codes(faces.groups.tolist(), len(table))
    labels, unchecked = find_wrong_labels(
        X, table, people, n_folds=options.n_folds, seed=options.seed
    )
    on_step("labels")
    balance = class_balance(table)
    return Audit(
        faces=faces,
        options=options,
        pairs=pairs,
        fold=fold,
        fold_note=fold_note,
        clusters=clusters,
        rates=rates,
        labels=labels,
        unchecked=unchecked,
        balance=balance,
    )


def _rates(
    X: np.ndarray, scale: np.ndarray, table: pd.DataFrame, options: AuditOptions
) -> pd.DataFrame:
    radii = sorted({*RADII, options.same_person})
    relative = match_rates(X, table, radii, scale, options.seed).assign(kind="relative")
    absolute = match_rates(X, table, [LFW_RADIUS], None, options.seed).assign(kind="absolute")
    return pd.concat([relative, absolute], ignore_index=True)


def _known_subjects(faces: FaceTable, options: AuditOptions) -> pd.Series:
    subjects = faces.table["subject_id"]
    return subjects if options.subjects_known else pd.Series(None, subjects.index, dtype=object)


def _folds(faces: FaceTable, options: AuditOptions) -> tuple[np.ndarray, str]:
    """Return the folds to look across: the data set's own also where they leak."""
    own = faces.table["fold"]
    if own.notna().all():
        return own.to_numpy(np.int64), f"the data set's own {own.nunique()} folds"
    design = Design((), (), "auto", options.n_folds, ModelOptions(seed=options.seed))
    folds = faces.folds(design)
    return folds.fold, folds.note
