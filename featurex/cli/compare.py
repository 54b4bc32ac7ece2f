"""``featurex compare``: every model on the same folds, in one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import (
    AgeKind,
    AgePolicy,
    Ages,
    BackboneName,
    CacheDir,
    Dataset,
    DetectorName,
    Device,
    Jobs,
    Json,
    Limit,
    Mirror,
    Photos,
    Precision,
    Root,
    Seed,
    Subjects,
    Train,
    Weights,
    read_manifest,
)
from featurex.cli.report import AuditDir, ShowFaces, write_page
from featurex.cli.screen import counted, print_json, say
from featurex.detectors import DEFAULT_DETECTOR
from featurex.files import ready_folder
from featurex.networks import NETWORKS

if TYPE_CHECKING:
    from featurex.manifest import Manifest
    from pipelines import Task

DEFAULT_MODELS = ["majority", "svm", "random-forest", "mlp", "finetuned"]
OTHER_MODELS = [name for name in NETWORKS if name not in DEFAULT_MODELS]


@guarded
def compare(
    dataset: Dataset,
    root: Root = None,
    cache: CacheDir = Path("face-cache"),
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for tables, predictions and pictures.")
    ] = Path("comparison"),
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            help="age-group, gender or age, all labelled ones by default; by name also gender-3 "
            "(with undefined) and race.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help=f"{', '.join(DEFAULT_MODELS)} by default; also {', '.join(OTHER_MODELS)}. "
            "NETWORK@SETTINGS names how a network is trained, such as finetuned@student-20x256; "
            "A+B is the average of models, such as svm+finetuned.",
        ),
    ] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            "--predictions",
            metavar="NAME=FILE",
            help="CSV with any other model's predictions, scored on the same faces; see "
            "docs/outside-models.md. NAME:MODEL=FILE for a predictions.csv of several models. "
            "--model svm+NAME averages it with another.",
        ),
    ] = None,
    test_dataset: Annotated[
        str | None,
        typer.Option(
            "--test-dataset",
            metavar="NAME[=ROOT]",
            help="Train on all of DATASET and test on all of this one, such as fgnet=FOLDER.",
        ),
    ] = None,
    backbone: BackboneName = "dlib-resnet",
    weights: Weights = None,
    precision: Precision = "float32",
    mirror: Mirror = False,
    detector: DetectorName = DEFAULT_DETECTOR,
    protocol: Annotated[
        str,
        typer.Option(
            help="official, subject, leave-one-subject-out, holdout, random (people may be on both "
            "sides), or auto: the first honest one that fits; random where nobody is named."
        ),
    ] = "auto",
    folds: Annotated[
        int | None, typer.Option(min=2, help="Of subject, random: number of folds, 5 by default.")
    ] = None,
    test_share: Annotated[
        float | None,
        typer.Option(min=0.05, max=0.95, help="Of holdout: the share tested, 0.2 by default."),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(min=1, max=100, help="Of subject, holdout, random: so many times, reseeded."),
    ] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of a network.")] = 12,
    batch_size: Annotated[int, typer.Option(min=2, help="Chips a training step.")] = 64,
    train: Train = None,
    device: Device = "auto",
    jobs: Jobs = -1,
    accelerate: Annotated[
        str | None,
        typer.Option(help="intelex: SVMs by scikit-learn-intelex, a package of its own."),
    ] = None,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    age_kind: AgeKind = None,
    ages: Ages = None,
    limit: Limit = None,
    subjects: Subjects = None,
    seed: Seed = 0,
    umap: Annotated[
        bool, typer.Option("--umap", help="Map the embeddings by UMAP too (needs umap-learn).")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for the page, report.html.")
    ] = None,
    audit: AuditDir = None,
    show_faces: ShowFaces = False,
    json: Json = False,
) -> None:
    """Compare models on one data set, or across two. Nobody whom the data name is on both sides.

    Finished fits are kept in the folder of --out: run again to go on with a comparison that was
    stopped, or to add a model to it.
    """
    from featurex.cli import stages
    from featurex.comparison.design import Design
    from featurex.comparison.face_table import FaceTable
    from featurex.comparison.fold_fits import remove_checkpoints
    from featurex.comparison.kept import Kept
    from featurex.comparison.kept_comparison import write_once
    from featurex.comparison.mixed_averages import split_mixed
    from featurex.comparison.outside import outside_names, read_outside
    from featurex.comparison.transfer import TransferTable, join_manifests, shared_tasks
    from featurex.models.names import served_tasks, single_models, suited, takes_chips
    from featurex.models.options import ModelOptions, check_training
    from featurex.report.audited_faces import count_audited
    from featurex.report.embedding_map import check_umap, write_map
    from featurex.report.files import write_result
    from featurex.report.run_folder import read_audit
    from featurex.tasks import choose_tasks
    from pipelines import check_accelerator, check_protocol

    models, mixed = split_mixed(model or DEFAULT_MODELS, outside_names(predictions or []))
    check_training(train or [])
    check_accelerator(accelerate)
    check_protocol(protocol, folds, test_share, repeats)
    if audit:
        read_audit(audit)  # what is wrong with it should not show after hours of fits
    read = partial(read_manifest, age_policy=age_policy, ages=ages, limit=limit, seed=seed)
    manifest = tested = read(dataset, root, photos=photos, age_kind=age_kind, subjects=subjects)
    if test_dataset:
        _refuse_folds(protocol, folds, repeats, test_share)
        name, _, place = test_dataset.partition("=")
        tested = read(name, Path(place) if place else None)
        found = shared_tasks(task or [], manifest, tested)
        _tell_missing(manifest, tested, [] if task else found)
        manifest = join_manifests(manifest, tested)
    else:
        found = choose_tasks(task or [], manifest)
    if audit:
        count_audited(audit, tested.table["image_id"])
    own = [*models, *(part for average in mixed for part in average.own)]
    tasks = served_tasks(found, own, named=bool(task)) if own else found
    outside = read_outside(predictions or [], tested, tasks, own)
    for folder in filter(None, (out_dir, report)):
        ready_folder(folder)
    if umap:
        check_umap()
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    allowed = suited(own, face_cache.backbone, named=bool(model))
    models = [model for model in models if model in allowed]
    face_cache.backbone.check_unseen(manifest.table)  # before the long work
    on_chips = show_faces or any(map(takes_chips, single_models(own)))
    stages.fill(manifest, face_cache, quiet=json, complete=on_chips)
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ()), accelerate
    )
    design = Design(tasks, models, protocol, folds, options, repeats, test_share, outside, mixed)
    checkpoints = out_dir / "checkpoints"
    kept = Kept(out_dir / "fits", say)
    faces = (TransferTable if test_dataset else FaceTable)(manifest, face_cache)
    stages.advise(models, faces, options)
    result = stages.run_comparison(faces, design, checkpoints, kept)
    decides = (result.comparison, result.predictions, dict(result.record), result.groups, design)

    def write() -> list[Path]:
        result.record["command"] = ["featurex", *sys.argv[1:]]
        return [
            *write_result(result, design, out_dir),
            write_map(faces, out_dir, seed=seed, umap=umap),
        ]

    files = write_once(kept, out_dir, write, *decides, umap)
    remove_checkpoints(checkpoints)
    if report:
        write_page(out_dir, report / "report.html", audit, cache if show_faces else None)
    if json:
        print_json(
            result.comparison.table.astype(object)
            .where(lambda t: t.notna(), None)
            .to_dict("records")
        )
        return
    stages.print_comparison(result.comparison, "Comparison")
    say(f"Wrote {counted(len(files), 'file')} into {out_dir}.")


def _refuse_folds(protocol: str, folds: int | None, repeats: int, test_share: float | None) -> None:
    if protocol != "auto" or folds is not None or repeats > 1 or test_share is not None:
        raise ValueError(
            "--test-dataset is a protocol of its own: leave out --protocol, --folds, --repeats and "
            "--test-share."
        )


def _tell_missing(train: Manifest, test: Manifest, tasks: Sequence[Task]) -> None:
    """Say which of the usual tasks the data to test on have no label for."""
    names = [task.name for task in tasks]
    missing = [name for name in train.tasks() if name not in names]
    if names and missing:
        say(f"Left out, since {test.dataset} has no label for it: {', '.join(missing)}.")
