"""``featurex compare``: every model on the same folds, in one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.report import AuditDir, ShowFaces, write_page
from featurex.cli.shared import (
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
    guarded,
    print_json,
    read_manifest,
    ready_folder,
    say,
)
from featurex.detectors import DEFAULT_DETECTOR
from featurex.networks import NETWORKS

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
    backbone: BackboneName = "dlib-resnet",
    weights: Weights = None,
    precision: Precision = "float32",
    mirror: Mirror = False,
    detector: DetectorName = DEFAULT_DETECTOR,
    protocol: Annotated[
        str,
        typer.Option(
            help="official, subjects, leave-one-subject-out, photos, or auto: the first that fits."
        ),
    ] = "auto",
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of a network.")] = 12,
    batch_size: Annotated[int, typer.Option(min=2, help="Chips a training step.")] = 64,
    train: Train = None,
    device: Device = "auto",
    jobs: Jobs = -1,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
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
    """Compare models on one data set. Cross-validated, so that no person is on both sides."""
    from featurex.cli import stages
    from featurex.design import Design
    from featurex.embedding_map import check_umap, write_map
    from featurex.face_table import FaceTable
    from featurex.fold_fits import remove_checkpoints
    from featurex.models import (
        ModelOptions,
        check_model_names,
        check_training,
        served_tasks,
        suited,
    )
    from featurex.report_files import write_result
    from featurex.tasks import choose_tasks

    models = check_model_names(model or DEFAULT_MODELS)
    check_training(train or [])
    manifest = read_manifest(
        dataset,
        root,
        age_policy=age_policy,
        photos=photos,
        ages=ages,
        limit=limit,
        seed=seed,
        subjects=subjects,
    )
    tasks = served_tasks(choose_tasks(task or [], manifest), models, named=bool(task))
    for folder in filter(None, (out_dir, report)):
        ready_folder(folder)
    if umap:
        check_umap()
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    models = suited(models, face_cache.backbone, named=bool(model))
    stages.fill(manifest, face_cache, quiet=json)
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ())
    )
    design = Design(tasks, models, protocol, folds, options)
    checkpoints = out_dir / "checkpoints"
    faces = FaceTable(manifest, face_cache)
    result = stages.run_comparison(faces, design, checkpoints)
    result.record["command"] = ["featurex", *sys.argv[1:]]
    files = write_result(result, design, out_dir)
    files.append(write_map(faces, out_dir, seed=seed, umap=umap))
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
    say(f"Wrote {len(files)} files into {out_dir}.")
