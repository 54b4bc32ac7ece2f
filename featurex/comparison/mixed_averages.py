"""Averages of models that are compared and of models from outside, such as svm+theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from featurex.models.names import AVERAGE_SIGN, MODEL_NAMES, check_model_names, parts_of, serves
from pipelines import Task
from pipelines.evaluation.fusion import average_predictions


@dataclass(frozen=True)
class MixedAverage:
    """An average of which some parts are fitted here, and of others only the answers are known.

    Attributes
    ----------
    own : tuple of str
        Single models.
    outside : tuple of str
        Names of models from outside.
    """

    own: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called: the models of its own first."""
        return AVERAGE_SIGN.join(self.own + self.outside)

    def serves(self, task: Task, answered: Collection[str]) -> bool:
        """Tell whether it is for a task, for which these models from outside have answers."""
        own = not self.own or serves(AVERAGE_SIGN.join(self.own), task.name)
        return own and set(self.outside) <= set(answered)

    def predictions(self, tables: Mapping[str, pd.DataFrame], task: Task) -> pd.DataFrame:
        """Return its out-of-fold table.

        Parameters
        ----------
        tables : mapping of str to DataFrame
            That of each part.
        task : Task

        Raises
        ------
        PredictionTableError
            A part was not tested on the same photos.
        """
        parts = [tables[name] for name in self.own + self.outside]
        return average_predictions(parts, task, self.name)


def split_mixed(
    names: Sequence[str], outside: Collection[str]
) -> tuple[list[str], list[MixedAverage]]:
    """Tell averages with models from outside from all other names of models.

    Parameters
    ----------
    names : sequence of str
        As a user writes them.
    outside : collection of str
        Names of models from outside. One that is a model's own name means that model.

    Returns
    -------
    models : list of str
        As `featurex.models.names.check_model_names` returns them.
    mixed : list of MixedAverage

    Raises
    ------
    ValueError
        As `check_model_names`; the same for the parts of a mixed average.
    """
    theirs = set(outside) - set(MODEL_NAMES)
    mixed = {name for name in names if len(parts_of(name)) > 1 and theirs & set(parts_of(name))}
    models = check_model_names([name for name in names if name not in mixed])
    averages = [_mixed(name, theirs) for name in names if name in mixed]
    return models, list(dict.fromkeys(averages))


def _mixed(name: str, theirs: Collection[str]) -> MixedAverage:
    parts = parts_of(name)
    if len(set(parts)) < len(parts):
        raise ValueError(f"{name!r} names a model twice: an average is of different ones.")
    own = [part for part in parts if part not in theirs]
    ordered = parts_of(check_model_names([AVERAGE_SIGN.join(own)])[0]) if own else []
    return MixedAverage(tuple(ordered), tuple(sorted(set(parts) - set(own))))
