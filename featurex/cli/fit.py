"""``featurex fit``: one model on all rows, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    print_table,
    progress,
    read_manifest,
    ready_folder,
    say,
)
from featurex.detectors import DEFAULT_DETECTOR
from featurex.networks import NETWORKS

if TYPE_CHECKING:
    import pandas as pd


@guarded
def fit(
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
    json: Json = False,
) -> None:
    """Train one kind of model on all rows, and save it. A model for every task."""
    from featurex.cli import stages
    from featurex.face_table import FaceTable
    from featurex.fitting import fit_models
    from featurex.fold_fits import remove_checkpoints
    from featurex.model_files import save_model
    from featurex.models import (
        ModelOptions,
        check_model_names,
        check_training,
        parts_of,
        served_tasks,
        suited,
    )
    from featurex.tasks import choose_tasks

    (model,) = check_model_names([model])
    check_training(train or [])
    if out_file.is_dir():
        raise ValueError(f"{out_file} is a folder: name the model's file with --out.")
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
    ready_folder(out_file.parent)
    face_cache = stages.open_cache(
        cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    suited([model], face_cache.backbone, named=True)
    stages.fill(manifest, face_cache, quiet=json)
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ())
    )
    checkpoints = out_file.with_name(f"{out_file.name}.checkpoints")
    with progress(f"Fitting {model}", len(tasks) * len(parts_of(model))) as update:
        steps = stages.Steps(update)
        estimators, metadata = fit_models(
            FaceTable(manifest, face_cache),
            tasks,
            model,
            options,
            steps.next,
            on_epoch=steps.tell,
            checkpoints=checkpoints,
        )
    save_model(out_file, estimators, metadata)
    remove_checkpoints(checkpoints)
    if json:
        print_json(metadata)
        return
    print_table(_summary(metadata))
    say(f"Wrote {out_file} ({out_file.stat().st_size / 1e6:.1f} MB).")


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
