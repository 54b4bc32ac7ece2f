"""Seconds an epoch of training a network by the trainer, alone on its device.

    python benchmarks/epochs.py [--network NAME]… [--faces 16384] [--epochs 4] [--device auto]
        [--precision bfloat16] [--before CHECKOUT]

Chips of noise in memory, and random genders, years and age groups, of which a third are missing, as
in UTKFace: the network learns all that it can learn at once. The first epoch, in which a GPU's
steps are recorded, does not count. ``--before`` runs the same with the code of another checkout, in
turns with this one, and prints the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import torch

from featurex.backbones import get_backbone
from featurex.labels import AGE_GROUPS, GENDERS
from featurex.machine.devices import device_label, resolve_device
from featurex.networks import NETWORKS, get_network
from featurex.networks.base import FaceNetwork
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.labelled import heads_and_codes, make_head
from featurex.training.settings import PRECISIONS, TrainingSettings
from featurex.training.trainer import Trainer

HERE = Path(__file__).resolve().parents[1]
TURNS = 2


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append")
    parser.add_argument("--faces", type=int, default=16384)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = options.network or list(NETWORKS)
    if options.json:
        print(json.dumps(measure(names[0], options)))
        return
    label = device_label(resolve_device(options.device))
    print(f"{options.faces} faces, {options.precision}, {label}, torch {torch.__version__}")
    for name in names:
        turns = [
            [run(tree, name, options) for tree in (HERE, options.before) if tree]
            for _ in range(TURNS if options.before else 1)
        ]
        here, *before = (median(times) for times in zip(*turns, strict=True))
        ratio = f"  {here / before[0]:.2f} of the epoch before" if before else ""
        print(f"{name:24}{here:8.2f} s an epoch{ratio}", flush=True)


def run(tree: Path, name: str, options: argparse.Namespace) -> float:
    """Measure a network by the code of a checkout, in a process of its own."""
    words = ["--network", name, "--faces", options.faces, "--epochs", options.epochs]
    words += ["--device", options.device, "--precision", options.precision, "--json"]
    found = subprocess.run(
        [sys.executable, __file__, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(tree)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(json.loads(found.stdout))


def measure(name: str, options: argparse.Namespace) -> float:
    """Return the median seconds of the epochs after the first."""
    torch.manual_seed(0)
    settings = TrainingSettings(
        epochs=options.epochs,
        patience=options.epochs,
        side_tasks="all",
        precision=options.precision,
    )
    kind = get_network(name)
    task = next(iter(NETWORKS[name].tasks), "gender")
    train, valid, heads = rows_and_heads(task, kind, settings, options.faces)
    backbone = get_backbone("dlib-resnet") if NETWORKS[name].has_trunk else None
    network = kind.make(backbone, {head.name: head.n_outputs for head in heads})
    network = network.to(resolve_device(options.device))
    history = Trainer(network, heads, settings).fit(train, valid)
    return median(row["seconds"] for row in history[1:])


def rows_and_heads(
    task: str, kind: type[FaceNetwork], settings: TrainingSettings, n_faces: int
) -> tuple[ChipDataset, ChipDataset, list[Head]]:
    """Make chips and labels, an eighth of them for validation, and the heads that learn them."""
    random = np.random.default_rng(0)
    labels = {
        "gender": random.choice(np.array(GENDERS, dtype=object), n_faces),
        "age": random.integers(0, 101, n_faces).astype(float),
        "age-group": random.choice(np.array(AGE_GROUPS, dtype=object), n_faces),
    }
    labels["age-group"][::3] = None
    classes = tuple(sorted(GENDERS)) if task == "gender" else ()
    side = {name: column for name, column in labels.items() if name != task}
    asked = make_head(task, classes, kind, settings)
    heads, codes = heads_and_codes(asked, labels[task], side, kind, settings)
    chips = random.integers(0, 256, (n_faces, 150, 150, 3), np.uint8)
    rows = np.arange(n_faces)
    cut = n_faces // 8
    return ChipDataset(chips, codes, rows[cut:]), ChipDataset(chips, codes, rows[:cut]), heads


if __name__ == "__main__":
    main()
