"""``featurex compare``: every model on the same folds, in one table."""

from __future__ import annotations

import sys
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
from featurex.cli.report import AuditDir, ShowFaces, write_page
from featurex.cli.screen import counted, print_json, say
from featurex.detectors import DEFAULT_DETECTOR
from featurex.files import ready_folder
from featurex.models.defaults import DEFAULT_MODELS
from featurex.networks import NETWORKS

if TYPE_CHECKING:
    from featurex.extraction.face_cache import FaceCache

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
    called: Called = None,
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
    from featurex.comparison.kept import Kept
    from featurex.datasets.reading import read_dataset
    from featurex.models.options import ModelOptions
    from featurex.report.audited_faces import count_audited
    from featurex.report.run_folder import read_audit
    from featurex.workflows.comparison_job import (
        AskedComparison,
        ComparisonJob,
        checkpoints_in,
        fits_in,
    )

    if (audit or show_faces) and not report:
        raise ValueError("--audit and --show-faces are for the page: name its folder by --report.")
    file = None if weights is None else str(weights)
    options = ModelOptions(
        backbone, file, epochs, batch_size, device, seed, jobs, tuple(train or ()), accelerate
    )
    asked = AskedComparison(
        models=model or (),
        tasks=task or (),
        predictions=predictions or (),
        transfer=test_dataset is not None,
        protocol=protocol,
        n_folds=folds,
        test_share=test_share,
        n_repeats=repeats,
        umap=umap,
        options=options,
    )
    if audit:
        read_audit(audit)  # what is wrong with it should not show after hours of fits
    read = partial(read_dataset, age_policy=age_policy, ages=ages, limit=limit, seed=seed)
    manifest = read(
        dataset, root, called=called, photos=photos, age_kind=age_kind, subjects=subjects
    )
    test_data = None
    if test_dataset:
        name, _, place = test_dataset.partition("=")
        test_data = read(name, place or None)
    if audit:
        count_audited(audit, (manifest if test_data is None else test_data).table["image_id"])

    def open_cache() -> FaceCache:
        for folder in filter(None, (out_dir, report)):
            ready_folder(folder)
        return stages.open_cache(
            cache, backbone, weights, device, detector=detector, precision=precision, mirror=mirror
        )

    job = ComparisonJob(asked, manifest, open_cache, test_data)
    if test_data is not None and job.left_out:
        say(f"Left out, since {test_data.dataset} has no label for it: {', '.join(job.left_out)}.")
    stages.fill(job.manifest, job.cache, quiet=json, complete=show_faces or job.needs_chips)
    stages.advise(job.design.models, job.faces, options)
    kept = Kept(fits_in(out_dir), say)
    result = stages.run_comparison(job.faces, job.design, checkpoints_in(out_dir), kept)
    files = job.write(result, out_dir, kept, ["featurex", *sys.argv[1:]])
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
