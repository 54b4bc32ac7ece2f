"""What training a network costs: seconds an epoch of the trainer, or milliseconds a chip of a step.

    python benchmarks/training.py epochs [--network NAME]… [--faces 16384] [--epochs 4]
        [--device auto] [--precision bfloat16] [--before CHECKOUT]
    python benchmarks/training.py steps [--network NAME]… [--chips 64] [--steps 4]
        [--before CHECKOUT]

Everything is noise in memory. ``epochs`` trains as `featurex compare` does, alone on its device, on
random genders, years and age groups, of which a third are missing, as in UTKFace: the network
learns all that it can learn at once. The first epoch, in which a GPU's steps are recorded, does not
count. ``steps`` takes the network alone, on the CPU, by AdamW in float32: a step of training, and
an answer. ``--before`` runs the same with the code of another checkout, in turns with this one, and
prints the ratio: what a change is worth.
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
from timing import repeated

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
TURNS = 3

# By their units; the first is compared with that of another checkout.
Costs = dict[str, float]


def main() -> None:
    """Print a line a network."""
    options = parse()
    if options.json:
        print(json.dumps(options.measure(options.network[-1], options)))
        return
    label = device_label(resolve_device(options.device))
    print(f"{label}, torch {torch.__version__}")
    for name in options.network or NETWORKS:
        turns = [
            [run(tree, name) for tree in (HERE, options.before) if tree]
            for _ in range(TURNS if options.before else 1)
        ]
        here, *before = (medians(costs) for costs in zip(*turns, strict=True))
        cells = [f"{value:8.2f} {unit}" for unit, value in here.items()]
        first = next(iter(here))
        cells += [f"{here[first] / there[first]:8.2f} of the time before" for there in before]
        print(f"{name:24}{','.join(cells)}", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--network", action="append")
    shared.add_argument("--before", type=Path)
    shared.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(required=True)
    epochs = kinds.add_parser("epochs", parents=[shared])
    epochs.add_argument("--faces", type=int, default=16384)
    epochs.add_argument("--epochs", type=int, default=4)
    epochs.add_argument("--device", default="auto")
    epochs.add_argument("--precision", default="float32", choices=PRECISIONS)
    epochs.set_defaults(measure=epoch)
    steps = kinds.add_parser("steps", parents=[shared])
    steps.add_argument("--chips", type=int, default=64)
    steps.add_argument("--steps", type=int, default=4)
    steps.set_defaults(measure=step, device="cpu")
    return parser.parse_args()


def run(tree: Path, name: str) -> Costs:
    """Measure a network by the code of a checkout, in a process of its own."""
    found = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], "--network", name, "--json"],
        env=os.environ | {"PYTHONPATH": str(tree)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(json.loads(found.stdout))


def medians(costs: tuple[Costs, ...]) -> Costs:
    """Return the median of each cost."""
    return {unit: median(each[unit] for each in costs) for unit in costs[0]}


def epoch(name: str, options: argparse.Namespace) -> Costs:
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
    network = made(name, {head.name: head.n_outputs for head in heads})
    network = network.to(resolve_device(options.device))
    history = Trainer(network, heads, settings).fit(train, valid)
    return {"s an epoch": median(row["seconds"] for row in history[1:])}


def made(name: str, n_outputs: dict[str, int]) -> FaceNetwork:
    """Make a network, on a trunk where it needs one."""
    backbone = get_backbone("dlib-resnet") if NETWORKS[name].has_trunk else None
    return get_network(name).make(backbone, n_outputs)


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


def step(name: str, options: argparse.Namespace) -> Costs:
    """Return the median milliseconds a chip of a step and of an answer, and the parameters."""
    torch.manual_seed(0)
    head, n_outputs = ("age", 101) if NETWORKS[name].tasks == ("age",) else ("gender", 2)
    network = made(name, {head: n_outputs}).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    chips = torch.randint(0, 256, (options.chips, 150, 150, 3), dtype=torch.uint8)
    labels = torch.randint(0, n_outputs, (options.chips,))

    def train() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(chips)[head], labels).backward()
        optimizer.step()

    training = repeated(train, options.steps)
    network.eval()
    with torch.inference_mode():
        answering = repeated(lambda: network(chips), options.steps)
    return {
        "ms a chip in a step": 1000 * median(training) / options.chips,
        "ms a chip in an answer": 1000 * median(answering) / options.chips,
        "million parameters": sum(values.numel() for values in network.parameters()) / 1e6,
    }


if __name__ == "__main__":
    main()
