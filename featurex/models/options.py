"""What decides a model beside its name, and the estimator that is made of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurex.models.names import network_name, single_models, takes_chips
from featurex.training.settings import TrainingSettings, get_preset
from pipelines import Task, TunedClassifier, TunedRegressor

# From how many faces on, and for which networks, the settings `many-faces` are named: a guess
# between the 1,000 faces of which learning together gained nothing and the 15,511 of which it did.
MANY_FACES = 10_000
_FOR_MANY_FACES = ("finetuned", "multitask")


@dataclass(frozen=True)
class ModelOptions:
    """What decides a model beside its name.

    Attributes
    ----------
    backbone, weights : str
        The network's pretrained trunk; the embeddings come from the cache.
    epochs, batch_size : int
        Training of networks that are named without settings of their own.
    device : str
        Where networks are trained.
    seed : int
    n_jobs : int
        Processes that tune scikit-learn models.
    training : tuple of str
        Changes of every network's training settings, as
        `featurex.training.settings.TrainingSettings.changed` takes them.
    accelerate : str or None
        What scikit-learn's models are fitted with, as `pipelines.check_accelerator` takes it.
    """

    backbone: str = "dlib-resnet"
    weights: str | None = None
    epochs: int = 12
    batch_size: int = 64
    device: str = "auto"
    seed: int = 0
    n_jobs: int | None = None
    training: tuple[str, ...] = ()
    accelerate: str | None = None


def check_training(changes: Sequence[str]) -> None:
    """Raise ValueError where a change of the training settings does not fit."""
    TrainingSettings().changed(changes)


def training_settings(model: str, options: ModelOptions) -> TrainingSettings:
    """Return how a network is trained.

    Settings that are named with the network decide over `epochs` and `batch_size` of the options;
    the options' `training` decides over both.

    Raises
    ------
    ValueError
        A change of `options.training` that does not fit.
    """
    preset = model.partition("@")[2]
    settings = (
        get_preset(preset)
        if preset
        else TrainingSettings(epochs=options.epochs, batch_size=options.batch_size)
    )
    return settings.changed(options.training)


def learnt_together(
    model: str, task: Task, side: Iterable[str], options: ModelOptions
) -> tuple[str, ...]:
    """Return the tasks that a network's training serves alike: its own, or all that it learns.

    Two tasks of one model for which they are the same may be served by one training.

    Parameters
    ----------
    model : str
        A network.
    task : Task
    side : iterable of str
        Other tasks that it can learn and that are labelled.
    options : ModelOptions
    """
    from featurex.networks import get_network

    if training_settings(model, options).side_tasks != "all":
        return (task.name,)
    names = get_network(network_name(model)).learns(task.name, list(side), everything=True)
    return tuple(sorted(names))


def settings_advice(models: Sequence[str], n_faces: int, options: ModelOptions) -> list[str]:
    """Name networks for which there are training settings that are made for so many faces.

    Parameters
    ----------
    models : sequence of str
    n_faces : int
        In the whole data set.
    options : ModelOptions
        Who chose settings, other than the precision, is not advised.

    Returns
    -------
    list of str
        With those settings, such as "finetuned@many-faces".
    """
    if n_faces < MANY_FACES:
        return []
    networks = [model for model in single_models(models) if model in _FOR_MANY_FACES]
    return [f"{model}@many-faces" for model in networks if _is_usual(model, options)]


def make_estimator(
    model: str,
    task: Task,
    options: ModelOptions,
    on_epoch: Callable[[dict[str, Any], int], None] | None = None,
    checkpoint: Path | None = None,
) -> Any:
    """Make an unfitted estimator for a task.

    Parameters
    ----------
    model : str
        A single one, as `check_model_names` returns it; an average is made of fitted ones.
    task : Task
    options : ModelOptions
    on_epoch : callable, optional
        What a network calls after each epoch with its row of the history and the most epochs.
    checkpoint : Path, optional
        Where a network writes its state, to go on from it.
    """
    if not takes_chips(model):
        tuned = TunedRegressor if task.is_regression else TunedClassifier
        return tuned(
            model,
            n_jobs=options.n_jobs,
            random_state=options.seed,
            accelerate=options.accelerate,
        )
    from featurex.models.finetuning import NetworkClassifier, NetworkRegressor

    kind = NetworkRegressor if task.is_regression else NetworkClassifier
    return kind(
        network_name(model),
        options.backbone,
        task=task.name,
        weights=options.weights,
        settings=training_settings(model, options),
        device=options.device,
        random_state=options.seed,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )


def _is_usual(model: str, options: ModelOptions) -> bool:
    settings = training_settings(model, options)
    return settings == TrainingSettings(precision=settings.precision)
