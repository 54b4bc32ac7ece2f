"""How near the forward stage comes to the pace of the network itself.

    python benchmarks/gpu.py [--seconds 20] [--device cuda]

For each backbone, in one run: chips from the cache to embeddings in the cache, against the same
network over batches that already lie in the device's memory. The chips are noise, the same for all
faces, and the weights of torchvision's networks random: neither changes the work. The cache lies in
a temporary folder (``TMPDIR``) and needs up to 15 GB.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from timing import timed

from featurex.backbones import Backbone, get_backbone
from featurex.backbones.torchvision_import import import_torchvision
from featurex.extraction.alignment import Photo
from featurex.extraction.embedding import Embedder
from featurex.extraction.embedding_options import PRECISIONS, EmbeddingOptions
from featurex.extraction.extracting import BLOCK_ROWS, extract, spaces
from featurex.extraction.face_cache import FaceCache
from featurex.machine.devices import device_label, resolve_device

BACKBONES = ("dlib-resnet", "resnet50", "vgg16")
MOST_BYTES = 15 * 10**9  # of chips
RESIDENT_BATCHES = 4  # different ones, so that no result can be reused


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="how long the network has work")
    parser.add_argument("--backbone", action="append")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    arguments = parser.parse_args()
    device, options = resolve_device(arguments.device), EmbeddingOptions(arguments.precision)
    print(f"{device_label(device)}, {os.cpu_count()} cores, torch {torch.__version__}, {options}")
    print(f"{'':14}{'in memory':>18}{'cache to cache':>18}{'chips':>9}{'share':>8}")
    for name in arguments.backbone or BACKBONES:
        with tempfile.TemporaryDirectory() as folder:
            backbone = get_backbone(name, random_weights(name, Path(folder)))
            cache = FaceCache(folder, backbone, device=arguments.device, options=options)
            resident = resident_pace(cache.embedder, arguments.seconds)
            most = MOST_BYTES // noise(backbone, 1).nbytes
            n_chips = min(int(resident * arguments.seconds), most)
            whole = cache_pace(cache, fill(cache, n_chips))
        paces = f"{resident:10.0f} chips/s{whole:10.0f} chips/s{n_chips:9}"
        print(f"{name:14}{paces}{whole / resident:8.2f}", flush=True)


def random_weights(name: str, folder: Path) -> Path | None:
    """Write weights for a network of torchvision; dlib's come with their package."""
    if name.startswith("dlib"):
        return None
    path = folder / "weights.pth"
    models = import_torchvision("torchvision.models")
    torch.save(models.get_model(name.partition(":")[0], weights=None).state_dict(), path)
    return path


def noise(backbone: Backbone, count: int) -> np.ndarray:
    """Make chips."""
    shape = (count, backbone.chip_size, backbone.chip_size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def resident_pace(embedder: Embedder, seconds: float) -> float:
    """Chips a second over batches that lie in the device's memory, once it is warm."""
    size = embedder.batch_size
    chips = torch.from_numpy(noise(embedder.backbone, RESIDENT_BATCHES * size))
    batches = [batch.permute(0, 3, 1, 2) for batch in chips.to(embedder.device).split(size)]

    def forward(n_rounds: int) -> None:
        for _ in range(n_rounds):
            for batch in batches:
                embedder.forward(batch)
        wait_for(embedder.device)

    forward(1)
    n_rounds = max(1, round(seconds / timed(forward, 1)[0]))
    return n_rounds * len(chips) / timed(forward, n_rounds)[0]


def fill(cache: FaceCache, count: int) -> list[Photo]:
    """Put faces and chips into a cache, as an extraction does; there are no such photos."""
    photos = []
    block = noise(cache.backbone, BLOCK_ROWS)
    for start in range(0, count, BLOCK_ROWS):
        chips = block[: count - start]
        ids = [hashlib.sha256(str(start + row).encode()).hexdigest() for row in range(len(chips))]
        faces = {column.name: np.zeros((len(ids), *column.shape), column.dtype)
                 for column in spaces.FACE_COLUMNS}  # fmt: skip
        cache.faces.append(ids, faces)
        cache.chips.append(ids, {"chip": chips})
        photos += [Photo(i, "not read") for i in ids]
    cache.faces.publish()
    cache.chips.publish()
    return photos


def cache_pace(cache: FaceCache, photos: list[Photo]) -> float:
    """Chips a second from the cache to the cache."""
    return len(photos) / timed(extract, photos, cache)[0]


def wait_for(device: torch.device) -> None:
    """Wait until the device has done all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
