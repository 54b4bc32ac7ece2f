"""Every model by name: scikit-learn's on embeddings, networks on the chips themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurex.backbones import Backbone
from featurex.networks import NETWORKS
from featurex.training.settings import TrainingSettings, get_preset
from pipelines import MODELS, Task, TunedClassifier, TunedRegressor

MODEL_NAMES = (*MODELS, *NETWORKS)
# From how many faces on, and for which networks, the settings `many-faces` are named: a guess
# between the 1,000 faces of which learning together gained nothing and the 15,511 of which it did.
MANY_FACES = 10_000
_FOR_MANY_FACES = ("finetuned", "multitask")
# Between the names of the models that are averaged, as in svm+finetuned.
AVERAGE_SIGN = "+"


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


def check_model_names(names: list[str]) -> list[str]:
    """Return the names, each once; an average's parts in the order of `MODEL_NAMES`.

    Parameters
    ----------
    names : list of str
        Of `MODEL_NAMES`, and averages of them such as ``svm+finetuned``, of which the order does
        not matter; a network may be followed by the name of its training settings, as in
        "finetuned@student-20x256".

    Raises
    ------
    ValueError
        An unknown name, or an average of a model with itself.
    """
    return list(dict.fromkeys(map(_canonical, names)))


def parts_of(model: str) -> list[str]:
    """Return the models that an average is of; a single model is its only part."""
    return model.split(AVERAGE_SIGN)


def single_models(models: Sequence[str]) -> list[str]:
    """Return what must be fitted for some models: the single ones and all parts, each once."""
    return list(dict.fromkeys(part for model in models for part in parts_of(model)))


def _canonical(name: str) -> str:
    parts = parts_of(name)
    for part in parts:
        _check_single(part, name)
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name!r} names a model twice: an average is of different ones.")
    return AVERAGE_SIGN.join(sorted(parts, key=_rank))


def _check_single(part: str, name: str) -> None:
    base, sign, preset = part.partition("@")
    if base not in MODEL_NAMES or (sign and base not in NETWORKS):
        raise ValueError(
            f"Unknown model {part!r}{_inside(part, name)}. The models are "
            f"{', '.join(MODEL_NAMES)}, and averages of them such as svm+finetuned."
        )
    if sign:
        get_preset(preset)


def _rank(part: str) -> tuple[int, str]:
    return MODEL_NAMES.index(network_name(part)), part


def _inside(part: str, name: str) -> str:
    return "" if part == name else f" in {name!r}"


def check_training(changes: Sequence[str]) -> None:
    """Raise ValueError where a change of the training settings does not fit."""
    TrainingSettings().changed(changes)


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
        A network on a trunk was named, and the backbone is no network.
    """
    on_trunk = [model for model in models if any(map(_has_trunk, parts_of(model)))]
    if named and on_trunk:
        backbone.check_trainable()
    return [model for model in models if backbone.trainable or model not in on_trunk]


def serves(model: str, task: str) -> bool:
    """Tell whether a model, and all parts of an average, is for a task."""
    entries = [NETWORKS.get(network_name(part)) for part in parts_of(model)]
    return all(entry is None or not entry.tasks or task in entry.tasks for entry in entries)


def served_tasks(tasks: Sequence[Task], models: Sequence[str], *, named: bool) -> list[Task]:
    """Return the tasks that one of the models is for.

    Parameters
    ----------
    tasks : sequence of Task
    models : sequence of str
    named : bool
        Whether the user named the tasks, so that none may be left out.

    Raises
    ------
    ValueError
        A model is for none of the tasks, or a task was named that no model is for.
    """
    names = ", ".join(task.name for task in tasks)
    for model in models:
        if not any(serves(model, task.name) for task in tasks):
            raise ValueError(f"The model {model!r} is for none of the tasks here ({names}).")
    served = [task for task in tasks if any(serves(model, task.name) for model in models)]
    if named and len(served) < len(tasks):
        raise ValueError(
            f"Of the tasks {names} the models {', '.join(models)} are only for "
            f"{', '.join(task.name for task in served)}: leave the others out."
        )
    return served


def takes_chips(model: str) -> bool:
    """Tell whether a single model is trained on face chips, rather than on embeddings."""
    return network_name(model) in NETWORKS


def network_name(model: str) -> str:
    """Return a model's name without that of its training settings."""
    return model.partition("@")[0]


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


def takes_embeddings(model: str) -> bool:
    """Tell whether a model, or any part of an average, takes embeddings."""
    return not all(map(takes_chips, parts_of(model)))


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


def _has_trunk(model: str) -> bool:
    name = network_name(model)
    return name in NETWORKS and NETWORKS[name].has_trunk
