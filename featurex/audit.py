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

from featurex.audit_labels import class_balance, find_wrong_labels
from featurex.design import Design
from featurex.face_table import FaceTable
from featurex.labels import UNDEFINED
from featurex.likeness import likeness, thumbnails
from featurex.match_rates import match_rates
from featurex.models import ModelOptions
from pipelines import subject_codes
from pipelines.clusters import average_linkage
from pipelines.distance_blocks import neighbour_distance, pair_distances
from pipelines.neighbours import ClosePairs, close_pairs

BACKBONE = "dlib-resnet:embedding"
# dlib's documentation: pairs within 0.6 are one person, which is right for 99.38 % of LFW's pairs.
LFW_RADIUS, LFW_ACCURACY = 0.6, 0.9938
# To dlib all small children look alike: among UTKFace's pairs of children under ten within 0.4,
# 44 % are a girl and a boy, as if drawn at random, where among adults' it is 3 %. So a photo's own
# measure is how far away its 50th nearest photo is (never more than makes 0.6 the limit), and a
# distance is divided by that of both photos. On FG-NET, whose 82 people are known, of the pairs
# within 0.75 of that 98.4 % are one person's, and 29 % of all pairs of one person are found;
# within 0.4 as it is, 81.6 % and 18 %.
CROWD, SAME_PERSON = 50, 0.75
# Wider, since a wrong join costs a little balance of the folds, and a missed one leaks. FG-NET: of
# the pairs in one cluster 97.9 % are one person's, and 35 % of all pairs of one person are found.
CLUSTER = 0.8
SMALLEST_SCALE = 0.05  # where more than 50 copies of one photo are at distance 0
# Looked at on UTKFace: above it all were copies of one picture, mirrored ones too.
LIKENESS = 0.95
RADII = (0.5, 0.6, 0.7, 0.8, 0.9)

DUPLICATE, PERSON = "near-duplicate", "same person"
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
        `kind` (`DUPLICATE` or `PERSON`), `first`, `second` (row numbers), `distance` (Euclidean),
        `relative` (to the crowds of both), `likeness` (correlation of the chips), `conflict` (str:
        the labels that can't both be right, or ""), `subjects` (``"same"``, ``"different"`` or
        ""), `across` (bool: in two folds). Nearest first, by `relative`.
    n_near : int
        The pairs near enough for a cluster; fewer are known where a photo has more than 64.
    fold : ndarray of shape (n,), int64
        The fold of each row.
    fold_note : str
        How the folds came about.
    clusters : ndarray of shape (n,), int64
        The likely person of each row.
    rates : DataFrame
        As `featurex.match_rates.match_rates`, with `kind`: ``"relative"`` distances, and dlib's own
        threshold as ``"absolute"``.
    labels : DataFrame
        As `featurex.audit_labels.find_wrong_labels`.
    balance : DataFrame
        As `featurex.audit_labels.class_balance`.
    """

    faces: FaceTable
    options: AuditOptions
    pairs: pd.DataFrame
    n_near: int
    fold: np.ndarray
    fold_note: str
    clusters: np.ndarray
    rates: pd.DataFrame
    labels: pd.DataFrame
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
    pairs = _pairs(faces, X, near.within(options.same_person), fold, options)
    on_step("near-duplicates")
    named = table.assign(subject_id=_known_subjects(faces, options))
    rates = _rates(X, scale, named, options)
    on_step("match rates")
    people = clusters if faces.groups is None else subject_codes(faces.groups.tolist(), len(table))
    labels = find_wrong_labels(X, table, people, n_folds=options.n_folds, seed=options.seed)
    on_step("labels")
    balance = class_balance(table)
    return Audit(
        faces, options, pairs, near.n_found, fold, fold_note, clusters, rates, labels, balance
    )


def crowd_rank(n_rows: int) -> int:
    """Return which neighbour of a photo is its crowd: the 50th, in small data sets a nearer one.

    There it is the 20th part of the photos, but not below the 10th, for a person's own photos must
    not be the crowd.
    """
    return min(CROWD, max(10, n_rows // 20), n_rows - 1)


def crowd_distance(X: np.ndarray) -> np.ndarray:
    """Return each row's measure of near: how far away its crowd is.

    Parameters
    ----------
    X : ndarray of shape (n, 128)
        At least two rows.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    found = neighbour_distance(X, crowd_rank(len(X)))
    return np.clip(found, SMALLEST_SCALE, LFW_RADIUS / SAME_PERSON)


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


def _pairs(
    faces: FaceTable, X: np.ndarray, near: ClosePairs, fold: np.ndarray, options: AuditOptions
) -> pd.DataFrame:
    alike = _likeness(faces, near)
    found = pd.DataFrame(
        {
            "kind": np.where(alike >= options.likeness, DUPLICATE, PERSON),
            "first": near.first,
            "second": near.second,
            "distance": pair_distances(X, near.first, near.second),
            "relative": near.distance,
            "likeness": alike,
        }
    )
    one, other = (
        faces.table.iloc[found[side]].reset_index(drop=True) for side in ("first", "second")
    )
    conflicts = _conflicts(one, other, (found["kind"] == DUPLICATE).to_numpy())
    found["conflict"] = pd.Series(conflicts, dtype=object)
    subjects = _known_subjects(faces, options).to_numpy(object)
    found["subjects"] = _subjects(subjects[near.first], subjects[near.second])
    found["across"] = fold[found["first"]] != fold[found["second"]]
    return found


def _likeness(faces: FaceTable, near: ClosePairs) -> np.ndarray:
    """Compare the chips of what is likely one person; only those are read."""
    rows, where = np.unique(np.concatenate([near.first, near.second]), return_inverse=True)
    if not len(rows):
        return np.zeros(0)
    ids = faces.table["image_id"].iloc[rows].tolist()
    first, second = where.reshape(2, -1)
    return likeness(thumbnails(faces.cache.chip_column(ids)), first, second)


def _conflicts(one: pd.DataFrame, other: pd.DataFrame, copies: np.ndarray) -> list[str]:
    """Name the labels that differ: of copies any, of photos of one person the gender."""
    names = ("gender", "age", "age_group", "race")
    differ = {}
    for name in names:
        known = _known(one[name]) & _known(other[name])
        unequal = one[name].astype(object) != other[name].astype(object)
        differ[name] = (known & unequal).to_numpy() & (copies | (name == "gender"))
    differ["age_group"] = differ["age_group"] & ~differ["age"]
    return [
        ", ".join(name.replace("_", " ") for name in names if differ[name][row])
        for row in range(len(one))
    ]


def _known(labels: pd.Series) -> pd.Series:
    return labels.notna() & (labels.astype(object) != UNDEFINED)


def _subjects(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    words = np.where(one == other, "same", "different").astype(object)
    words[pd.isna(one) | pd.isna(other)] = ""
    return words
