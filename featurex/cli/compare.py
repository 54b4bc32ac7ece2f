"""``featurex compare``: every model on the same folds, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    Weights,
    guarded,
    out,
    print_json,
    print_table,
    read_manifest,
    ready_folder,
    say,
)
from featurex.detectors import DEFAULT_DETECTOR

DEFAULT_MODELS = ["majority", "svm", "random-forest", "mlp", "finetuned"]


@guarded
def compare(
    dataset: Dataset,
    root: Root = None,
    cache: CacheDir = Path("cache"),
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for tables, predictions and pictures.")
    ] = Path("comparison"),
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="age-group, gender or age; all labelled ones by default."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help=f"Any of {', '.join(DEFAULT_MODELS)}; all by default."),
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
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of a CNN.")] = 12,
    batch_size: Annotated[int, typer.Option(min=2, help="Chips a training step.")] = 64,
    device: Device = "auto",
    jobs: Jobs = -1,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    ages: Ages = None,
    limit: Limit = None,
    subjects: Subjects = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Compare models on one data set, cross-validated so that no person is on both sides."""
    from featurex.cli import stages
    from featurex.experiment import Design, FaceTable
    from featurex.models import ModelOptions, check_model_names, suited
    from featurex.report_files import write_result
    from featurex.tasks import choose_tasks

    models = check_model_names(model or DEFAULT_MODELS)
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
    tasks = choose_tasks(task or [], manifest)
    ready_folder(out_dir)
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    models = suited(models, face_cache.backbone, named=bool(model))
    if not json:
        stages.print_manifest(manifest)
    report = stages.run_extraction(manifest, face_cache)
    if not json:
        stages.print_report(report)
    file = None if weights is None else str(weights)
    options = ModelOptions(backbone, file, epochs, batch_size, device, seed, jobs)
    design = Design(tasks, models, protocol, folds, options)
    result = stages.run_comparison(FaceTable(manifest, face_cache), design)
    files = write_result(result, design, out_dir)
    if json:
        print_json(
            result.comparison.table.astype(object)
            .where(lambda t: t.notna(), None)
            .to_dict("records")
        )
        return
    print_table(result.comparison.format(), "Comparison")
    for note in result.comparison.notes:
        out.print(f"- {note}", markup=False, soft_wrap=True)
    say(f"Wrote {len(files)} files into {out_dir}.")
