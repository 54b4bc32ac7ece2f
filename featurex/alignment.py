"""One photo to its face chip, and what the cache keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurex import spaces
from featurex.exceptions import PhotoError
from featurex.face_cache import FaceCache
from featurex.faces import Face
from featurex.hashing import image_id
from featurex.images import decode, read_photo

CHANGED = "changed since it was listed"
_NOWHERE = Face(np.zeros(4, np.int32), np.zeros((5, 2), np.int32), 0.0)


@dataclass(frozen=True)
class Photo:
    """A photo to embed: its file, and the hash of the bytes that were listed."""

    image_id: str
    path: str


@dataclass(frozen=True, eq=False)
class Alignment:
    """What became of a photo.

    Attributes
    ----------
    photo : Photo
    status : int
        `spaces.FOUND`, `spaces.NO_FACE` or `spaces.UNREADABLE`.
    reason : str
        Why it is unreadable.
    face : Face or None
        A face that the cache does not hold yet.
    chip : ndarray of shape (size, size, 3), uint8, or None
        A chip that the cache does not hold yet.
    lasting : bool
        Whether the content is to blame: a damaged image stays one, a missing file may come back.
    """

    photo: Photo
    status: int = spaces.FOUND
    reason: str = ""
    face: Face | None = None
    chip: np.ndarray | None = None
    lasting: bool = True


def align(photo: Photo, cache: FaceCache, stored: Face | None = None) -> Alignment:
    """Find and cut out a photo's central face; never raises for what a file holds.

    Parameters
    ----------
    photo : Photo
    cache : FaceCache
        Says how to align, and for which chips.
    stored : Face, optional
        The photo's face as an earlier run found it: nothing is detected again.
    """
    try:
        data = read_photo(photo.path)
    except PhotoError as error:
        return Alignment(photo, spaces.UNREADABLE, error.reason, lasting=False)
    if image_id(data) != photo.image_id:
        return Alignment(photo, spaces.UNREADABLE, CHANGED, lasting=False)
    try:
        pixels = decode(data, photo.path)
    except PhotoError as error:
        return Alignment(photo, spaces.UNREADABLE, error.reason)
    face = stored or cache.aligner.central_face(pixels)
    if face is None:
        return Alignment(photo, spaces.NO_FACE)
    chip = cache.aligner.chip(pixels, face, cache.backbone.chip_size, cache.backbone.padding)
    return Alignment(photo, face=None if stored else face, chip=chip)


def stored_faces(image_ids: Sequence[str], cache: FaceCache) -> dict[str, Face]:
    """Return the faces that the cache holds of these photos; all must have been found."""
    ids = _among(image_ids, cache.faces.contains(image_ids))
    if not ids:
        return {}
    columns = (cache.faces.column(name, ids)[:] for name in ("box", "landmarks", "score"))
    return {i: Face(*values) for i, *values in zip(ids, *columns, strict=True)}


def stored_statuses(image_ids: Sequence[str], cache: FaceCache) -> dict[str, tuple[int, str]]:
    """Return status and reason of those of these photos that the cache knows."""
    ids = _among(image_ids, cache.faces.contains(image_ids))
    if not ids:
        return {}
    status, reason = (cache.faces.column(name, ids)[:] for name in ("status", "reason"))
    return {
        i: (int(s), r.decode(errors="replace")) for i, s, r in zip(ids, status, reason, strict=True)
    }


def store_alignments(alignments: Sequence[Alignment], cache: FaceCache) -> None:
    """Append what is new to the faces and the chips: chips first.

    A run that is killed between the two then has chips whose faces are found again, and never
    faces that are thought to have chips.
    """
    chips = {a.photo.image_id: a.chip for a in alignments if a.chip is not None}
    new = _among(list(chips), ~cache.chips.contains(list(chips)))
    if new:
        cache.chips.append(new, {"chip": np.stack([chips[i] for i in new])})
    rows = [a for a in alignments if a.lasting and (a.face or a.status != spaces.FOUND)]
    if rows:
        cache.faces.append([a.photo.image_id for a in rows], _face_columns(rows))


def _face_columns(rows: Sequence[Alignment]) -> dict[str, np.ndarray]:
    faces = [row.face or _NOWHERE for row in rows]
    return {
        "status": np.array([row.status for row in rows], np.uint8),
        "reason": np.array([row.reason.encode()[:160] for row in rows], "S160"),
        "box": np.stack([face.box for face in faces]),
        "landmarks": np.stack([face.landmarks for face in faces]),
        "score": np.array([face.score for face in faces], np.float32),
    }


def _among(image_ids: Sequence[str], mask: np.ndarray) -> list[str]:
    return [i for i, there in zip(image_ids, mask, strict=True) if there]
