"""An audit in numbers and words: its findings, and how they came about."""

from __future__ import annotations

import numpy as np
import pandas as pd

from featurex.audit.auditing import Audit
from featurex.audit.crowds import LFW_ACCURACY, LFW_RADIUS, crowd_rank
from featurex.audit.match_rates import OTHER_GENDER
from featurex.audit.pairs import DUPLICATE, PERSON
from pipelines.report.words import count


def findings(audit: Audit) -> pd.DataFrame:
    """Count what was found.

    Returns
    -------
    DataFrame
        `finding` (str), `count` (int) and `detail` (str).
    """
    rows = [
        *_photos(audit),
        *_pairs(audit, DUPLICATE, "near-duplicate pairs"),
        *_pairs(audit, PERSON, "other pairs of likely one person"),
        *_leaks(audit),
        *_clusters(audit),
        *_labels(audit),
    ]
    return pd.DataFrame(rows, columns=["finding", "count", "detail"])


def notes(audit: Audit) -> list[str]:
    """Say how the findings came about, and what they are not."""
    options = audit.options
    near = audit.rates[audit.rates["radius"] == options.same_person].iloc[0]
    lfw = audit.rates[audit.rates["kind"] == "absolute"].iloc[0]
    return [
        *audit.faces.manifest.notes,
        f"Folds: {audit.fold_note}. Seed {options.seed}.",
        f"Same person: two photos at most {options.same_person:g} times as far apart, in dlib's "
        f"128-number embedding, as their {crowd_rank(len(audit.fold))}th nearest photos are (the "
        "geometric mean of both).",
        f"dlib takes photos within {LFW_RADIUS:g} for one person, which is right for "
        f"{LFW_ACCURACY:.2%} of LFW's pairs, half of which are one person's. Of all pairs of a "
        "data set nearly none are, and to dlib all small children look alike: here "
        f"{count(lfw['pairs'], 'pair')} within {LFW_RADIUS:g}.",
        _rate_note(near),
        "On FG-NET, whose people are known, 98.4% of the pairs within 0.75 were one person's, and "
        "29% of one person's pairs were found (the 0.75 was chosen there, so expect less).",
        "Near-duplicate: likely the same person, and the aligned chips (one of them moved a "
        f"little, or mirrored) correlate by {options.likeness:g} or more at 32x32 grey pixels.",
        f"Clusters: average linkage on squared relative distances up to {options.cluster:g}, so no "
        "two groups are joined for one close pair. They are guesses of a network.",
        "Labels to look at: confident learning (Northcutt et al. 2021) on out-of-fold logistic "
        "regressions; an age group only where the likely one is not next to it. A face that looks "
        "older than it is has no wrong label.",
        *(f"Labels of {task} were not checked: {why}" for task, why in audit.unchecked.items()),
    ]


def cluster_quality(audit: Audit) -> tuple[float, float] | None:
    """Compare the clusters with the data set's own subjects.

    Returns
    -------
    (precision, recall) or None
        Of pairs in one cluster: the share of one subject; of pairs of one subject: the share in one
        cluster. Over photos whose subject is named; None where no pair is, or in no cluster.
    """
    subjects = audit.known_subjects
    known = subjects.notna().to_numpy()
    both = pd.crosstab(subjects[known].to_numpy(object), audit.clusters[known]).to_numpy()
    together, clustered, named = (
        int((n * (n - 1) // 2).sum()) for n in (both, both.sum(axis=0), both.sum(axis=1))
    )
    return (together / clustered, together / named) if clustered and named else None


def _photos(audit: Audit) -> list[tuple[str, int, str]]:
    manifest = audit.faces.manifest
    fate = manifest.copies["fate"]
    conflicting = int((fate == "conflicting labels").sum())
    return [
        ("faces looked at", len(audit.faces.table), f"of {count(manifest.found, 'row')} found"),
        (
            "files equal byte by byte to another",
            len(fate),
            f"of {count(manifest.copies['image_id'].nunique(), 'photo')}; dropped as copies: "
            f"{int((fate == 'duplicate').sum())}, for conflicting labels: {conflicting}",
        ),
    ]


def _pairs(audit: Audit, kind: str, name: str) -> list[tuple[str, int, str]]:
    pairs = audit.pairs[audit.pairs["kind"] == kind]
    photos = np.unique(pairs[["first", "second"]])
    rows = [(name, len(pairs), count(len(photos), "photo"))]
    conflicts = pairs.loc[pairs["conflict"] != "", "conflict"]
    kinds = conflicts.str.split(", ").explode().value_counts()
    detail = ", ".join(f"{word}: {number:,}" for word, number in kinds.items())
    rows.append(("– their labels contradict each other", len(conflicts), detail))
    if (pairs["subjects"] != "").any():
        different = int((pairs["subjects"] == "different").sum())
        rows.append(("– the data set names two subjects", different, ""))
    return rows


def _leaks(audit: Audit) -> list[tuple[str, int, str]]:
    everything = audit.leaks().iloc[-1]
    leaking, pairs = int(everything["leaking"]), int(everything["pairs"])
    people = pd.DataFrame({"subject": audit.faces.table["subject_id"], "fold": audit.fold})
    straddling = int((people.dropna().groupby("subject")["fold"].nunique() > 1).sum())
    detail = f"{everything['share']:.1%} of all; {count(pairs, 'pair')}"
    rows = [("photos whose likely person is also in another fold", leaking, detail)]
    return rows + [("named subjects in more than one fold", straddling, "")] * bool(straddling)


def _clusters(audit: Audit) -> list[tuple[str, int, str]]:
    sizes = np.bincount(audit.clusters)
    several = sizes[sizes > 1]
    detail = f"{count(several.sum(), 'photo')}; the largest has {sizes.max()}"
    rows = [("clusters of two photos or more", len(several), detail)]
    if quality := cluster_quality(audit):
        precision, recall = quality
        rows[0] = (
            *rows[0][:2],
            f"{detail}; against the named subjects: precision {precision:.1%}, recall "
            f"{recall:.1%} of pairs",
        )
    return rows


def _labels(audit: Audit) -> list[tuple[str, int, str]]:
    tasks = audit.labels["task"].value_counts(sort=False)
    return [(f"labels to look at: {task}", int(number), "") for task, number in tasks.items()]


def _rate_note(near: pd.Series) -> str:
    if not near["basis"]:
        return "The labels tell no two people apart, so the rate of false matches is not known."
    text = (
        f"Measured here: {near['different']:,} of {near['compared']:,} {near['basis']} lie "
        f"within {near['radius']:g} ({near['rate']:.2g})"
    )
    if near["basis"] == OTHER_GENDER:
        return (
            f"{text}; wrong labels among them make that too high, but people of one gender look "
            "more alike, which makes it too low for those."
        )
    return f"{text}; people under two names among them make that too high."
