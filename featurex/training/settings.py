"""How a network is trained: one set of numbers, named sets, and how a user changes them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

PRECISIONS = ("float32", "bfloat16")
CLASS_WEIGHTS = ("none", "balanced")
KEEPS = ("best", "last")
SIDE_TASKS = ("needed", "all")
AGE_ANSWERS = ("mean", "median")


def _number(default: float, low: float, high: float = math.inf) -> Any:
    return field(default=default, metadata={"range": (low, high)})


def _choice(default: str, choices: tuple[str, ...]) -> Any:
    return field(default=default, metadata={"choices": choices})


def _check(one: Any, value: Any) -> None:
    if "choices" in one.metadata:
        if value not in one.metadata["choices"]:
            choices = " or ".join(one.metadata["choices"])
            raise ValueError(f"The training setting {one.name!r} must be {choices}. Got {value!r}.")
        return
    low, high = one.metadata["range"]
    kind = int if one.type == "int" else (int, float)
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and low <= value <= high):
        limit = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of {low:g} or more"
        what = "a whole number" if one.type == "int" else "a number"
        raise ValueError(
            f"The training setting {one.name!r} must be {what} {limit}. Got {value!r}."
        )


def _parse(change: str) -> tuple[str, Any]:
    name, sign, text = change.partition("=")
    known = {one.name: one for one in fields(TrainingSettings)}
    if not sign or name not in known:
        raise ValueError(
            f"Training settings are changed by NAME=VALUE. Got {change!r}. "
            f"The names are {', '.join(known)}."
        )
    if "choices" in known[name].metadata:
        return name, text
    try:
        return name, int(text) if known[name].type == "int" else float(text)
    except ValueError:
        raise ValueError(f"The training setting {name!r} is a number. Got {text!r}.") from None


@dataclass(frozen=True)
class TrainingSettings:
    """What decides a training beside network, data and seed.

    Attributes
    ----------
    epochs : int
        Most epochs.
    batch_size : int
        Chips a step; all training rows where there are fewer.
    learning_rate, head_learning_rate, scratch_learning_rate : float
        Highest rates: of pretrained layers; of the heads on top of them, in proportion less where
        they have more than 768 inputs; of networks, and of parts of them, that start from random
        weights.
    weight_decay : float
        AdamW's.
    warmup : float
        Share of the steps in which the rate rises linearly; after them it falls as a cosine
        (Loshchilov and Hutter 2017, "SGDR: Stochastic gradient descent with warm restarts").
    frozen_epochs : int
        In so many first epochs the pretrained layers stay as they are.
    patience : int
        Epochs after the warm-up without a better validation loss (for years: error) before it
        stops; the best epoch's weights stay.
    keep : {"best", "last"}
        Which epoch's weights stay: those of the best in validation, or of the last, at the end of
        the falling rate. With "last" nothing stops early, and validation decides nothing.
    validation_folds : int
        One of so many folds of the training rows is for validation.
    average_epochs : float
        Window of the exponential average of the weights, in epochs; 0 takes them as they are.
    clip_norm : float
        Gradients of a larger norm are scaled down to it; 0 leaves them.
    precision : {"float32", "bfloat16"}
        Of the forward pass in training; bfloat16 is autocast. Predictions are in float32.
    class_weights : {"none", "balanced"}
        "balanced" weights a class by the inverse of its frequency. Years are not weighted.
    side_tasks : {"needed", "all"}
        What a network learns beside its task, of what is labelled: what belongs to it (its
        `side_heads`), and its task decides which epoch is the best; or also what helps it where
        there are many faces (its `more_side_heads`), and all of them decide alike, so that one
        training serves them all.
    age_answer : {"mean", "median"}
        Of the distribution over years, which is answered and decides the best epoch.
    mirror : float
        Probability that a chip is mirrored.
    shift : float
        Most that a chip is shifted, as a share of its side.
    rotation : float
        Most degrees that it is turned.
    zoom : float
        Most that its scale changes, as a share.
    colour : float
        Most that brightness, contrast and saturation change, as a share.
    erasing : float
        Probability that a rectangle is erased (Zhong et al. 2020, "Random erasing data
        augmentation").

    Raises
    ------
    ValueError
        A number outside its range, or an unknown word.
    """

    epochs: int = _number(12, 1)
    batch_size: int = _number(64, 2)
    learning_rate: float = _number(1e-4, 0)
    head_learning_rate: float = _number(1e-4, 0)
    scratch_learning_rate: float = _number(1e-3, 0)
    weight_decay: float = _number(1e-2, 0)
    warmup: float = _number(0.3, 0, 1)
    frozen_epochs: int = _number(0, 0)
    patience: int = _number(4, 1)
    keep: str = _choice("best", KEEPS)
    validation_folds: int = _number(8, 2)
    average_epochs: float = _number(1, 0)
    clip_norm: float = _number(0, 0)
    precision: str = _choice("float32", PRECISIONS)
    class_weights: str = _choice("none", CLASS_WEIGHTS)
    side_tasks: str = _choice("needed", SIDE_TASKS)
    age_answer: str = _choice("mean", AGE_ANSWERS)
    mirror: float = _number(0.5, 0, 1)
    shift: float = _number(0.04, 0, 0.5)
    rotation: float = _number(0, 0, 180)
    zoom: float = _number(0, 0, 0.3)
    colour: float = _number(0, 0, 1)
    erasing: float = _number(0, 0, 1)

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one, getattr(self, one.name))

    @property
    def warmup_epochs(self) -> int:
        """The epochs in which the rate still rises, the last of them in part."""
        return math.ceil(self.warmup * self.epochs)

    def changed(self, changes: Iterable[str]) -> TrainingSettings:
        """Return settings with changes written as ``NAME=VALUE``, as on the command line.

        Raises
        ------
        ValueError
            No such name, or a value that does not fit.

        Examples
        --------
        >>> TrainingSettings().changed(["epochs=3", "precision=bfloat16"]).epochs
        3
        """
        return replace(self, **dict(_parse(change) for change in changes))


# By name, as in ``--model finetuned@student-20x256``.
PRESETS = {
    # Two variations that student reports compare: epochs x size of the batches, and nothing else.
    "student-20x256": TrainingSettings(epochs=20, batch_size=256, patience=20, average_epochs=0),
    "student-40x512": TrainingSettings(epochs=40, batch_size=512, patience=40, average_epochs=0),
    # For tens of thousands of faces: higher rates pay, a twentieth is enough to validate on but too
    # little to choose an epoch by, the rate must have fallen before the network knows its faces by
    # heart, tasks help each other, and a distribution over years is smooth enough for its median.
    "many-faces": TrainingSettings(
        epochs=6,
        learning_rate=6e-4,
        head_learning_rate=2e-3,
        keep="last",
        validation_folds=20,
        side_tasks="all",
        age_answer="median",
    ),
}


def get_preset(name: str) -> TrainingSettings:
    """Return the settings of a name.

    Raises
    ------
    ValueError
        No settings have that name; the message lists them.
    """
    if name not in PRESETS:
        raise ValueError(
            f"Unknown training settings {name!r}. The settings are {', '.join(PRESETS)}."
        )
    return PRESETS[name]
