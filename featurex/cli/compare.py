"""``featurex compare``: every model on the same folds, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurex.cli.shared import (
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
            help="official, subject, leave-one-subject-out, holdout, random (people may be on both "
            "sides), or auto: the first honest one that fits."
        ),
    ] = "auto",
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
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
        typer.Option(help="intelex: SVMs by scikit-learn-intelex (pip install 'featurex[intel]')."),
    ] = None,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    age_kind: AgeKind = None,
    ages: Ages = None,
    limit: Limit = None,
    subjects: Subjects = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Compare models on one data set. Cross-validated, so that no person is on both sides.

    Finished fits are kept in the folder of --out: run again to go on with a comparison that was
    stopped, or to add a model to it.
    """
    from featurex.cli import stages
    from featurex.design import Design
    from featurex.face_table import FaceTable
    from featurex.fold_fits import remove_checkpoints
    from featurex.kept import Kept
    from featurex.kept_comparison import write_once
    from featurex.models import (
        ModelOptions,
        check_model_names,
        check_training,
        served_tasks,
        suited,
    )
    from featurex.report_files import write_result
    from featurex.tasks import choose_tasks
    from pipelines import check_accelerator

    models = check_model_names(model or DEFAULT_MODELS)
    check_training(train or [])
    check_accelerator(accelerate)
    manifest = read_manifest(
        dataset,
        root,
        age_policy=age_policy,
        photos=photos,
        age_kind=age_kind,
        ages=ages,
        limit=limit,
        seed=seed,
        subjects=subjects,
    )
    tasks = served_tasks(choose_tasks(task or [], manifest), models, named=bool(task))
    ready_folder(out_dir)
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    models = suited(models, face_cache.backbone, named=bool(model))
    stages.fill(manifest, face_cache, quiet=json)
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ()), accelerate
    )
    design = Design(tasks, models, protocol, folds, options, repeats, test_share)
    checkpoints = out_dir / "checkpoints"
    kept = Kept(out_dir / "fits", say)
    result = stages.run_comparison(FaceTable(manifest, face_cache), design, checkpoints, kept)
    files = write_once(
        kept,
        out_dir,
        lambda: write_result(result, design, out_dir),
        *(result.comparison, result.predictions, result.record, result.groups, design),
    )
    remove_checkpoints(checkpoints)
    if json:
        print_json(
            result.comparison.table.astype(object)
            .where(lambda t: t.notna(), None)
            .to_dict("records")
        )
        return
    stages.print_comparison(result.comparison, "Comparison")
    say(f"Wrote {len(files)} files into {out_dir}.")
