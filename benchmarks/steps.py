"""Milliseconds a chip of a training step and of an answer, for every network.

    python benchmarks/steps.py [--network NAME]… [--chips 64] [--steps 4] [--before CHECKOUT]

Chips of random numbers, gender, AdamW, float32. ``--before`` runs the same with the code of another
checkout, in turns with this one, and prints the ratio: what a change to a network is worth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from featurex.backbones import get_backbone
from featurex.networks import NETWORKS, get_network

HERE = Path(__file__).resolve().parents[1]
TURNS = 3


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", action="append")
    parser.add_argument("--chips", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = options.network or list(NETWORKS)
    if options.json:
        print(json.dumps(measure(names[0], options.chips, options.steps)))
        return
    print(
        f"batches of {options.chips}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    print(f"{'network':24}{'parameters':>12}{'step':>8}{'answer':>8}  ms a chip")
    for name in names:
        turns = [
            [run(tree, name, options) for tree in (HERE, options.before) if tree]
            for _ in range(TURNS)
        ]
        here, *before = (average(rows) for rows in zip(*turns, strict=True))
        ratio = f"  {here['step'] / before[0]['step']:.2f} of the step before" if before else ""
        cells = f"{here['step']:8.1f}{here['answer']:8.1f}"
        print(f"{name:24}{here['parameters']:12,.0f}{cells}{ratio}", flush=True)


def run(tree: Path, name: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure a network by the code of a checkout, in a process of its own."""
    words = ["--network", name, "--chips", options.chips, "--steps", options.steps, "--json"]
    found = subprocess.run(
        [sys.executable, __file__, *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(tree)},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(found.stdout))


def average(rows: tuple[dict[str, float], ...]) -> dict[str, float]:
    """Return the medians of some measurements."""
    return {name: median(row[name] for row in rows) for name in rows[0]}


def measure(name: str, n_chips: int, n_steps: int) -> dict[str, float]:
    """Return the parameters of a network, and its times in milliseconds a chip."""
    torch.manual_seed(0)
    backbone = get_backbone("dlib-resnet") if NETWORKS[name].has_trunk else None
    head, n_outputs = ("age", 101) if NETWORKS[name].tasks == ("age",) else ("gender", 2)
    network = get_network(name).make(backbone, {head: n_outputs}).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    chips = torch.randint(0, 256, (n_chips, 150, 150, 3), dtype=torch.uint8)
    labels = torch.randint(0, n_outputs, (n_chips,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(chips)[head], labels).backward()
        optimizer.step()

    training = seconds(step, n_steps)
    network.eval()
    with torch.inference_mode():
        answering = seconds(lambda: network(chips), n_steps)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "step": 1000 * training / n_chips,
        "answer": 1000 * answering / n_chips,
    }


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of some runs, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times[1:])


if __name__ == "__main__":
    main()
