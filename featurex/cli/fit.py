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
    Called,
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
)
from featurex.cli.screen import print_json, print_table, progress, say
from featurex.detectors import DEFAULT_DETECTOR
from featurex.networks import NETWORKS

if TYPE_CHECKING:
    import pandas as pd

    from featurex.extraction.face_cache import FaceCache
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
    called: Called = None,
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
    from featurex.datasets.reading import read_dataset
    from featurex.models.names import parts_of
    from featurex.models.options import ModelOptions
    from featurex.saved_models import age_bounds, rejection
    from featurex.saved_models.fitting import fit_models
    from featurex.workflows.fit_job import AskedFit, FitJob

    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ())
    )
    asked = AskedFit(
        model=model,
        out_file=out_file,
        tasks=task or (),
        evaluate=evaluate,
        n_folds=folds,
        comparison=comparison,
        reject_below=reject_below or (),
        options=options,
    )
    manifest = read_dataset(
        dataset,
        root,
        called=called,
        age_policy=age_policy,
        photos=photos,
        age_kind=age_kind,
        ages=ages,
        limit=limit,
        seed=seed,
        subjects=subjects,
    )

    def open_cache() -> FaceCache:
        return stages.open_cache(
            cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
        )

    job = FitJob(asked, manifest, open_cache)
    stages.fill(manifest, job.cache, quiet=json, complete=job.needs_chips)
    stages.advise([job.model], job.faces, options)
    measured = job.measure(stages.run_comparison, say)
    with progress(f"Fitting {model}", len(job.tasks) * len(parts_of(job.model))) as update:
        steps = stages.Steps(update)
        models, metadata = fit_models(
            job.faces,
            job.tasks,
            job.model,
            options,
            steps.next,
            on_epoch=steps.tell,
            checkpoints=job.checkpoints,
        )
    fitted = job.save(models, metadata, measured, typed_words(context))
    if json:
        print_json(fitted.metadata)
        return
    print_table(_summary(fitted.metadata))
    if measured:
        print_table(_out_of_fold(measured), f"Out of fold, {measured.source}")
    for line in rejection.describe(rejection.options_of(fitted.metadata)):
        say(line)
    if intervals := age_bounds.intervals_of(fitted.metadata):
        say(age_bounds.describe(intervals))
    megabytes = out_file.stat().st_size / 1e6
    say(f"Wrote {out_file} ({megabytes:.1f} MB) and its card {fitted.card.name}.")


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
