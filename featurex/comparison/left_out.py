"""What a comparison says of the photos that its data sets' readers left out."""

from collections.abc import Mapping

from featurex.manifest import NOT_SAMPLED

MOST_REASONS = 4  # a hostile label file could name a new reason in each row


def left_out(dropped: Mapping[str, int]) -> str:
    """Return half a sentence on what was dropped, by reason; empty where nothing was.

    What is not in a sample is left to the sample's own note.

    Parameters
    ----------
    dropped : mapping of str to int
        As in `featurex.manifest.Manifest`.

    Examples
    --------
    >>> left_out({"duplicate": 7, "conflicting labels": 46, "not in the sample": 300})
    '; left out before: 53 (conflicting labels: 46, duplicate: 7)'
    """
    counts = {why: n for why, n in dropped.items() if n and not why.startswith(NOT_SAMPLED)}
    if not counts:
        return ""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    reasons = [f"{why}: {n}" for why, n in ranked[:MOST_REASONS]]
    if rest := sum(n for _, n in ranked[MOST_REASONS:]):
        reasons.append(f"other reasons: {rest}")
    return f"; left out before: {sum(counts.values())} ({', '.join(reasons)})"
