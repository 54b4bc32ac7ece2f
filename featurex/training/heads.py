"""What a network's outputs mean: labels as numbers, and losses that pass over missing labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from featurex.machine.devices import sent
from featurex.networks.base import LABEL_WIDTH
from featurex.training.settings import AGE_ANSWERS

AGE = "age"
MAX_YEARS = 100
# The class that `cross_entropy` passes over.
MISSING = -100


@dataclass(frozen=True)
class Head:
    """One thing that a network learns: a classification, or the age in years.

    The age is learnt as a distribution over the years 0 to 100, and predicted as its mean (Rothe
    et al. 2015, "DEX: Deep expectation of apparent age"; distributions after Gao et al. 2017) or
    as its median, which has the smallest expected error if the distribution is true.

    Attributes
    ----------
    name : str
        Of the task; "age" is in years.
    classes : tuple of str
        Of a classification; empty for years.
    width : float
        Of the label distribution around a true age, in years.
    answer : {"mean", "median"}
        Of the predicted distribution.

    Raises
    ------
    ValueError
        Classes for the age, or fewer than two for anything else, or another answer.
    """

    name: str
    classes: tuple[str, ...] = ()
    width: float = LABEL_WIDTH
    answer: str = "mean"

    def __post_init__(self) -> None:
        if self.name == AGE and self.classes:
            raise ValueError(f"The head {AGE!r} is in years: it has no classes.")
        if self.answer not in AGE_ANSWERS:
            raise ValueError(f"An age is answered as {AGE_ANSWERS}. Got {self.answer!r}.")
        if self.name != AGE and len(self.classes) < 2:
            raise ValueError(
                f"A classifier needs two classes. Got only {list(self.classes)} for {self.name!r}."
            )

    @property
    def n_outputs(self) -> int:
        """The number of outputs."""
        return len(self.classes) or MAX_YEARS + 1

    def encode(self, labels: Any) -> np.ndarray:
        """Turn labels into numbers.

        Parameters
        ----------
        labels : array-like of shape (n,)
            Class names, or years; None and NaN are missing. Years above 100 count as 100.

        Returns
        -------
        ndarray of shape (n,)
            Numbers of classes, int64, -100 where missing; or years, float32, NaN where missing.

        Raises
        ------
        ValueError
            A label that is no class of the head, or years that are negative or infinite.
        """
        column = pd.Series(np.asarray(labels, dtype=object))
        missing = column.isna().to_numpy()
        if not self.classes:
            years = column.to_numpy(np.float64, na_value=np.nan)
            if not (missing | (np.isfinite(years) & (years >= 0))).all():
                raise ValueError("Ages must be finite and non-negative (years).")
            return years.clip(0, MAX_YEARS).astype(np.float32)
        codes = pd.Index(self.classes).get_indexer(column.astype(str))
        if (unknown := np.flatnonzero((codes < 0) & ~missing)).size:
            raise ValueError(
                f"{column[unknown[0]]!r} at row {unknown[0]} is no class of {self.name!r}, which "
                f"has {', '.join(self.classes)}."
            )
        return np.where(missing, MISSING, codes).astype(np.int64)

    def targets(self, codes: Tensor) -> Tensor:
        """Turn numbers as `encode` gives them into what `cross_entropy` takes.

        Returns
        -------
        Tensor
            Classes ``(n,)``; or distributions ``(n, 101)``, all zero where the age is missing.
        """
        return codes if self.classes else label_distributions(codes, self.width)

    def known(self, codes: Tensor) -> Tensor:
        """Tell which rows have a label, ``(n,)`` bool."""
        return codes != MISSING if self.classes else ~codes.isnan()

    def loss(self, logits: Tensor, codes: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean cross-entropy over the rows with a label; 0 where none has a weight.

        Parameters
        ----------
        logits : Tensor of shape (n, n_outputs)
        codes : Tensor of shape (n,)
            As `encode` gives them; best on the CPU, where looking at them waits for no GPU.
        weights : Tensor of shape (n_outputs,), optional
            Of the classes.
        """
        logits, codes = self._labelled(logits, codes)
        if not len(codes):
            return logits.sum() * 0  # keeps the graph whole
        targets = self.targets(sent(codes, logits.device))
        loss = F.cross_entropy(logits, targets, weights)
        # A mean over classes of no weight is NaN, and no sign of a training that diverged.
        return loss if weights is None else torch.where(weights[targets].any(), loss, 0)

    def weight(self, logits: Tensor, codes: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return what `loss` is a mean over: the rows with a label, or the sum of their weights."""
        logits, codes = self._labelled(logits, codes)
        if weights is None:
            return logits.new_full((), len(codes))
        return weights[sent(codes, logits.device)].sum()

    def predict(self, logits: Tensor) -> Tensor:
        """Return the most probable class, or the age in years, ``(n,)``."""
        return logits.argmax(1) if self.classes else self.years(logits.softmax(1))

    def years(self, distributions: Tensor) -> Tensor:
        """Return the mean or the median of distributions over years.

        Parameters
        ----------
        distributions : Tensor of shape (n, 101), float

        Returns
        -------
        Tensor of shape (n,), float
        """
        if self.answer == "median":
            return medians(distributions)
        years = torch.arange(MAX_YEARS + 1, dtype=distributions.dtype, device=distributions.device)
        return distributions @ years

    def scores(self, logits: Tensor, codes: Tensor) -> Tensor:
        """Score each row with a label: 1 for the right class, or the error in years."""
        logits, codes = self._labelled(logits, codes)
        predicted, true = self.predict(logits), sent(codes, logits.device)
        return (predicted == true).double() if self.classes else (predicted - true).abs().double()

    def _labelled(self, logits: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the rows that have a label."""
        known = self.known(codes)
        if known.all():
            return logits, codes
        rows = known.nonzero().squeeze(1)
        return logits.index_select(0, sent(rows, logits.device)), codes[rows]

    def balanced_weights(self, codes: np.ndarray) -> Tensor:
        """Weight classes by their inverse frequency: all equal where they are equally frequent.

        Returns
        -------
        Tensor of shape (n_outputs,), float32
            0 for a class without a row.
        """
        counts = np.bincount(codes[codes != MISSING], minlength=self.n_outputs)
        weights = np.where(counts, counts.sum() / (len(counts) * np.maximum(counts, 1)), 0)
        return torch.from_numpy(weights.astype(np.float32))


def medians(distributions: Tensor) -> Tensor:
    """Return the medians of distributions over years: a year is the interval half a year around it.

    Parameters
    ----------
    distributions : Tensor of shape (n, 101), float
        Rows sum to 1.

    Returns
    -------
    Tensor of shape (n,), float
        0 to 100.

    Examples
    --------
    >>> halves = torch.zeros(1, 101)
    >>> halves[0, [20, 21]] = 0.5
    >>> medians(halves).tolist()
    [20.5]
    """
    up_to = distributions.cumsum(1)
    year = (up_to < 0.5).sum(1, keepdim=True).clamp(max=MAX_YEARS)
    share = distributions.gather(1, year)
    missing = 0.5 - (up_to.gather(1, year) - share)
    return (year - 0.5 + missing / share).squeeze(1).clamp(0, MAX_YEARS)


def label_distributions(years: Tensor, width: float = LABEL_WIDTH) -> Tensor:
    """Return a discrete normal distribution over 0 to 100 years around each age.

    Parameters
    ----------
    years : Tensor of shape (n,), float
        NaN where missing.
    width : float
        Standard deviation in years.

    Returns
    -------
    Tensor of shape (n, 101), float32
        Rows sum to 1; all zero where the age is missing.
    """
    distance = torch.arange(MAX_YEARS + 1, device=years.device) - years[:, None]
    weights = torch.exp(-0.5 * (distance / width) ** 2)
    return (weights / weights.sum(1, keepdim=True)).nan_to_num(0)
