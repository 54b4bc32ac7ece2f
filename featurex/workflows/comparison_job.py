"""A comparison as one job: what is asked for is checked, then the work is done step by step.

The command line takes the steps one by one, with a progress bar each;
`featurex.workflows.comparing.compare` takes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from featurex.comparison.design import Design
from featurex.comparison.experiment import Result
from featurex.comparison.face_table import FaceTable
from featurex.comparison.fold_fits import remove_checkpoints
from featurex.comparison.kept import Kept
from featurex.comparison.kept_comparison import write_once
from featurex.comparison.mixed_averages import MixedAverage, split_mixed
from featurex.comparison.outside import outside_names, read_outside
from featurex.comparison.transfer import TransferTable, join_manifests, shared_tasks
from featurex.extraction.face_cache import FaceCache
from featurex.manifest import Manifest
from featurex.models.defaults import DEFAULT_MODELS
from featurex.models.names import served_tasks, single_models, suited, takes_chips
from featurex.models.options import ModelOptions, check_training
from featurex.report.embedding_map import check_umap, write_map
from featurex.report.files import write_result
from featurex.tasks import choose_tasks
from pipelines import Task, check_accelerator, check_protocol


@dataclass(frozen=True)
class AskedComparison:
    """What is asked of a comparison, in words; a wrong word costs no reading.

    Attributes
    ----------
    models : sequence of str
        As ``featurex compare --model`` takes them; `DEFAULT_MODELS` where none is named.
    tasks : sequence of str
        By default the usual ones that are labelled.
    predictions : sequence of str
        As `featurex.comparison.outside.read_outside` takes them.
    transfer : bool
        Whether all is trained on one data set and tested on another.
    protocol, n_folds, test_share, n_repeats
        As `pipelines.check_protocol` takes them.
    umap : bool
        Whether the embeddings are mapped by UMAP too.
    options : ModelOptions

    Raises
    ------
    ValueError
        A word or a number that does not fit, or a protocol for a test of another data set.
    """

    models: Sequence[str] = ()
    tasks: Sequence[str] = ()
    predictions: Sequence[str] = ()
    transfer: bool = False
    protocol: str = "auto"
    n_folds: int | None = None
    test_share: float | None = None
    n_repeats: int = 1
    umap: bool = False
    options: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        self.split_models()
        check_training(self.options.training)
        check_accelerator(self.options.accelerate)
        check_protocol(self.protocol, self.n_folds, self.test_share, self.n_repeats)
        if self.transfer and self._has_protocol:
            raise ValueError(
                "--test-dataset is a protocol of its own: leave out --protocol, --folds, --repeats "
                "and --test-share."
            )
        if self.umap:
            check_umap()

    def split_models(self) -> tuple[list[str], list[MixedAverage]]:
        """Return the models, and the averages with models from outside."""
        return split_mixed(self.models or DEFAULT_MODELS, outside_names(self.predictions))

    @property
    def _has_protocol(self) -> bool:
        chosen = (self.protocol, self.n_folds, self.test_share, self.n_repeats)
        return chosen != ("auto", None, None, 1)


class ComparisonJob:
    """A comparison of a data set, or of two, that is ready to run.

    Parameters
    ----------
    asked : AskedComparison
    manifest : Manifest
    open_cache : callable
        Opens the cache of the backbone; called when all else is known to fit.
    test_data : Manifest, optional
        Another data set, to test on; needed where `asked.transfer` says so.

    Attributes
    ----------
    manifest : Manifest
        All whose embeddings are needed: `extract` brings them into the cache before `faces` is
        asked for.
    cache : FaceCache
    design : Design
    left_out : list of str
        Usual tasks that only the data to train on have labels for.

    Raises
    ------
    ValueError
        A task or model does not fit the data.
    BackboneError
        The backbone does not fit a model, or was trained on some of the faces.
    DatasetError, PredictionTableError
        The predictions of a model from outside can't be used.
    """

    def __init__(
        self,
        asked: AskedComparison,
        manifest: Manifest,
        open_cache: Callable[[], FaceCache],
        test_data: Manifest | None = None,
    ) -> None:
        self.asked = asked
        self._is_transfer = test_data is not None
        found, self.left_out = _find_tasks(asked.tasks, manifest, test_data)
        models, mixed = asked.split_models()
        own = [*models, *(part for average in mixed for part in average.own)]
        tasks = served_tasks(found, own, named=bool(asked.tasks)) if own else found
        tested = manifest if test_data is None else test_data
        outside = read_outside(asked.predictions, tested, tasks, own)
        self.manifest = manifest if test_data is None else join_manifests(manifest, test_data)
        self.cache = open_cache()
        allowed = suited(own, self.cache.backbone, named=bool(asked.models))
        self.cache.backbone.check_unseen(self.manifest.table)  # before the long work
        self.design = Design(
            tasks,
            [model for model in models if model in allowed],
            asked.protocol,
            asked.n_folds,
            asked.options,
            asked.n_repeats,
            asked.test_share,
            outside,
            mixed,
        )
        self.needs_chips = any(map(takes_chips, single_models(own)))

    @cached_property
    def faces(self) -> FaceTable:
        """The faces, once their embeddings are in the cache."""
        kind = TransferTable if self._is_transfer else FaceTable
        return kind(self.manifest, self.cache)

    def write(
        self, result: Result, folder: Path, kept: Kept, command: Sequence[str] = ()
    ) -> list[Path]:
        """Write a comparison's files, and remove the checkpoints that it needs no more.

        Parameters
        ----------
        result : Result
        folder : Path
        kept : Kept
            Where the hashes of the files are kept, which are written once.
        command : sequence of str
            What made it, for the record.

        Returns
        -------
        list of Path
            As `featurex.report.files.write_result` does, and the map.
        """
        decides = (result.comparison, result.predictions, dict(result.record), result.groups)
        seed = self.design.options.seed

        def write() -> list[Path]:
            result.record["command"] = list(command)
            written = write_result(result, self.design, folder)
            return [*written, write_map(self.faces, folder, seed=seed, umap=self.asked.umap)]

        files = write_once(kept, folder, write, *decides, self.design, self.asked.umap)
        remove_checkpoints(checkpoints_in(folder))
        return files


def checkpoints_in(folder: Path) -> Path:
    """Return the folder, in that of a comparison, where unfinished networks are."""
    return folder / "checkpoints"


def fits_in(folder: Path) -> Path:
    """Return the folder, in that of a comparison, where finished fits are kept."""
    return folder / "fits"


def _find_tasks(
    names: Sequence[str], manifest: Manifest, test_data: Manifest | None
) -> tuple[list[Task], list[str]]:
    """Return the tasks, and those of the usual ones that the data to test on lack."""
    if test_data is None:
        return choose_tasks(names, manifest), []
    shared = shared_tasks(names, manifest, test_data)
    known = [task.name for task in shared]
    usual = () if names else manifest.tasks()
    return shared, [name for name in usual if name not in known]
