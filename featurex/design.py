"""What a comparison compares, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from featurex.models import ModelOptions, serves
from featurex.outside_model import OutsideModel
from pipelines import Task


@dataclass(frozen=True)
class Design:
    """What is compared, and how.

    Attributes
    ----------
    tasks : sequence of Task
    models : sequence of str
        As `featurex.models.check_model_names` returns them.
    protocol : str
        As `pipelines.assign_folds` takes it.
    n_folds : int
    options : ModelOptions
    n_repeats : int
        How often the folds are made, each time from another seed.
    test_share : float or None
        Of the protocol ``holdout``.
    outside : sequence of OutsideModel
        Whose predictions are scored beside those of `models`.
    """

    tasks: Sequence[Task]
    models: Sequence[str]
    protocol: str = "auto"
    n_folds: int = 5
    options: ModelOptions = field(default_factory=ModelOptions)
    n_repeats: int = 1
    test_share: float | None = None
    outside: Sequence[OutsideModel] = ()

    def models_for(self, task: Task) -> list[str]:
        """Return the models that are for a task."""
        return [model for model in self.models if serves(model, task.name)]
