"""How near extraction comes to the limit of the machine.

Each stage alone on all cores, then the whole, on the same photos in one run. Where the stages share
the cores (a CPU) the limit is the sum of the stages' times; with a GPU it is the slowest stage.

    python benchmarks/extraction.py --folder UTKFACE --photos 2000
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from timing import timed

from featurex.backbones import get_backbone
from featurex.datasets import people_root
from featurex.extraction.alignment import Photo
from featurex.extraction.extracting import BLOCK_ROWS, extract
from featurex.extraction.face_cache import FaceCache
from featurex.machine.cores import core_count
from featurex.machine.devices import device_label
from featurex.photos.hashing import image_id
from featurex.photos.images import decode, read_photo

ENDINGS = (".jpg", ".jpeg", ".png")


def stage_seconds(photos: Sequence[Photo], cache: FaceCache, pool: ThreadPoolExecutor) -> dict:
    """Time every stage alone."""
    backbone, aligner = cache.backbone, cache.aligner

    def read(photo: Photo) -> Image.Image:
        data = read_photo(photo.path)
        image_id(data)  # extraction makes sure that the file is still the one that was listed
        return decode(data, photo.path)

    def cut(pair: tuple[Image.Image, Any]) -> np.ndarray:
        return aligner.chip(*pair, backbone.chip_size, backbone.padding)

    seconds = {}
    seconds["read and decode"], images = timed(lambda: list(pool.map(read, photos)))
    seconds["detect"], faces = timed(lambda: list(pool.map(aligner.central_face, images)))
    found = [i for i, face in enumerate(faces) if face is not None]
    pairs = [(images[i], faces[i]) for i in found]
    seconds["cut out"], chips = timed(lambda: list(pool.map(cut, pairs)))
    seconds["forward"], embeddings = timed(lambda: cache.embedder(np.stack(chips)))
    ids = [photos[i].image_id for i in found]
    seconds["write"], _ = timed(lambda: write(cache, ids, chips, embeddings))
    return seconds


def write(
    cache: FaceCache, ids: list[str], chips: Sequence[np.ndarray], embeddings: np.ndarray
) -> None:
    """Append chips and embeddings in shards, as extraction does."""
    for start in range(0, len(ids), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        cache.chips.append(ids[rows], {"chip": np.stack(chips[rows])})
        cache.embeddings.append(ids[rows], {"embedding": embeddings[rows]})
    cache.publish()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=people_root())
    parser.add_argument(
        "--photos", type=int, default=2000, help="as many as all must fit in memory"
    )
    parser.add_argument("--backbone", default="dlib-resnet")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    files = sorted(p for p in options.folder.iterdir() if p.suffix.lower() in ENDINGS)
    every = max(1, len(files) // options.photos)
    files = files[::every][: options.photos]
    photos = list({i: Photo(i, str(p)) for p in files for i in [image_id(p.read_bytes())]}.values())
    backbone = get_backbone(options.backbone)
    threads = core_count() + 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads) as pool:
        alone, whole = (
            FaceCache(Path(folder, name), backbone, device=options.device) for name in "ab"
        )
        for cache in (alone, whole):  # loading the network is no part of either
            cache.embedder(np.zeros((1, backbone.chip_size, backbone.chip_size, 3), np.uint8))
        stages = stage_seconds(photos, alone, pool)
        total, report = timed(lambda: extract(photos, whole, threads=threads))
    on_cpu = whole.embedder.device.type == "cpu"
    limit = sum(stages.values()) if on_cpu else max(stages.values())
    print(f"{len(photos)} photos, {report.n_new} faces, {backbone}, {threads} threads")
    print(f"network on {device_label(whole.embedder.device)}")
    for name, seconds in stages.items():
        print(f"{name + ', alone:':24}{seconds:8.2f} s {len(photos) / seconds:10.0f} photos/s")
    what = "limit (sum):" if on_cpu else "limit (slowest):"
    print(f"{what:24}{limit:8.2f} s {len(photos) / limit:10.0f} photos/s")
    print(f"{'the whole:':24}{total:8.2f} s {len(photos) / total:10.0f} photos/s")
    print(f"{'share of the limit:':24}{limit / total:8.2f}")


if __name__ == "__main__":
    main()
