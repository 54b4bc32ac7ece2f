"""Chips per second: dlib-resnet in torch against dlib's own descriptor, in one run.

    python benchmarks/embedding.py [--chips 200] [--folder PHOTOS]

Both embed the same aligned chips on the same cores: dlib one chip a call, as its users write it,
and featurex in batches. Prints the pace of each, their ratio, and the largest difference between
their 128 numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dlib
import numpy as np
import torch
from timing import least, timed

from featurex.backbones import get_backbone
from featurex.backbones.dlib_models import FACE_RESNET, dlib_model
from featurex.datasets import people_root
from featurex.exceptions import PhotoError
from featurex.extraction.embedding import Embedder
from featurex.faces.aligner import FaceAligner
from featurex.photos.images import decode, read_photo

REPEATS = 3


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=people_root())
    arguments = parser.parse_args()
    chips = aligned_chips(arguments.folder, arguments.chips)
    dlib_network = dlib.face_recognition_model_v1(str(dlib_model(FACE_RESNET)))
    embedder = Embedder(get_backbone("dlib-resnet:embedding"), "cpu")
    dlib_seconds, theirs = timed(
        lambda: np.array([dlib_network.compute_face_descriptor(chip) for chip in chips])
    )
    our_seconds, ours = least(lambda: embedder(chips), REPEATS), embedder(chips)
    print(f"{len(chips)} chips, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"dlib, compute_face_descriptor: {len(chips) / dlib_seconds:8.1f} chips/s")
    print(f"featurex, dlib-resnet:         {len(chips) / our_seconds:8.1f} chips/s")
    print(f"ratio:                         {dlib_seconds / our_seconds:8.1f}")
    print(f"largest difference:            {np.abs(ours - theirs).max():8.1e}")


def aligned_chips(folder: Path, count: int) -> np.ndarray:
    """Align the first photos of a folder that show a face."""
    aligner, chips = FaceAligner(), []
    for path in sorted(folder.iterdir()):
        if len(chips) == count:
            break
        try:
            image = decode(read_photo(path), str(path))
        except PhotoError:
            continue
        if face := aligner.central_face(image):
            chips.append(aligner.chip(image, face, 150, 0.25))
    return np.stack(chips)


if __name__ == "__main__":
    main()
