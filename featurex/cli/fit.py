"""``featurex fit``: one model on all rows, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from featurex.cli.screen import print_json, print_table, progress, say
from featurex.detectors import DEFAULT_DETECTOR
from featurex.files import ready_folder
from featurex.networks import NETWORKS

if TYPE_CHECKING:
    import pandas as pd

    from featurex.comparison.design import Design
    from featurex.comparison.face_table import FaceTable
    from featurex.saved_models.out_of_fold import OutOfFold


@guarded
def fit(
    context: typer.Context,
    dataset: Dataset,
    root: Root = None,
    out_file: Annotated[Path, typer.Option("--out", help="The model's file.")] = Path(
        "model.featurex"
    ),
    cache: CacheDir = Path("face-cache"),
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            help="age-group, gender or age, all labelled ones by default; by name also gender-3 "
            "(with undefined) and race.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help=f"svm, random-forest, mlp, majority, {', '.join(NETWORKS)}; a network also with "
            "settings, such as finetuned@student-20x256; or an average, such as svm+finetuned.",
        ),
    ] = "svm",
    backbone: BackboneName = "dlib-resnet",
    weights: Weights = None,
    precision: Precision = "float32",
    mirror: Mirror = False,
    detector: DetectorName = DEFAULT_DETECTOR,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of a network.")] = 12,
    batch_size: Annotated[int, typer.Option(min=2, help="Chips a training step.")] = 64,
    train: Train = None,
    device: Device = "auto",
    jobs: Jobs = -1,
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    age_kind: AgeKind = None,
    ages: Ages = None,
    limit: Limit = None,
    subjects: Subjects = None,
    seed: Seed = 0,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate/--no-evaluate",
            help="Also cross-validate the model for the scores on its card: takes about as many "
            "times longer as there are folds. Without, the card says that nothing was measured.",
        ),
    ] = True,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Number of folds to evaluate in, 5 by default.")
    ] = None,
    comparison: Annotated[
        Path | None,
        typer.Option(
            "--comparison",
            help="Folder of a finished 'featurex compare' of the same data and model, to take the "
            "scores on the card from.",
        ),
    ] = None,
    reject_below: Annotated[
        list[str] | None,
        typer.Option(
            "--reject-below",
            metavar="[TASK=]ACCURACY",
            help="Let 'featurex predict' answer 'undefined' unless answers as sure as this one are "
            "so accurate, such as 0.95 or gender=0.95.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train one kind of model on all rows, and save it with its card. A model for every task."""
    from featurex.cli import stages
    from featurex.cli.words import typed_words
    from featurex.comparison.design import Design
    from featurex.comparison.face_table import FaceTable
    from featurex.comparison.fold_fits import remove_checkpoints
    from featurex.models.names import check_model_names, parts_of, served_tasks, suited, takes_chips
    from featurex.models.options import ModelOptions, check_training
    from featurex.saved_models import age_bounds, rejection
    from featurex.saved_models.card import write_card
    from featurex.saved_models.files import save_model
    from featurex.saved_models.fitting import check_classes, fit_models
    from featurex.saved_models.out_of_fold import read_comparison
    from featurex.tasks import choose_tasks

    (model,) = check_model_names([model])
    check_training(train or [])
    if out_file.is_dir():
        raise ValueError(f"{out_file} is a folder: name the model's file with --out.")
    if comparison:
        read_comparison(comparison)  # what is wrong with it should not show after extraction
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
    tasks = served_tasks(choose_tasks(task or [], manifest), [model], named=bool(task))
    asked = rejection.read_asked(reject_below or [], tasks)
    if asked and not (evaluate or comparison):
        raise ValueError("--reject-below needs scores: leave --no-evaluate out.")
    ready_folder(out_file.parent)
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    suited([model], face_cache.backbone, named=True)
    face_cache.backbone.check_unseen(manifest.table)  # before the long work
    on_chips = any(map(takes_chips, parts_of(model)))
    stages.fill(manifest, face_cache, quiet=json, complete=on_chips)
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ())
    )
    checkpoints = out_file.with_name(f"{out_file.name}.checkpoints")
    faces = FaceTable(manifest, face_cache)
    check_classes(faces, tasks, model)
    stages.advise([model], faces, options)
    measured = None
    if comparison or evaluate:
        design = Design(tasks, [model], n_folds=folds, options=options)
        measured = _measure(faces, design, comparison, checkpoints)
    with progress(f"Fitting {model}", len(tasks) * len(parts_of(model))) as update:
        steps = stages.Steps(update)
        estimators, metadata = fit_models(
            faces,
            tasks,
            model,
            options,
            steps.next,
            on_epoch=steps.tell,
            checkpoints=checkpoints,
        )
    if measured:
        metadata = age_bounds.with_intervals(metadata, measured)
    if measured and asked:
        options_by_task = rejection.choose(measured, asked, seed)
        metadata = rejection.with_options(metadata, options_by_task, measured)
    save_model(out_file, estimators, metadata)
    card = write_card(out_file, metadata, faces, measured, typed_words(context))
    remove_checkpoints(checkpoints)
    if json:
        print_json(metadata)
        return
    print_table(_summary(metadata))
    if measured:
        print_table(_out_of_fold(measured), f"Out of fold, {measured.source}")
    for line in rejection.describe(rejection.options_of(metadata)):
        say(line)
    if intervals := age_bounds.intervals_of(metadata):
        say(age_bounds.describe(intervals))
    say(f"Wrote {out_file} ({out_file.stat().st_size / 1e6:.1f} MB) and its card {card.name}.")


def _measure(
    faces: FaceTable, design: Design, comparison: Path | None, checkpoints: Path
) -> OutOfFold:
    """Take the model's scores from a comparison, or cross-validate it."""
    from featurex.cli import stages
    from featurex.saved_models.out_of_fold import from_folder, from_result

    (model,) = design.models
    if comparison:
        return from_folder(comparison, faces, design.tasks, model, design.options)
    try:
        folds = faces.folds(design)
    except ValueError as error:
        raise ValueError(f"{error} To fit without measuring: --no-evaluate.") from error
    if design.n_folds not in (None, folds.n_folds):
        say(f"Measured in {folds.note}.")
    result = stages.run_comparison(faces, design, checkpoints)
    return from_result(result, design.tasks, model, "cross-validated on the same rows")


def _out_of_fold(measured: OutOfFold) -> pd.DataFrame:
    """Return each task's first score with its interval."""
    cells = measured.comparison.format_intervals()
    wanted = [name for name in ("Accuracy (%)", "MAE (years)") if name in cells]
    return cells[["Task", "Photos", *wanted]]


def _summary(metadata: dict[str, Any]) -> pd.DataFrame:
    """Return one row a task; of an average, also those of its parts, whose scores are known."""
    import pandas as pd

    rows = [
        (told["model"], task, summary["n_faces"], *_score(summary))
        for told in (*metadata.get("parts", ()), metadata)
        for task, summary in told["training"].items()
    ]
    table = pd.DataFrame(rows, columns=["model", "task", "faces", "inner score", "measure"])
    return table if "parts" in metadata else table.drop(columns="model")


def _score(summary: dict[str, float | None]) -> tuple[str, str]:
    name = next(name for name in summary if name.startswith("inner_"))
    value = summary[name]
    measure = name.removeprefix("inner_").replace("_", " ")
    return ("–" if value is None else f"{value:.3f}", measure)
