"""`featurex.compare`: what ``featurex compare`` does, for Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from featurex.comparison.experiment import Result, run
from featurex.comparison.kept import Kept
from featurex.extraction.alignment import photos_of
from featurex.extraction.extracting import extract
from featurex.extraction.face_embedder import FaceEmbedder
from featurex.manifest import Manifest
from featurex.workflows.comparison_job import (
    AskedComparison,
    ComparisonJob,
    checkpoints_in,
    fits_in,
)
from featurex.workflows.options import check_data, model_options, words


def compare(
    data: Manifest,
    models: str | Sequence[str] = (),
    *,
    embedder: FaceEmbedder | None = None,
    tasks: str | Sequence[str] = (),
    test_data: Manifest | None = None,
    predictions: Mapping[str, str | Path] | None = None,
    protocol: str = "auto",
    n_folds: int | None = None,
    test_share: float | None = None,
    n_repeats: int = 1,
    epochs: int = 12,
    batch_size: int = 64,
    train: str | Sequence[str] = (),
    n_jobs: int = -1,
    accelerate: str | None = None,
    random_state: int = 0,
    out: str | Path | None = None,
    on_step: Callable[[str], None] = lambda line: None,
) -> Result:
    """Compare models on one data set, or across two; what is not in the cache is embedded first.

    No person is on both sides, where the data name people. The same seed gives the same scores as
    the command line.

    Parameters
    ----------
    data : Manifest
        As `featurex.read_dataset` returns it.
    models : str or sequence of str
        As ``featurex compare --model`` takes them, such as ``["svm", "svm+finetuned"]``; by default
        majority, svm, random-forest, mlp and finetuned.
    embedder : FaceEmbedder, optional
        Backbone, cache and device; `FaceEmbedder()` by default.
    tasks : str or sequence of str
        Of age-group, gender, age, gender-3 and race; by default the first three that are labelled.
    test_data : Manifest, optional
        Train on all of `data`, and test on all of this.
    predictions : mapping of str to path-like, optional
        Files of other models' predictions by name, see docs/outside-models.md; a name such as
        ``"theirs:svm"`` takes one of several models in a file.
    protocol : str
        "official", "subject", "leave-one-subject-out", "holdout", "random" (people may be on both
        sides), or "auto", the first honest one that fits.
    n_folds : int, optional
        Of "subject" and "random"; 5 by default.
    test_share : float, optional
        Of "holdout"; 0.2 by default.
    n_repeats : int
        So many times, reseeded.
    epochs, batch_size : int
        Of networks that are named without settings of their own.
    train : str or sequence of str
        Changes of the training settings, such as ``["precision=bfloat16"]``.
    n_jobs : int
        Processes that fit models; -1 is one for each core.
    accelerate : {"intelex"}, optional
        What scikit-learn's models are fitted with.
    random_state : int
        Of folds and models.
    out : path-like, optional
        Folder for tables, predictions and pictures, as the command line writes them; finished fits
        are kept there too, so that the same call goes on where it was stopped, and networks that
        serve two tasks are trained once. Without it nothing is written.
    on_step : callable
        Called with one line after every fold, and every epoch of a network, such as `print`.

    Returns
    -------
    Result
        Printed, or shown by a notebook, it is the table; `result.comparison.table` has all numbers
        and `result.predictions` every out-of-fold prediction.

    Raises
    ------
    ValueError
        A word that does not fit, or too few rows for the folds.
    FeaturexError, CacheError, PipelineError
        See these; a message says what to do.

    Warns
    -----
    UserWarning
        People may be on both sides; or a licence forbids some uses of the backbone.

    Examples
    --------
    >>> from featurex import compare, read_dataset
    >>> result = compare(read_dataset("people"), ["svm"], n_folds=3)  # doctest: +SKIP
    >>> print(result)  # doctest: +SKIP
    """
    check_data(data, *[] if test_data is None else [test_data])
    embedder = embedder or FaceEmbedder()
    options = model_options(
        embedder,
        epochs=epochs,
        batch_size=batch_size,
        seed=random_state,
        n_jobs=n_jobs,
        training=words(train),
        accelerate=accelerate,
    )
    asked = AskedComparison(
        models=words(models),
        tasks=words(tasks),
        predictions=[f"{name}={file}" for name, file in (predictions or {}).items()],
        transfer=test_data is not None,
        protocol=protocol,
        n_folds=n_folds,
        test_share=test_share,
        n_repeats=n_repeats,
        options=options,
    )
    job = ComparisonJob(asked, data, embedder.open, test_data)
    if notice := job.cache.backbone.notice:
        warnings.warn(notice, stacklevel=2)
    extract(photos_of(job.manifest), job.cache, complete=job.needs_chips)
    if warning := job.faces.folds(job.design).warning:
        warnings.warn(warning, stacklevel=2)
    if out is None:
        return run(job.faces, job.design, on_step, on_epoch=on_step)
    folder = Path(out)
    kept = Kept(fits_in(folder), on_step)
    result = run(
        job.faces,
        job.design,
        on_step,
        on_epoch=on_step,
        checkpoints=checkpoints_in(folder),
        kept=kept,
    )
    job.write(result, folder, kept)
    return result
