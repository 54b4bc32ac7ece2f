"""The CNN face detector in torch against dlib's own, and what each detector finds.

    python benchmarks/detectors.py equality --folder PHOTOS [--photos 100]
    python benchmarks/detectors.py found --folder PHOTOS [--photos 200] [--detector …]… [--kind …]…

``equality`` runs dlib's ``cnn_face_detection_model_v1`` and featurex over the same photos on the
same cores, alternating, and compares boxes, scores and time. ``found`` counts the photos in which
each detector finds a face where the photo's is, and its time: on the photos as they are, turned,
blurred, and small. Where the face is, HOG and the CNN must agree on the photo as it is; the others
count for the row `as it is` only.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import dlib
import numpy as np
import torch
from PIL import Image, ImageFilter
from timing import timed

from featurex.backbones.dlib_models import FACE_CNN, dlib_model
from featurex.datasets import people_root
from featurex.detectors import DETECTORS
from featurex.detectors.dlib_cnn import CnnDetector
from featurex.exceptions import PhotoError
from featurex.faces.aligner import FaceAligner
from featurex.photos.images import decode, read_photo

MIN_IOU = 0.8
# A face is found where its box has this much in common with the one that is known.
SAME_FACE = 0.3
SEED = 0


def main() -> None:
    """Run a benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["equality", "found"])
    parser.add_argument("--folder", type=Path, default=people_root())
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0, help="leave out the first of the sample")
    parser.add_argument("--detector", action="append", choices=DETECTORS)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    arguments = parser.parse_args()
    photos = sample(arguments.folder, arguments.photos, arguments.skip)
    print(f"{len(photos)} photos, torch {torch.__version__}, {torch.get_num_threads()} threads")
    if arguments.what == "equality":
        equality(photos)
    else:
        found(photos, arguments.detector or list(DETECTORS), arguments.kind or list(KINDS))


def sample(folder: Path, count: int, skip: int) -> list[np.ndarray]:
    """Read photos of a folder, drawn by the seed."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".png"))
    order = np.random.default_rng(SEED).permutation(len(paths))
    photos: list[np.ndarray] = []
    for row in order[skip:]:
        if len(photos) == count:
            break
        try:
            photos.append(np.array(decode(read_photo(paths[row]), str(paths[row]))))
        except PhotoError:
            continue
    return photos


def equality(photos: list[np.ndarray]) -> None:
    """Compare boxes, scores and time with dlib's."""
    network, ours = dlib.cnn_face_detection_model_v1(str(dlib_model(FACE_CNN))), CnnDetector("cpu")
    ours.detect(photos[0])  # loads it
    seconds, matched, pairs, scores, counts = np.zeros(2), 0, [], [], np.zeros(2, int)
    for photo in photos:
        their_seconds, theirs = timed(network, photo, 0)
        our_seconds, found = timed(ours.detect, photo)
        seconds += their_seconds, our_seconds
        counts += len(theirs), len(found)
        for face in theirs:
            box = np.array(
                [face.rect.left(), face.rect.top(), face.rect.right(), face.rect.bottom()]
            )
            best = max(found, key=lambda f, box=box: iou(f.box, box), default=None)
            if best is not None and iou(best.box, box) >= MIN_IOU:
                matched += 1
                pairs.append(np.abs(best.box - box).max())
                scores.append(abs(best.score - face.confidence))
    print(f"dlib's faces:                  {counts[0]}")
    print(f"of them found (IoU >= {MIN_IOU}):    {matched}")
    print(f"more than dlib's:              {counts[1] - matched}")
    print(f"largest coordinate difference: {max(pairs, default=0)}")
    print(f"largest score difference:      {max(scores, default=0):.1e}")
    print(f"dlib:                          {1000 * seconds[0] / len(photos):.1f} ms a photo")
    print(f"featurex:                      {1000 * seconds[1] / len(photos):.1f} ms a photo")
    print(f"ratio:                         {seconds[0] / seconds[1]:.1f}")


def found(photos: list[np.ndarray], names: list[str], kinds: list[str]) -> None:
    """Print how many faces each detector finds, and its milliseconds a photo."""
    aligners = {name: FaceAligner(name, "cpu") for name in DETECTORS}
    boxes = [agreed_box(photo, aligners) for photo in photos]
    aligners = {name: aligners[name] for name in names}
    for aligner in aligners.values():
        aligner.central_face(photos[0])
    print(f"{'photos':12}", *(f"{name:>22}" for name in names))
    for kind in kinds:
        made = [
            KINDS[kind](photo, box)
            for photo, box in zip(photos, boxes, strict=True)
            if box is not None
        ]
        if kind == AS_IT_IS:
            made += [(p, box) for p, box in zip(photos, boxes, strict=True) if box is None]
        cells = [row(aligner, made) for aligner in aligners.values()]
        print(f"{kind:12}", *(f"{cell:>22}" for cell in cells), flush=True)


def agreed_box(photo: np.ndarray, aligners: dict[str, FaceAligner]) -> np.ndarray | None:
    """Return the CNN's box of the face, if HOG finds the same."""
    hog, cnn = (aligners[name].central_face(photo) for name in ("dlib-hog", "dlib-cnn"))
    return cnn.box if hog and cnn and iou(hog.box, cnn.box) >= SAME_FACE else None


def row(aligner: FaceAligner, made: list[tuple[np.ndarray, np.ndarray | None]]) -> str:
    """Count the faces found in the right place, those elsewhere, and time it."""
    right = wrong = 0
    seconds, faces = timed(lambda: [aligner.central_face(photo) for photo, _ in made])
    for face, (_, box) in zip(faces, made, strict=True):
        is_right = face is not None and (box is None or iou(face.box, box) >= SAME_FACE)
        right += is_right
        wrong += face is not None and not is_right
    return f"{100 * right / len(made):.1f}% +{wrong} {1000 * seconds / len(made):.0f} ms"


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection of two boxes over their union."""
    first, last = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    inner = float(np.maximum(last - first + 1, 0).prod())
    areas = [float((box[2:] - box[:2] + 1).prod()) for box in (one, other)]
    return inner / (sum(areas) - inner)


def turn(degrees: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Turn a photo around its face; the corners show the mean colour."""

    def make(photo: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centre = tuple(box.reshape(2, 2).mean(0).tolist())
        fill = tuple(photo.mean((0, 1)).astype(int).tolist())
        image = Image.fromarray(photo).rotate(
            degrees, Image.Resampling.BICUBIC, center=centre, fillcolor=fill
        )
        return np.asarray(image), box

    return make


def blur(share: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Blur a photo by a Gaussian whose sigma is a share of the face's width."""

    def make(photo: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sigma = float(share * (box[2] - box[0]))
        return np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(sigma))), box

    return make


def shrink(pixels: int) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Shrink a photo until its face is so wide."""

    def make(photo: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factor = pixels / (box[2] - box[0])
        size = [max(1, round(factor * side)) for side in photo.shape[1::-1]]
        return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS)), (
            box * factor
        )

    return make


AS_IT_IS = "as it is"
KINDS = {
    AS_IT_IS: lambda photo, box: (photo, box),
    **{f"turned {degrees:+d}": turn(degrees) for degrees in (30, -30, 60, -60)},
    **{f"blurred {share:g}": blur(share) for share in (0.02, 0.05, 0.1)},
    **{f"{pixels} pixels": shrink(pixels) for pixels in (40, 30, 20)},
}

if __name__ == "__main__":
    main()
