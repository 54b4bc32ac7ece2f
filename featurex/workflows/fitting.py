"""`featurex.fit`: what ``featurex fit`` does, for Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from featurex.comparison.design import Design
from featurex.comparison.experiment import Result, run
from featurex.comparison.face_table import FaceTable
from featurex.extraction.alignment import photos_of
from featurex.extraction.extracting import extract
from featurex.extraction.face_embedder import FaceEmbedder
from featurex.manifest import Manifest
from featurex.saved_models.fitting import fit_models
from featurex.workflows.fit_job import AskedFit, FitJob, FittedModel
from featurex.workflows.options import check_data, model_options, words


def fit(
    data: Manifest,
    model: str = "svm",
    *,
    out: str | Path,
    embedder: FaceEmbedder | None = None,
    tasks: str | Sequence[str] = (),
    evaluate: bool = True,
    n_folds: int | None = None,
    comparison: str | Path | None = None,
    reject_below: float | Mapping[str, float] | None = None,
    epochs: int = 12,
    batch_size: int = 64,
    train: str | Sequence[str] = (),
    n_jobs: int = -1,
    random_state: int = 0,
    on_step: Callable[[str], None] = lambda line: None,
) -> FittedModel:
    """Train one kind of model on all faces of a data set, and save it with its card.

    A model for every task; what is not in the cache is embedded first.

    Parameters
    ----------
    data : Manifest
        As `featurex.read_dataset` returns it.
    model : str
        As ``featurex fit --model`` takes it, such as "mlp" or "svm+finetuned".
    out : path-like
        The model's file, for `featurex.Predictor.load`; the card is written beside it.
    embedder : FaceEmbedder, optional
        Backbone, cache and device; `FaceEmbedder()` by default.
    tasks : str or sequence of str
        Of age-group, gender, age, gender-3 and race; by default the first three that are labelled.
    evaluate : bool
        Whether the model is also cross-validated, for the scores on its card and the intervals of
        its ages.
    n_folds : int, optional
        Folds to evaluate in; 5 by default.
    comparison : path-like, optional
        Folder that `featurex.compare` wrote, of the same data and model, to take the scores from.
    reject_below : float or mapping of str to float, optional
        Accuracy, of all tasks with classes or by task, below which `predict` says "undefined".
    epochs, batch_size, train, n_jobs, random_state, on_step
        As of `featurex.compare`.

    Returns
    -------
    FittedModel
        Its `file`, its `card`, and what was `measured`.

    Raises
    ------
    ValueError
        A word that does not fit, or too few rows for the folds.
    FeaturexError, CacheError, PipelineError
        See these; a message says what to do.

    Warns
    -----
    UserWarning
        A licence forbids some uses of the backbone.

    Examples
    --------
    >>> from featurex import Predictor, fit, read_dataset
    >>> fitted = fit(read_dataset("people"), out="faces.featurex")  # doctest: +SKIP
    >>> predictor = Predictor.load(fitted.file)  # doctest: +SKIP
    """
    check_data(data)
    embedder = embedder or FaceEmbedder()
    options = model_options(
        embedder,
        epochs=epochs,
        batch_size=batch_size,
        seed=random_state,
        n_jobs=n_jobs,
        training=words(train),
    )
    asked = AskedFit(
        model=model,
        out_file=Path(out),
        tasks=words(tasks),
        evaluate=evaluate,
        n_folds=n_folds,
        comparison=None if comparison is None else Path(comparison),
        reject_below=_words(reject_below),
        options=options,
    )
    job = FitJob(asked, data, embedder.open)
    if notice := job.cache.backbone.notice:
        warnings.warn(notice, stacklevel=2)
    extract(photos_of(data), job.cache, complete=job.needs_chips)

    def measure(faces: FaceTable, design: Design, checkpoints: Path) -> Result:
        return run(faces, design, on_step, on_epoch=on_step, checkpoints=checkpoints)

    measured = job.measure(measure, on_step)
    estimators, metadata = fit_models(
        job.faces,
        job.tasks,
        job.model,
        options,
        on_step,
        on_epoch=on_step,
        checkpoints=job.checkpoints,
    )
    return job.save(estimators, metadata, measured)


def _words(accuracy: float | Mapping[str, float] | None) -> list[str]:
    """Write accuracies as the command line takes them."""
    if accuracy is None:
        return []
    if isinstance(accuracy, Mapping):
        return [f"{task}={value}" for task, value in accuracy.items()]
    return [str(accuracy)]
