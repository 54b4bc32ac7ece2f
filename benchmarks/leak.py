"""What people on both sides of a split are worth in score: random folds against subject folds.

    python benchmarks/leak.py HONEST RANDOM SUBJECTS.csv [--model svm]

HONEST and RANDOM are folders of ``featurex compare`` of one data set, with ``--subjects`` and with
``--protocol random``. Told are the scores under both on all faces and on those of people with two
photos or more, who alone can leak, and the difference with its 95 % interval (bootstrap of people,
2,000 times).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import predictions

DRAWS = 2000
SEED = 0


def main() -> None:
    """Print a line a task, score and part of the faces."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("honest", type=Path)
    parser.add_argument("random", type=Path)
    parser.add_argument("subjects", type=Path)
    parser.add_argument("--model", default="svm")
    options = parser.parse_args()
    runs = [read(folder, options.model) for folder in (options.honest, options.random)]
    people = pd.read_csv(options.subjects, dtype=str).set_index("image_id")["subject_id"]
    for task in runs[0]["task"].unique():
        honest, leaky = (run[run["task"] == task].set_index("image_id") for run in runs)
        for name, scores in both_scores(honest, leaky.loc[honest.index]):
            tell(f"{task}, {name}", scores, people)


def read(folder: Path, model: str) -> pd.DataFrame:
    """Read what a model predicted out of fold."""
    table = predictions.read(folder / "predictions.csv")
    return table[table["model"] == model]


def both_scores(honest: pd.DataFrame, leaky: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the scores of each photo under both protocols."""
    if honest["y_true"].notna().all():
        right = {"subject": is_right(honest), "random": is_right(leaky)}
        yield "accuracy (%)", pd.DataFrame(right)
    if honest["years_pred"].notna().all() and honest["years_true"].notna().all():
        errors = {
            name: (table["years_pred"] - table["years_true"]).abs()
            for name, table in (("subject", honest), ("random", leaky))
        }
        yield "MAE (years)", pd.DataFrame(errors)


def is_right(table: pd.DataFrame) -> pd.Series:
    """Tell in percent whether the most probable class is the true one."""
    columns = [name for name in table if name.startswith("p_") and table[name].notna().all()]
    return 100.0 * (table[columns].idxmax(axis=1).str.removeprefix("p_") == table["y_true"])


def tell(what: str, scores: pd.DataFrame, people: pd.Series) -> None:
    """Print the mean scores of all photos and of those that can leak."""
    person = people.reindex(scores.index)
    counts = people.value_counts()
    several = person.map(counts).fillna(1) > 1
    person = person.fillna(pd.Series(scores.index, index=scores.index))
    for part, rows in (("all", several | True), ("of people with several photos", several)):
        subject, random = scores[rows].mean()
        low, high = interval((scores["random"] - scores["subject"])[rows], person[rows])
        print(
            f"{what}, {rows.sum()} photos {part}: subject {subject:.2f}, random {random:.2f}, "
            f"difference {random - subject:+.2f} [{low:+.2f}, {high:+.2f}]"
        )


def interval(difference: pd.Series, person: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of a mean difference, people drawn with replacement."""
    sums = difference.groupby(person).agg(["sum", "size"]).to_numpy()
    draw = np.random.default_rng(SEED).integers
    means = []
    for _ in range(DRAWS):
        total, n = sums[draw(0, len(sums), len(sums))].sum(axis=0)
        means.append(total / n)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
