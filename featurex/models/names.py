"""Names of models, single ones and averages, and what each of them takes and serves."""

from __future__ import annotations

from collections.abc import Sequence

from featurex.backbones import Backbone
from featurex.networks import NETWORKS
from featurex.training.settings import get_preset
from pipelines import MODELS, Task

MODEL_NAMES = (*MODELS, *NETWORKS)
# Between the names of the models that are averaged, as in svm+finetuned.
AVERAGE_SIGN = "+"


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


def network_name(model: str) -> str:
    """Return a model's name without that of its training settings."""
    return model.partition("@")[0]


def takes_chips(model: str) -> bool:
    """Tell whether a single model is trained on face chips, rather than on embeddings."""
    return network_name(model) in NETWORKS


def takes_embeddings(model: str) -> bool:
    """Tell whether a model, or any part of an average, takes embeddings."""
    return not all(map(takes_chips, parts_of(model)))


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


def _has_trunk(model: str) -> bool:
    name = network_name(model)
    return name in NETWORKS and NETWORKS[name].has_trunk
