"""What became of the photos of an extraction."""

from __future__ import annotations

from dataclasses import dataclass, field

from featurex.extraction import spaces

NO_FACE = "no face found"


@dataclass
class ExtractionReport:
    """What became of every photo: the groups of `counts` add up to `n_photos`.

    Attributes
    ----------
    n_photos, n_cached, n_new : int
        Different photos asked for; those whose embeddings were all there; those of which at least
        one was made now.
    n_restored : int
        Of `n_cached`: whose face or chip was lost, and was made again now.
    without_face : list of str
        Paths of the photos in which no face was found, now or before.
    unusable : dict of str to list of str
        Paths of the photos that can't be read or decoded, by reason.
    seconds : float
        Wall-clock time.
    """

    n_photos: int = 0
    n_cached: int = 0
    n_new: int = 0
    n_restored: int = 0
    without_face: list[str] = field(default_factory=list)
    unusable: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def n_skipped(self) -> int:
        """Photos without an embedding."""
        return len(self.without_face) + sum(map(len, self.unusable.values()))

    def counts(self) -> dict[str, int]:
        """Count the photos by what became of them."""
        made = {"embedded now": self.n_new, "embedded before": self.n_cached}
        unusable = {reason: len(paths) for reason, paths in sorted(self.unusable.items())}
        return made | {NO_FACE: len(self.without_face)} | unusable

    def skip(self, path: str, status: int, reason: str) -> None:
        """Note a photo without an embedding."""
        if status == spaces.NO_FACE:
            self.without_face.append(path)
        else:
            self.unusable.setdefault(reason, []).append(path)
