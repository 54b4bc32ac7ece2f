"""``featurex demo``: the whole main job on the bundled people, offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import Seed
from featurex.cli.predict import predict
from featurex.cli.screen import out, say
from featurex.models.defaults import DEFAULT_MODELS

if TYPE_CHECKING:
    from featurex.comparison.design import Design
    from featurex.comparison.experiment import Result
    from featurex.comparison.face_table import FaceTable
    from featurex.comparison.kept import Kept
    from featurex.extraction.face_cache import FaceCache
    from featurex.manifest import Manifest
    from featurex.models.options import ModelOptions

RENDERED = (
    "These 96 people do not exist: they were rendered, three photos each. The demo shows that "
    "everything works; its scores say nothing about accuracy on real people."
)
# Enough to show every step within three minutes on two cores; not enough for good scores.
FOLDS, EPOCHS, BATCH_SIZE = 3, 3, 16
SET_ASIDE = "set aside for the prediction"


@guarded
def demo(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the cache, the tables and the pictures.")
    ] = Path("featurex-demo"),
    seed: Seed = 0,
) -> None:
    """Extract, compare, fit and predict on the bundled people. Nothing is downloaded."""
    from featurex import datasets
    from featurex.cli import stages
    from featurex.comparison.design import Design
    from featurex.comparison.face_table import FaceTable
    from featurex.comparison.kept import Kept
    from featurex.models.options import ModelOptions
    from featurex.report.files import write_result
    from featurex.tasks import AGE_GROUP, GENDER
    from featurex.workflows.comparison_job import fits_in

    out.print(RENDERED, markup=False)
    manifest, photo = set_aside(datasets.read("people"), seed)
    cache = stages.open_cache(folder / "cache", "dlib-resnet")
    stages.fill(manifest, cache, quiet=False)
    options = ModelOptions(epochs=EPOCHS, batch_size=BATCH_SIZE, seed=seed, n_jobs=-1)
    design = Design([AGE_GROUP, GENDER], DEFAULT_MODELS, "subject", FOLDS, options)
    kept = Kept(fits_in(folder / "comparison"), say)
    result = stages.run_comparison(FaceTable(manifest, cache), design, kept=kept)
    stages.print_comparison(result.comparison, "Comparison (rendered people)")
    write_result(result, design, folder / "comparison")
    model = _fit(manifest, cache, options, kept, folder / "svm.featurex")
    say(f"Saved {model} and its card; predicting a photo of a person whom no model saw.")
    predict([photo], [model], draw=folder / "predictions")
    say(f"Tables, predictions, model and pictures are in {folder}.")


def set_aside(manifest: Manifest, seed: int) -> tuple[Manifest, Path]:
    """Take one person out of the training data, and return a photo of theirs."""
    import numpy as np

    table = manifest.table
    subject = np.random.default_rng(seed).choice(sorted(table["subject_id"].unique()))
    theirs = table["subject_id"] == subject
    rest = replace(
        manifest,
        table=table[~theirs].reset_index(drop=True),
        dropped=manifest.dropped | {SET_ASIDE: int(theirs.sum())},
    )
    return rest, Path(table.loc[theirs, "path"].iloc[0])


def _fit(
    manifest: Manifest, cache: FaceCache, options: ModelOptions, kept: Kept, file: Path
) -> Path:
    """Fit an SVM, measured on years too, of which the comparison has none; save it."""
    from featurex.cli import stages
    from featurex.saved_models.fitting import fit_models
    from featurex.workflows.fit_job import AskedFit, FitJob

    job = FitJob(AskedFit("svm", file, n_folds=FOLDS, options=options), manifest, lambda: cache)

    def run(faces: FaceTable, design: Design, checkpoints: Path) -> Result:
        return stages.run_comparison(faces, design, checkpoints, kept)

    measured = job.measure(run)
    estimators, metadata = fit_models(job.faces, job.tasks, job.model, options)
    return job.save(estimators, metadata, measured, ["featurex", "demo"]).file
