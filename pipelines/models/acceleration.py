"""Faster implementations of scikit-learn's models, used only where they are asked for.

``intelex`` is scikit-learn-intelex (oneDAL): the support vector machines are its own, with the same
parameters, and solve the same problem; answers agree but for the last digits of float32. Its
forests are another algorithm and would be another model: they are left to scikit-learn.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from sklearn.base import BaseEstimator
from sklearn.svm import SVC, SVR

from pipelines.errors import PipelineError

ACCELERATORS = ("intelex",)
_INTELEX = "sklearnex"
_REPLACED = (SVC, SVR)


def check_accelerator(name: str | None) -> None:
    """Check that what is asked for can be used.

    Parameters
    ----------
    name : str or None
        One of `ACCELERATORS`; None is plain scikit-learn.

    Raises
    ------
    ValueError
        The name is unknown.
    PipelineError
        It is not installed.
    """
    if name is None:
        return
    if name not in ACCELERATORS:
        raise ValueError(
            f"Unknown accelerator {name!r}. Known accelerators: {', '.join(ACCELERATORS)}."
        )
    if find_spec(_INTELEX) is None:
        raise PipelineError(
            "intelex needs scikit-learn-intelex, which is not installed: run "
            "'pip install scikit-learn-intelex', or leave the acceleration out."
        )


def accelerated(model: BaseEstimator, name: str | None) -> BaseEstimator:
    """Return an unfitted model with its slow parts replaced.

    Parameters
    ----------
    model : estimator
        A scikit-learn estimator, changed in place where the slow one is inside it.
    name : str or None
        As `check_accelerator` takes it.

    Returns
    -------
    estimator
        `model` itself, unless it is itself replaced.

    Raises
    ------
    ValueError, PipelineError
        As `check_accelerator`.
    """
    check_accelerator(name)
    if name is None:
        return model
    if type(model) in _REPLACED:
        return _replace(model)
    slow = {key: part for key, part in model.get_params().items() if type(part) in _REPLACED}
    return model.set_params(**{key: _replace(part) for key, part in slow.items()})


def _replace(step: BaseEstimator) -> BaseEstimator:
    kind: Callable[..., BaseEstimator] = getattr(
        import_module(f"{_INTELEX}.svm"), type(step).__name__
    )
    # One thread: as many fits run as there are cores, and sums come out the same.
    return kind(**step.get_params(), n_jobs=1)
