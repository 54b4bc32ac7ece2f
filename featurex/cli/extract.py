"""``featurex extract``: photos to embeddings, into the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import (
    AgeKind,
    AgePolicy,
    Ages,
    CacheDir,
    Dataset,
    DetectorName,
    Device,
    Json,
    Limit,
    Mirror,
    Photos,
    Precision,
    Root,
    Seed,
    Weights,
)
from featurex.cli.screen import print_json
from featurex.detectors import DEFAULT_DETECTOR
from featurex.files import ready_folder


@guarded
def extract(
    dataset: Dataset,
    root: Root = None,
    cache: CacheDir = Path("face-cache"),
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            "--backbone",
            help="NAME[@WEIGHTS][:LAYER], see 'featurex backbones', dlib-resnet by default; or "
            "FILE[:TASK], a network that 'featurex fit' saved. Several for one pass.",
        ),
    ] = None,
    weights: Weights = None,
    precision: Precision = "float32",
    mirror: Mirror = False,
    detector: DetectorName = DEFAULT_DETECTOR,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Photos aligned at a time; cores + 1 by default.")
    ] = None,
    list_file: Annotated[
        Path | None,
        typer.Option(
            "--list", help="CSV file to write: every photo, its key in the cache, its status."
        ),
    ] = None,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    age_kind: AgeKind = None,
    ages: Ages = None,
    limit: Limit = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find, align and embed every face of a data set. What is in the cache is not done again."""
    from featurex.cli import stages
    from featurex.datasets.reading import read_dataset
    from featurex.exceptions import DatasetError
    from featurex.extraction.listing import list_photos, write_list

    names = list(dict.fromkeys(backbone or ["dlib-resnet"]))
    if weights and len(names) > 1:
        raise ValueError("--weights names the file of one backbone: extract the others without it.")
    manifest = read_dataset(
        dataset,
        root,
        age_policy=age_policy,
        photos=photos,
        age_kind=age_kind,
        ages=ages,
        limit=limit,
        seed=seed,
    )
    if list_file:
        ready_folder(list_file.absolute().parent)  # before the long work
    caches = stages.open_caches(
        cache, names, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    report = stages.fill(manifest, *caches, quiet=json, threads=threads)
    if list_file:
        write_list(list_photos(manifest, report), list_file)
    if json:
        print_json({"dropped": manifest.dropped, "seconds": report.seconds} | report.counts())
    if report.n_skipped == report.n_photos:
        why = ", ".join(f"{what} {count}" for what, count in report.counts().items() if count)
        raise DatasetError(
            f"No photo of {dataset!r} was embedded ({report.n_photos} looked at: {why})."
        )
