"""The model families by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import BaseEstimator

from pipelines.models import baselines, mlp, random_forest, svm

Space = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class ModelFamily:
    """A kind of model: how to make one, and what to tune.

    Parameters
    ----------
    name : str
        Name in tables and on the command line.
    classifier, regressor : callable
        Take a `random_state` and return an unfitted scikit-learn estimator.
    classifier_space, regressor_space : mapping of str to sequence
        Parameter values to try, as for :class:`sklearn.model_selection.ParameterGrid`;
        empty is one candidate and no search.
    calibrate : bool, default=False
        Whether the classifier has no probabilities of its own and is calibrated.
    max_rows : int or None, default=None
        What the model can learn from in bearable time; of more rows it learns from a sample. None
        is no limit.
    """

    name: str
    # Functions are shown with their address, which no two processes share.
    classifier: Callable[[int | None], BaseEstimator] = field(repr=False)
    regressor: Callable[[int | None], BaseEstimator] = field(repr=False)
    classifier_space: Space = field(default_factory=dict)
    regressor_space: Space = field(default_factory=dict)
    calibrate: bool = False
    max_rows: int | None = None

    @property
    def sets_nobody_aside(self) -> bool:
        """Whether its classifier learns from all people: nothing is tuned, nor calibrated."""
        return not self.classifier_space and not self.calibrate


MODELS: dict[str, ModelFamily] = {
    family.name: family
    for family in (
        ModelFamily(
            "svm",
            svm.classifier,
            svm.regressor,
            svm.CLASSIFIER_SPACE,
            svm.REGRESSOR_SPACE,
            calibrate=True,
            max_rows=svm.MAX_ROWS,
        ),
        ModelFamily(
            "random-forest",
            random_forest.classifier,
            random_forest.regressor,
            random_forest.CLASSIFIER_SPACE,
            random_forest.REGRESSOR_SPACE,
        ),
        ModelFamily(
            "mlp", mlp.classifier, mlp.regressor, mlp.CLASSIFIER_SPACE, mlp.REGRESSOR_SPACE
        ),
        ModelFamily("majority", baselines.classifier, baselines.regressor),
    )
}


def get_family(family: str | ModelFamily) -> ModelFamily:
    """Look a model family up.

    Parameters
    ----------
    family : str or ModelFamily
        A name in `MODELS`, or a family, which is returned.

    Raises
    ------
    ValueError
        If the name is unknown; the known ones are listed.
    """
    if isinstance(family, ModelFamily):
        return family
    if family not in MODELS:
        raise ValueError(f"Unknown model {family!r}. Known models: {', '.join(MODELS)}.")
    return MODELS[family]


def sets_nobody_aside(model: str) -> bool:
    """Tell whether a model of this name, which may be no family's, is one that does not."""
    return model in MODELS and MODELS[model].sets_nobody_aside
