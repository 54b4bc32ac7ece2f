"""Temperature scaling: one number that makes a model more or less sure, and changes no answer.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017). Here it is
fitted on out-of-fold probabilities of any model, as the "after" beside its "before": a model whose
calibration it improves much was not calibrated.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

# Probabilities of 0, as a forest gives them, have no logarithm; a true class of probability 0 would
# otherwise decide the temperature alone.
SMALLEST = 1e-4

# The range of temperatures tried.
_BOUNDS = (0.05, 20.0)


def cool(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the logarithms of probabilities by a temperature.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes), float
        Raised to 1e-4 where they are less.
    temperature : float
        Above 1 makes less sure, below 1 surer.

    Returns
    -------
    ndarray of shape (n, n_classes), float64
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"A temperature must be positive. Got {temperature}.")
    return softmax(_logs(probabilities) / temperature, axis=1)


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Find the temperature under which the truth is most likely.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes), float
    true : ndarray of shape (n,), int
        Number of the true class.

    Returns
    -------
    float
        In [0.05, 20].
    """
    logs = _logs(probabilities)
    truth = logs[np.arange(len(true)), true].mean()

    def loss(log_temperature: float) -> float:
        # The largest logarithm of a row is 0: no exponential overflows.
        share = np.exp(-log_temperature)
        return float(np.log(np.exp(logs * share).sum(axis=1)).mean() - truth * share)

    options = {"xatol": 1e-3}
    found = minimize_scalar(loss, bounds=np.log(_BOUNDS), method="bounded", options=options)
    return float(np.exp(found.x))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """Return logarithms of which the largest of each row is 0."""
    logs = np.log(np.maximum(probabilities, SMALLEST))
    return logs - logs.max(axis=1, keepdims=True)
