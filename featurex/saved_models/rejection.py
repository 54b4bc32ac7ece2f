"""The reject option of saved models: below a threshold `predict` answers "undefined"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from featurex.saved_models.whole_model import fact_of, names_its_model, with_fact
from featurex.tasks import AGE
from pipelines import Task
from pipelines.scoring.rejection import LEAST_ANSWERS, RejectOption, choose_threshold

if TYPE_CHECKING:
    from featurex.saved_models.out_of_fold import OutOfFold

# Where the metadata of a model file holds it.
KEY = "reject"
# No probability reaches it: nothing is answered.
NEVER = math.inf
# Of a probability in a sentence: more where two that differ would look equal.
_DECIMALS = range(3, 18)


def read_asked(words: Sequence[str], tasks: Sequence[Task]) -> dict[str, float]:
    """Read accuracies such as ``0.95``, for all tasks with classes, and ``gender=0.95``, for one.

    Parameters
    ----------
    words : sequence of str
        A later one decides over earlier ones.
    tasks : sequence of Task
        Those of the model.

    Returns
    -------
    dict of str to float
        By task.

    Raises
    ------
    ValueError
        No accuracy in (0, 1], a task that the model lacks, or one without classes.
    """
    with_classes = [task.name for task in tasks if not task.is_regression]
    asked: dict[str, float] = {}
    for word in words:
        name, sign, number = word.rpartition("=")
        if sign and name not in with_classes:
            raise ValueError(
                f"--reject-below {word}: {name!r} is no task with classes of this model. "
                f"They are {', '.join(with_classes) or 'none'}."
            )
        asked |= dict.fromkeys([name] if sign else with_classes, _accuracy(number, word))
    if words and not asked:
        raise ValueError("--reject-below is for tasks with classes, and this model has none.")
    return asked


def choose(measured: OutOfFold, asked: Mapping[str, float], seed: int) -> dict[str, RejectOption]:
    """Choose a threshold for every task that an accuracy is asked of.

    Parameters
    ----------
    measured : OutOfFold
    asked : mapping of str to float
        As `read_asked` returns it.
    seed : int
        Of the intervals.
    """
    return {
        task.name: choose_threshold(
            measured.predictions, task, measured.model, asked[task.name], random_state=seed
        )
        for task in measured.tasks
        if task.name in asked
    }


def with_options(
    metadata: Mapping[str, Any], options: Mapping[str, RejectOption], measured: OutOfFold
) -> dict[str, Any]:
    """Return a model's metadata with its thresholds, and how they were measured.

    Parameters
    ----------
    metadata : mapping
        As `featurex.saved_models.fitting.fit_models` gives it.
    options : mapping of str to RejectOption
        By task.
    measured : OutOfFold
        What they were chosen on.
    """
    fact = {
        "protocol": measured.protocol,
        "n_folds": measured.n_folds,
        "tasks": {task: asdict(option) for task, option in options.items()},
    }
    return with_fact(metadata, KEY, fact)


def options_of(metadata: Mapping[str, Any]) -> dict[str, RejectOption]:
    """Return the thresholds that a model's metadata hold, by task; none if they are another's."""
    told = fact_of(metadata, KEY)
    if told is None:
        return {}
    return {task: RejectOption(**option) for task, option in told["tasks"].items()}


def is_sound(metadata: Mapping[str, Any]) -> bool:
    """Tell whether what metadata from a file say of thresholds can be true; nothing is fine too."""
    told = metadata.get(KEY)
    if told is None:
        return True
    if not names_its_model(told):
        return False
    tasks = told.get("tasks")
    return isinstance(tasks, dict) and all(
        task in metadata["training"] and task != AGE.name and _is_option(option)
        for task, option in tasks.items()
    )


def thresholds(metadata: Mapping[str, Any], reject: bool | float) -> dict[str, float]:
    """Return the least confidence that is answered, by task; a task without one always answers.

    Parameters
    ----------
    metadata : mapping
        Of a model.
    reject : bool or float
        True for the model's own thresholds, False for none, a number for one that all tasks with
        classes share.

    Raises
    ------
    ValueError
        Anything else.
    """
    if reject is False:
        return {}
    if reject is True:
        options = options_of(metadata).items()
        return {t: NEVER if o.threshold is None else o.threshold for t, o in options}
    if not (isinstance(reject, int | float | np.floating) and 0 <= reject <= 1):
        raise ValueError(
            f"The 'reject' parameter must be True, False or a threshold in [0, 1]. Got {reject!r}."
        )
    return {task: float(reject) for task in metadata["training"] if task != AGE.name}


def reason(confidence: float, threshold: float) -> str:
    """Say why a face gets no answer."""
    if threshold == NEVER:
        return "no probability is enough for the accuracy that was asked"
    pairs = [(_rounded_down(confidence, n), _rounded_down(threshold, n)) for n in _DECIMALS]
    low, high = next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1])
    return f"probability {low} is below {high}"


def _rounded_down(probability: float, decimals: int) -> str:
    """Write a probability so that all below what is written are below it."""
    exact = Decimal(str(float(probability)))
    return f"{exact.quantize(Decimal(10) ** -decimals, ROUND_DOWN):f}"


def describe(options: Mapping[str, RejectOption]) -> Iterator[str]:
    """Yield a sentence a task: what was asked, what was reached."""
    for task, option in options.items():
        asked = f"{task}: an accuracy of {100 * option.asked:g} % was asked"
        if option.threshold is None:
            yield (
                f"{asked}, and no threshold reaches it with {LEAST_ANSWERS} answers or more: "
                "predict answers undefined for every face. Ask for less, or use --no-reject."
            )
            continue
        below = _rounded_down(option.threshold, _DECIMALS[0])
        yield f"{asked}; answers below probability {below} are undefined. {_measured(option)}"


def _measured(option: RejectOption) -> str:
    if option.accuracy is None or not option.coverage:
        return "Measured with thresholds from other folds: no face was answered."
    interval = ""
    if option.low is not None and option.high is not None:
        interval = f" [{100 * option.low:.1f}, {100 * option.high:.1f}]"
    return (
        f"Measured with thresholds from other folds: {100 * option.coverage:.1f} % of the faces "
        f"answered, {100 * option.accuracy:.1f}{interval} % of the answers right."
    )


def _accuracy(number: str, word: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise ValueError(
            f"--reject-below {word}: an accuracy is a number above 0 and at most 1, such as 0.95 "
            "or gender=0.95."
        )
    return value


def _is_option(option: Any) -> bool:
    names = set(RejectOption.__dataclass_fields__)
    if not isinstance(option, dict) or set(option) != names:
        return False
    optional = all(value is None or _is_share(value) for value in option.values())
    return optional and option["asked"] is not None


def _is_share(value: Any) -> bool:
    # JSON of Python's knows NaN, which no comparison holds for, and True is an int.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
