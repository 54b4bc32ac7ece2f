"""One photo to its face chips, and what the cache keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cache import Store
from featurex.exceptions import PhotoError
from featurex.extraction import spaces
from featurex.faces.aligner import ChipFormat, Face, FaceAligner
from featurex.manifest import Manifest
from featurex.photos.formats import UNSUPPORTED
from featurex.photos.hashing import image_id
from featurex.photos.images import decode, read_photo
from featurex.photos.picture import Picture

CHANGED = "changed since it was listed"
_NOWHERE = Face(np.zeros(4, np.int32), np.zeros((5, 2), np.int32), 0.0)


@dataclass(frozen=True)
class Photo:
    """A photo to embed: its file, and the hash of the bytes that were listed."""

    image_id: str
    path: str


def photos_of(manifest: Manifest) -> list[Photo]:
    """Return the photos of a manifest's rows."""
    table = manifest.table
    return [Photo(*row) for row in zip(table["image_id"], table["path"], strict=True)]


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
    chips : dict of ChipFormat to ndarray of shape (size, size, 3), uint8
        Chips that the cache does not hold yet.
    lasting : bool
        Whether the content is to blame: a damaged image stays one, a missing file may come back,
        and another Pillow may read another format.
    """

    photo: Photo
    status: int = spaces.FOUND
    reason: str = ""
    face: Face | None = None
    chips: Mapping[ChipFormat, np.ndarray] = field(default_factory=dict)
    lasting: bool = True


def align(
    photo: Photo, aligner: FaceAligner, formats: Sequence[ChipFormat], stored: Face | None = None
) -> Alignment:
    """Find and cut out a photo's central face; never raises for what a file holds.

    Parameters
    ----------
    photo : Photo
    aligner : FaceAligner
    formats : sequence of ChipFormat
        The chips to cut out.
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
        picture = Picture(decode(data, photo.path))
    except PhotoError as error:
        lasting = not error.reason.startswith(UNSUPPORTED)
        return Alignment(photo, spaces.UNREADABLE, error.reason, lasting=lasting)
    face = stored or aligner.central_face(picture)
    if face is None:
        return Alignment(photo, spaces.NO_FACE)
    chips = {format: aligner.chip(picture, face, *format) for format in formats}
    return Alignment(photo, face=None if stored else face, chips=chips)


def stored_faces(image_ids: Sequence[str], faces: Store) -> dict[str, Face]:
    """Return the faces that the store holds of these photos; all must have been found."""
    ids = _among(image_ids, faces.contains(image_ids))
    if not ids:
        return {}
    columns = (faces.column(name, ids)[:] for name in ("box", "landmarks", "score"))
    return {i: Face(*values) for i, *values in zip(ids, *columns, strict=True)}


def stored_statuses(image_ids: Sequence[str], faces: Store) -> dict[str, tuple[int, str]]:
    """Return status and reason of those of these photos that the store knows."""
    ids = _among(image_ids, faces.contains(image_ids))
    if not ids:
        return {}
    status, reason = (faces.column(name, ids)[:] for name in ("status", "reason"))
    return {
        i: (int(s), r.decode(errors="replace")) for i, s, r in zip(ids, status, reason, strict=True)
    }


def store_faces(alignments: Sequence[Alignment], faces: Store) -> None:
    """Append new faces, and the lasting reasons why there is none."""
    rows = [a for a in alignments if a.lasting and (a.face or a.status != spaces.FOUND)]
    if rows:
        faces.append([a.photo.image_id for a in rows], _face_columns(rows))


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
