"""Every model by name: scikit-learn's on embeddings, CNNs on the chips themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from featurex.backbones import Backbone
from pipelines import MODELS, Task, TunedClassifier, TunedRegressor

FINETUNED = "finetuned"
MODEL_NAMES = (*MODELS, FINETUNED)


@dataclass(frozen=True)
class ModelOptions:
    """What decides a model beside its name.

    Attributes
    ----------
    backbone, weights : str
        The CNN's pretrained trunk; the embeddings come from the cache.
    epochs, batch_size : int
        Training of CNNs.
    device : str
        Where CNNs are trained.
    seed : int
    n_jobs : int
        Processes that tune scikit-learn models.
    """

    backbone: str = "dlib-resnet"
    weights: str | None = None
    epochs: int = 12
    batch_size: int = 64
    device: str = "auto"
    seed: int = 0
    n_jobs: int | None = None


def check_model_names(names: list[str]) -> list[str]:
    """Return the names, each once.

    Raises
    ------
    ValueError
        An unknown name.
    """
    for name in names:
        if name not in MODEL_NAMES:
            raise ValueError(f"Unknown model {name!r}. The models are {', '.join(MODEL_NAMES)}.")
    return list(dict.fromkeys(names))


def suited(models: list[str], backbone: Backbone, *, named: bool) -> list[str]:
    """Return the models that a backbone can be used with.

    Parameters
    ----------
    models : list of str
    backbone : Backbone
    named : bool
        Whether the user named them, so that none may be left out.

    Raises
    ------
    BackboneError
        A CNN was named, and the backbone is none.
    """
    if named and any(map(takes_chips, models)):
        backbone.check_trainable()
    return [model for model in models if backbone.trainable or not takes_chips(model)]


def takes_chips(model: str) -> bool:
    """Tell whether a model is trained on face chips, rather than on embeddings."""
    return model == FINETUNED


def make_estimator(
    model: str,
    task: Task,
    options: ModelOptions,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Any:
    """Make an unfitted estimator for a task.

    Parameters
    ----------
    model : str
        One of `MODEL_NAMES`.
    task : Task
    options : ModelOptions
    on_epoch : callable, optional
        What a CNN calls after each epoch with its number and validation loss.
    """
    if not takes_chips(model):
        tuned = TunedRegressor if task.is_regression else TunedClassifier
        return tuned(model, n_jobs=options.n_jobs, random_state=options.seed)
    from featurex.finetuning import FineTunedClassifier, FineTunedRegressor

    finetuned = FineTunedRegressor if task.is_regression else FineTunedClassifier
    return finetuned(
        options.backbone,
        weights=options.weights,
        max_epochs=options.epochs,
        batch_size=options.batch_size,
        device=options.device,
        random_state=options.seed,
        on_epoch=on_epoch,
    )
