"""What a comparison compares, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from featurex.comparison.mixed_averages import MixedAverage
from featurex.comparison.outside_model import OutsideModel
from featurex.models.names import serves, single_models
from featurex.models.options import ModelOptions
from pipelines import Task


@dataclass(frozen=True)
class Design:
    """What is compared, and how.

    Attributes
    ----------
    tasks : sequence of Task
    models : sequence of str
        As `featurex.models.names.check_model_names` returns them.
    protocol : str
        As `pipelines.assign_folds` takes it.
    n_folds : int or None
        As `pipelines.assign_folds` takes it.
    options : ModelOptions
    n_repeats : int
        How often the folds are made, each time from another seed.
    test_share : float or None
        Of the protocol ``holdout``.
    outside : sequence of OutsideModel
        Whose predictions are scored beside those of `models`.
    mixed : sequence of MixedAverage
        Averages with some of them.
    """

    tasks: Sequence[Task]
    models: Sequence[str]
    protocol: str = "auto"
    n_folds: int | None = None
    options: ModelOptions = field(default_factory=ModelOptions)
    n_repeats: int = 1
    test_share: float | None = None
    outside: Sequence[OutsideModel] = ()
    mixed: Sequence[MixedAverage] = ()

    def models_for(self, task: Task) -> list[str]:
        """Return the models that are for a task."""
        return [model for model in self.models if serves(model, task.name)]

    def outside_for(self, task: Task) -> list[OutsideModel]:
        """Return the models from outside that answer a task."""
        return [model for model in self.outside if task.name in model.answers]

    def mixed_for(self, task: Task) -> list[MixedAverage]:
        """Return the averages with models from outside that are for a task."""
        answered = [model.name for model in self.outside_for(task)]
        return [average for average in self.mixed if average.serves(task, answered)]

    def fitted_for(self, task: Task) -> list[str]:
        """Return the single models that must be fitted for a task."""
        of_mixed = [part for average in self.mixed_for(task) for part in average.own]
        return single_models([*self.models_for(task), *of_mixed])
