"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[str, typer.Argument(help="Its name; see 'featurex datasets'.")]
Root = Annotated[
    Path | None, typer.Argument(help="Its folder, or its CSV file. 'people' needs none.")
]
CacheDir = Annotated[Path, typer.Option("--cache", help="Folder of the cache; made if missing.")]
BackboneName = Annotated[
    str,
    typer.Option(
        "--backbone",
        help="NAME[@WEIGHTS][:LAYER], see 'featurex backbones'; or FILE[:TASK], a network that "
        "'featurex fit' saved.",
    ),
]
Precision = Annotated[
    str, typer.Option("--precision", help="Of the backbone: float32, bfloat16 or float16.")
]
Mirror = Annotated[
    bool, typer.Option("--mirror", help="Embed the mean of a face's and its mirror image's.")
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="File with the backbone's weights.")
]
DetectorName = Annotated[
    str,
    typer.Option(
        "--detector",
        help="What finds faces: dlib-hog, dlib-cnn, or hog+cnn (the CNN where HOG finds none).",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of sampling, folds and models.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Use only so many rows, drawn by the seed.")
]
AgePolicy = Annotated[
    str, typer.Option("--age-policy", help="Ages between two groups: strict (none) or nearest.")
]
Photos = Annotated[
    str | None, typer.Option("--photos", help="Adience: aligned (default) or faces.")
]
AgeKind = Annotated[
    str | None, typer.Option("--age-kind", help="APPA-REAL: real (default) or apparent.")
]
Ages = Annotated[
    str | None,
    typer.Option("--ages", metavar="LOW-HIGH", help="Only these years, both inside: 21-60."),
]
Subjects = Annotated[
    Path | None,
    typer.Option(
        "--subjects", help="CSV of image_id,subject_id, as 'featurex audit --write-subjects' makes."
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", help="Processes that fit models; -1 is one for each core.")
]
Train = Annotated[
    list[str] | None,
    typer.Option(
        "--train",
        metavar="NAME=VALUE",
        help="Change how networks are trained, such as learning_rate=6e-4 or precision=bfloat16.",
    ),
]
Called = Annotated[
    str | None,
    typer.Option("--called", help="What tables and cards call the data set, instead of its name."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
