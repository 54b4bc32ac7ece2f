"""Every system the field compares with, in one table: frozen features beside trained networks.

    python benchmarks/networks.py DATASET ROOT --cache DIR --out DIR [--limit 1200] [--folds 2]
        [--epochs 10] [--task gender] [--task age-group] [--model NAME]… [--report DIR]

The classics learn from `pixels` and `landmarks` first, each in a comparison of its own; then they
join that of all other systems by what they predicted out of fold. What says years by classes of
years comes last, beside the best of the others at years. All see the same faces in the same folds.
Stopped, it goes on where it was when it is run again: finished fits are kept in OUT.
``--epochs`` is for networks named without settings of their own: the student settings keep theirs.

1,200 faces of UTKFace took 84 minutes of two cores, without years; most of it are
`wide-gabor` and `levi-hassner`, which begin with nothing and see 227 pixels, and the student
settings, which train 20 and 40 epochs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CLASSICS = ("svm", "random-forest")
FEATURES = ("pixels", "landmarks")
SYSTEMS = (
    *("majority", "svm", "random-forest", "mlp"),
    *("finetuned", "svm+finetuned", "multitask", "attentional-residual"),
    *("levi-hassner", "wide-gabor", "finetuned@student-20x256", "finetuned@student-40x512"),
)
# In years: `age-expectation` is for this task only, where the two tasks are others.
YEARS = ("majority", "svm", "finetuned", "svm+finetuned", "age-expectation")


def main() -> None:
    """Run the comparisons."""
    options = parse()
    same = same_words(options, options.task)
    joined = []
    for features in FEATURES:
        folder = options.out / features
        compare(options, same, CLASSICS, folder, "--backbone", features)
        joined += [
            word
            for model in CLASSICS
            for word in (
                "--predictions",
                f"{model}.{features}:{model}={folder / 'predictions.csv'}",
            )
        ]
    extra = ["--report", options.report] if options.report else []
    compare(options, same, systems(options), options.out / "all", *joined, *extra)
    if not options.model and "age" not in options.task:
        compare(options, same_words(options, ["age"]), YEARS, options.out / "years")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=1200)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--task", action="append")
    parser.add_argument("--model", action="append", help="instead of all systems")
    parser.add_argument("--subjects", type=Path, help="as featurex compare takes it")
    parser.add_argument("--report", type=Path, help="folder for the page")
    options = parser.parse_args()
    options.task = options.task or ["gender", "age-group"]
    return options


def same_words(options: argparse.Namespace, tasks: Sequence[str]) -> list[str]:
    """Return what all comparisons of these tasks have in common."""
    words = ["--limit", options.limit, "--folds", options.folds, "--seed", options.seed]
    words += [word for task in tasks for word in ("--task", task)]
    return words + (["--subjects", options.subjects] if options.subjects else [])


def systems(options: argparse.Namespace) -> Sequence[str]:
    """Return what is compared beside the classics on pixels and landmarks."""
    return options.model or [*SYSTEMS, *(["age-expectation"] if "age" in options.task else [])]


def compare(
    options: argparse.Namespace,
    same: Sequence[object],
    models: Sequence[str],
    out: Path,
    *more: object,
) -> None:
    """Run ``featurex compare``; what it prints is printed, and where it fails this ends too."""
    named = [word for model in models for word in ("--model", model)]
    words = [options.dataset, options.root, "--cache", options.cache, "--out", out, *same, *named]
    words += ["--epochs", options.epochs, *more]
    command = [sys.executable, "-m", "featurex", "compare", *map(str, words)]
    status = subprocess.run(command, check=False).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
