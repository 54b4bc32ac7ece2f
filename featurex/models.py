"""Every model by name: scikit-learn's on embeddings, CNNs on the chips themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from featurex.backbones import Backbone
from pipelines import MODELS, Task, TunedClassifier, TunedRegressor

FINETUNED = "finetuned"
MODEL_NAMES = (*MODELS, FINETUNED)
# Between the names of the models that are averaged, as in svm+finetuned.
AVERAGE_SIGN = "+"


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
    """Return the names, each once; an average's parts in the order of `MODEL_NAMES`.

    Parameters
    ----------
    names : list of str
        Models, and averages of them such as ``svm+finetuned``, of which the order does not matter.

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
        if part not in MODEL_NAMES:
            raise ValueError(
                f"Unknown model {part!r}{_inside(part, name)}. The models are "
                f"{', '.join(MODEL_NAMES)}, and averages of them such as svm+finetuned."
            )
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name!r} names a model twice: an average is of different ones.")
    return AVERAGE_SIGN.join(sorted(parts, key=_rank))


def _rank(part: str) -> tuple[int, str]:
    return MODEL_NAMES.index(part.partition("@")[0]), part  # NETWORK@SETTINGS beside its network


def _inside(part: str, name: str) -> str:
    return "" if part == name else f" in {name!r}"


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
    on_chips = [model for model in models if any(map(takes_chips, parts_of(model)))]
    if named and on_chips:
        backbone.check_trainable()
    return [model for model in models if backbone.trainable or model not in on_chips]


def takes_chips(model: str) -> bool:
    """Tell whether a single model is trained on face chips, rather than on embeddings."""
    return model == FINETUNED


def takes_embeddings(model: str) -> bool:
    """Tell whether a model, or any part of an average, takes embeddings."""
    return not all(map(takes_chips, parts_of(model)))


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
        One of `MODEL_NAMES`; an average is made of fitted ones.
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
