"""A fit as one job: what is asked for is checked, then measured, fitted and saved with its card.

The command line takes the steps one by one, with a progress bar each;
`featurex.workflows.fitting.fit` takes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from featurex.comparison.design import Design
from featurex.comparison.experiment import Result
from featurex.comparison.face_table import FaceTable
from featurex.comparison.fold_fits import remove_checkpoints
from featurex.extraction.face_cache import FaceCache
from featurex.files import ready_folder
from featurex.manifest import Manifest
from featurex.models.names import check_model_names, parts_of, served_tasks, suited, takes_chips
from featurex.models.options import ModelOptions, check_training
from featurex.saved_models import age_bounds, rejection
from featurex.saved_models.card import write_card
from featurex.saved_models.files import save_model
from featurex.saved_models.fitting import check_classes
from featurex.saved_models.out_of_fold import OutOfFold, from_folder, from_result, read_comparison
from featurex.tasks import choose_tasks


@dataclass(frozen=True)
class AskedFit:
    """What is asked of a fit, in words; a wrong word costs no reading.

    Attributes
    ----------
    model : str
        As ``featurex fit --model`` takes it.
    out_file : Path
        The model's file.
    tasks : sequence of str
        By default the usual ones that are labelled.
    evaluate : bool
        Whether the model is also cross-validated.
    n_folds : int or None
        In so many folds.
    comparison : Path or None
        Folder of a comparison that measured it already.
    reject_below : sequence of str
        As `featurex.saved_models.rejection.read_asked` takes them.
    options : ModelOptions

    Raises
    ------
    ValueError
        A word that does not fit, or two that exclude each other.
    RunError
        The comparison can't be read.
    """

    model: str
    out_file: Path
    tasks: Sequence[str] = ()
    evaluate: bool = True
    n_folds: int | None = None
    comparison: Path | None = None
    reject_below: Sequence[str] = ()
    options: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        check_model_names([self.model])
        check_training(self.options.training)
        if self.out_file.is_dir():
            raise ValueError(f"{self.out_file} is a folder: name the model's file with --out.")
        if self.comparison is not None:
            read_comparison(self.comparison)
        if self.n_folds is not None and self.comparison is not None:
            raise ValueError("--comparison was measured in folds of its own: leave --folds out.")
        if self.reject_below and not self.measures:
            raise ValueError("--reject-below needs scores: leave --no-evaluate out.")

    @property
    def measures(self) -> bool:
        """Whether the model's scores will be known."""
        return self.evaluate or self.comparison is not None


@dataclass(frozen=True)
class FittedModel:
    """A model that was fitted and saved.

    Attributes
    ----------
    file, card : Path
    metadata : dict
        What the file says of itself, as JSON.
    measured : OutOfFold or None
        What it predicted of people whom it had not seen; `measured.comparison` has its scores.
    """

    file: Path
    card: Path
    metadata: dict[str, Any]
    measured: OutOfFold | None


class FitJob:
    """A fit of one kind of model to all rows of a data set, that is ready to run.

    Parameters
    ----------
    asked : AskedFit
    manifest : Manifest
    open_cache : callable
        Opens the cache of the backbone; called when all else is known to fit.

    Attributes
    ----------
    manifest : Manifest
        `extract` brings its embeddings into the cache before `faces` is asked for.
    model : str
    tasks : list of Task
    cache : FaceCache

    Raises
    ------
    ValueError
        A task, or an accuracy to reject below, does not fit the data or the model.
    BackboneError
        The backbone does not fit the model, or was trained on some of the faces.
    OSError
        The file's folder can't be written.
    """

    def __init__(
        self, asked: AskedFit, manifest: Manifest, open_cache: Callable[[], FaceCache]
    ) -> None:
        self.asked, self.manifest = asked, manifest
        (self.model,) = check_model_names([asked.model])
        found = choose_tasks(asked.tasks, manifest)
        self.tasks = served_tasks(found, [self.model], named=bool(asked.tasks))
        self._accuracies = rejection.read_asked(asked.reject_below, self.tasks)
        ready_folder(asked.out_file.parent)
        self.cache = open_cache()
        suited([self.model], self.cache.backbone, named=True)
        self.cache.backbone.check_unseen(manifest.table)  # before the long work
        self.needs_chips = any(map(takes_chips, parts_of(self.model)))
        file = asked.out_file
        self.checkpoints = file.with_name(f"{file.name}.checkpoints")

    @cached_property
    def faces(self) -> FaceTable:
        """The faces, once their embeddings are in the cache.

        Raises
        ------
        ValueError
            There is none, or a class has one person only.
        """
        faces = FaceTable(self.manifest, self.cache)
        check_classes(faces, self.tasks, self.model)
        return faces

    def measure(
        self,
        run: Callable[[FaceTable, Design, Path], Result],
        tell: Callable[[str], None] = lambda line: None,
    ) -> OutOfFold | None:
        """Take the model's scores from a comparison, or cross-validate it.

        Parameters
        ----------
        run : callable
            Runs a comparison, with a folder for checkpoints.
        tell : callable
            Called with a line where the folds are other ones than was asked.

        Raises
        ------
        ValueError
            There are too few rows, or the comparison is of something else.
        """
        asked = self.asked
        if not asked.measures:
            return None
        if asked.comparison is not None:
            return from_folder(asked.comparison, self.faces, self.tasks, self.model, asked.options)
        design = Design(self.tasks, [self.model], n_folds=asked.n_folds, options=asked.options)
        try:
            folds = self.faces.folds(design)
        except ValueError as error:
            raise ValueError(f"{error} To fit without measuring: --no-evaluate.") from error
        if asked.n_folds not in (None, folds.n_folds):
            tell(f"Measured in {folds.note}.")
        result = run(self.faces, design, self.checkpoints)
        return from_result(result, self.tasks, self.model, "cross-validated on the same rows")

    def save(
        self,
        estimators: Mapping[str, Any],
        metadata: dict[str, Any],
        measured: OutOfFold | None,
        command: Sequence[str] = (),
    ) -> FittedModel:
        """Write the fitted models and their card; remove the checkpoints.

        Parameters
        ----------
        estimators, metadata
            As `featurex.saved_models.fitting.fit_models` returns them.
        measured : OutOfFold or None
        command : sequence of str
            What made it, for the card.
        """
        if measured:
            metadata = age_bounds.with_intervals(metadata, measured)
        if measured and self._accuracies:
            chosen = rejection.choose(measured, self._accuracies, self.asked.options.seed)
            metadata = rejection.with_options(metadata, chosen, measured)
        file = self.asked.out_file
        save_model(file, estimators, metadata)
        card = write_card(file, metadata, self.faces, measured, command)
        remove_checkpoints(self.checkpoints)
        return FittedModel(file, card, metadata, measured)
