"""Backbones side by side: the same SVM on the same faces, and what each costs.

    python benchmarks/backbones.py DATASET ROOT --cache DIR [--limit 6000] \
        [--backbone NAME[=WEIGHTS]]…

For each backbone a row: photos a second from the file to the embedding with the face already known
(reading, cutting out and the forward pass), bytes of an embedding in the cache, and the scores of
the SVM in the same folds. Backbones that the cache already holds for these faces are not timed
again: give a new folder for times.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from featurex.backbones import get_backbone
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.datasets import READERS, read
from featurex.extraction.alignment import photos_of
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.tasks import choose_tasks

BACKBONES = ("dlib-resnet:embedding", "dlib-resnet", "efficientnet-lite0", "pixels", "landmarks")
SCORES = {"gender": "accuracy", "age-group": "accuracy", "age": "mae"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=READERS)
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=6000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backbone", action="append")
    options = parser.parse_args()
    manifest = read(options.dataset, options.root).sample(options.limit, options.seed)
    find_faces(manifest, options.cache)
    print(f"{len(manifest)} photos, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(
        "| Backbone | Faces | Photos/s | Bytes a row | Gender (%) | Age group (%) | MAE (years) |"
    )
    print("|:--|--:|--:|--:|--:|--:|--:|")
    for words in options.backbone or BACKBONES:
        print(row(words, manifest, options.cache, options.folds, options.seed), flush=True)


def find_faces(manifest: Manifest, cache: Path) -> None:
    """Find the faces once for all, as the first backbone does, so that no row's time has it."""
    pixels = FaceCache(cache, get_backbone("pixels:grey4"))
    extract(photos_of(manifest), pixels)


def row(words: str, manifest: Manifest, root: Path, n_folds: int, seed: int) -> str:
    """Embed, cross-validate the SVM, and return a line of the table."""
    name, _, weights = words.partition("=")
    cache = FaceCache(root, get_backbone(name, weights or None))
    cache.embeddings  # noqa: B018  (loads the network, which is no part of the time)
    report = extract(photos_of(manifest), cache)
    pace = f"{report.n_new / report.seconds:.0f}" if report.n_new else "–"
    faces = FaceTable(manifest, cache)
    scores = svm_scores(faces, n_folds, seed)
    n_bytes = 4 * cache.embedding_column(faces.table["image_id"].head(1).tolist()).shape[1]
    cells = [f"`{cache.label}`", len(faces.table), pace, f"{n_bytes:,}", *scores]
    return f"| {' | '.join(map(str, cells))} |"


def svm_scores(faces: FaceTable, n_folds: int, seed: int) -> Sequence[str]:
    """Return mean and deviation over the folds, for each task."""
    tasks = choose_tasks(list(SCORES), faces.manifest)
    design = Design(tasks, ["svm"], n_folds=n_folds, options=ModelOptions(seed=seed, n_jobs=-1))
    table = run(faces, design).comparison.table.set_index("task")
    cells = []
    for task, score in SCORES.items():
        mean, deviation = (float(table.loc[task, f"{score}_{part}"]) for part in ("mean", "std"))
        factor, digits = (1, 2) if score == "mae" else (100, 1)
        cells.append(f"{factor * mean:.{digits}f} ± {factor * deviation:.{digits}f}")
    return cells


if __name__ == "__main__":
    main()
