"""Networks trained end to end, as scikit-learn estimators on face chips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from featurex.backbones import get_backbone
from featurex.faces.chips import SharedChips, read_rows
from featurex.machine.devices import resolve_device
from featurex.networks import NETWORKS, get_network
from featurex.training.data import ChipDataset, parts
from featurex.training.heads import AGE, Head
from featurex.training.labelled import heads_and_codes, make_head, validation_split
from featurex.training.net import memory_errors
from featurex.training.settings import TrainingSettings
from featurex.training.trainer import Trainer

# Chips answered at a time. Not the batch size of the training, which a model file does not keep:
# sums of floats round otherwise in batches of another size.
ANSWER_ROWS = 64


class _NetworkEstimator(BaseEstimator):
    """What the classifier and the regressor share: one network, one training."""

    def __init__(
        self,
        network: str = "finetuned",
        backbone: str = "dlib-resnet",
        *,
        task: str = "class",
        weights: str | None = None,
        settings: TrainingSettings | None = None,
        device: str = "auto",
        random_state: int = 0,
        checkpoint: str | Path | None = None,
        on_epoch: Callable[[dict[str, Any], int], None] | None = None,
    ) -> None:
        self.network = network
        self.backbone = backbone
        self.task = task
        self.weights = weights
        self.settings = settings
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.on_epoch = on_epoch

    @property
    def _settings(self) -> TrainingSettings:
        return self.settings or TrainingSettings()

    @property
    def n_parameters_(self) -> int:
        """Number of trained numbers."""
        check_is_fitted(self, "network_")
        return sum(parameter.numel() for parameter in self.network_.parameters())

    def _train(
        self, X: Any, y: np.ndarray, head: Head, groups: Any, side: Mapping[str, Any] | None
    ) -> np.ndarray:
        """Train a network; keep its best epoch on subjects that it was not trained on, or the last.

        With ``side_tasks="all"`` nothing depends on which of the heads is asked for, so that the
        network of another one is the same.

        Returns these validation rows.
        """
        kind, settings = get_network(self.network), self._settings
        backbone = _backbone(self.network, self.backbone, self.weights)
        if backbone is not None:
            backbone.check_trainable()
        self.chip_size_ = backbone.chip_size if backbone else X.shape[1]
        self._check(X, y)
        heads, codes = heads_and_codes(head, y, side or {}, kind, settings)
        train, valid = validation_split(heads, head, codes, groups, settings, self.random_state)
        device = resolve_device(self.device)
        with torch.random.fork_rng(devices=[]), memory_errors(device, settings.batch_size):
            torch.manual_seed(self.random_state)
            network = kind.make(backbone, {one.name: one.n_outputs for one in heads}).to(device)
        trainer = Trainer(
            network,
            heads,
            settings,
            seed=self.random_state,
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
            on_epoch=lambda row, n_epochs: self._tell(_row_of(head, row), n_epochs),
            backbone=backbone.settings if backbone else None,
        )
        history = trainer.fit(ChipDataset(X, codes, train), ChipDataset(X, codes, valid))
        self.history_ = [_row_of(head, row) for row in history]
        self.network_, self.head_ = network, head
        return valid

    def _make_head(self, name: str, classes: tuple[str, ...] = ()) -> Head:
        return make_head(name, classes, get_network(self.network), self._settings)

    def _tell(self, row: dict[str, Any], n_epochs: int) -> None:
        if self.on_epoch:
            self.on_epoch(row, n_epochs)

    def _check(self, X: Any, y: np.ndarray) -> None:
        _check_chips(X, self.chip_size_)
        if len(X) != len(y):
            raise ValueError(f"X has {len(X)} rows and y has {len(y)}.")

    def _probabilities(self, X: Any) -> np.ndarray:
        """Return the softmax of the head's outputs, ``(n, n_outputs)`` float64."""
        check_is_fitted(self, "network_")
        name = self.head_.name
        if isinstance(X, SharedChips):
            found = X.once(self.network_, lambda chips: self._softmax(chips, self.network_.heads))
        else:
            found = self._softmax(X, [name])
        answers: np.ndarray = found[name]
        return answers

    @torch.inference_mode()
    def _softmax(self, X: Any, heads: Iterable[str]) -> dict[str, np.ndarray]:
        """Return the softmax of some heads' outputs, each ``(n, n_outputs)`` float64."""
        _check_chips(X, self.chip_size_)
        device = resolve_device(self.device)
        network = self.network_.to(device).eval()
        answers = {name: [np.empty((0, network.heads[name]))] for name in heads}
        with memory_errors(device):
            for rows in parts(np.arange(len(X)), ANSWER_ROWS):
                chips = torch.from_numpy(read_rows(X, rows)).to(device)
                logits = network(chips)
                for name, found in answers.items():
                    found.append(logits[name].double().softmax(1).cpu().numpy())
        return {name: np.concatenate(found) for name, found in answers.items()}


class NetworkClassifier(ClassifierMixin, _NetworkEstimator):
    """A network trained end to end for classes.

    Early stopping on a subject-exclusive part of the training rows; the best epoch's weights stay,
    or those of the last, as the settings say.

    Parameters
    ----------
    network : str
        One of `featurex.networks.NETWORKS`.
    backbone : str
        The pretrained trunk, as `featurex.backbones.get_backbone` takes it; networks that start
        from random weights have none.
    task : str
        Name of the task, by which a network knows its head.
    weights : str, optional
        A file with the trunk's weights.
    settings : TrainingSettings, optional
        The default ones where there are none.
    device : str
        As `featurex.machine.devices.resolve_device` takes it.
    random_state : int
        Same seed, same network (on one kind of machine).
    checkpoint : path-like, optional
        A file written after every epoch; a fit that was killed goes on from it, to the same result.
    on_epoch : callable, optional
        Called after each epoch with its row of the history and the most epochs there can be.

    Attributes
    ----------
    classes_ : ndarray of str
        Sorted, as scikit-learn does.
    network_ : FaceNetwork
        With the kept epoch's weights.
    history_ : list of dict
        As `featurex.training.trainer.Trainer.fit` returns it, the task's own losses and scores
        without its name.
    best_score_ : float
        Accuracy of the kept epoch on the validation subjects.
    n_parameters_ : int
        Number of trained numbers.
    seen_faces_ : SeenFaces
        The photos it was trained on, where whoever fitted it knows them and says so.
    """

    def fit(
        self,
        X: Any,
        y: np.ndarray,
        groups: Sequence[Any] | None = None,
        side: Mapping[str, Any] | None = None,
    ) -> Self:
        """Train on face chips.

        Parameters
        ----------
        X : ChipRows or ndarray of shape (n, size, size, 3), uint8
            RGB chips of the backbone's size.
        y : ndarray of shape (n,)
            Class labels; two classes or more.
        groups : array-like of shape (n,), optional
            Subjects: none is both in training and in validation.
        side : mapping of str to array-like of shape (n,), optional
            Labels of other tasks, None or NaN where missing. The network learns those that are
            among its `side_heads`, and with ``side_tasks="all"`` among its `more_side_heads`.

        Raises
        ------
        ValueError
            Wrong shapes, fewer than two classes, missing labels, or too few subjects to validate
            on.
        """
        y = np.asarray(y)
        if pd.isna(y).any():
            raise ValueError(f"{pd.isna(y).sum()} of {len(y)} labels are missing: leave them out.")
        self.classes_ = np.unique(y)
        head = self._make_head(self.task, tuple(map(str, self.classes_)))
        valid = self._train(X, y, head, groups, side)
        self.best_score_ = float(np.mean(self.predict(X[valid]) == y[valid]))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities ``(n, n_classes)`` in the order of `classes_`."""
        return self._probabilities(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each chip."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]


class NetworkRegressor(RegressorMixin, _NetworkEstimator):
    """A network trained end to end for an age in years.

    Learns a distribution over the years 0 to 100 and predicts its mean, or its median, see
    `featurex.training.heads.Head`. Parameters and attributes as in `NetworkClassifier`, without
    `classes_`, and the task is always "age"; `best_score_` is the negative mean absolute error in
    years.
    """

    def fit(
        self,
        X: Any,
        y: np.ndarray,
        groups: Sequence[Any] | None = None,
        side: Mapping[str, Any] | None = None,
    ) -> Self:
        """Train on face chips.

        Parameters
        ----------
        X : ChipRows or ndarray of shape (n, size, size, 3), uint8
        y : ndarray of shape (n,), float
            Years; above 100 counts as 100.
        groups : array-like of shape (n,), optional
            Subjects.
        side : mapping of str to array-like of shape (n,), optional
            Labels of other tasks, as in `NetworkClassifier.fit`.

        Raises
        ------
        ValueError
            Wrong shapes, negative or missing years, or too few subjects to validate on.
        """
        y = np.asarray(y, np.float64)
        if not (np.isfinite(y) & (y >= 0)).all():
            raise ValueError("Ages must be finite and non-negative (years).")
        valid = self._train(X, y, self._make_head(AGE), groups, side)
        self.best_score_ = -float(np.mean(np.abs(self.predict(X[valid]) - y[valid])))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the age of each chip in years, ``(n,)`` float64."""
        distributions = torch.from_numpy(self._probabilities(X))
        years: np.ndarray = self.head_.years(distributions).numpy()
        return years


def _backbone(network: str, name: str, weights: str | None) -> Any:
    return get_backbone(name, weights) if NETWORKS[network].has_trunk else None


def _row_of(head: Head, row: dict[str, Any]) -> dict[str, Any]:
    """Take a head's name off the names of its losses and scores."""
    return {name.removesuffix(f"_{head.name}"): value for name, value in row.items()}


def _check_chips(X: Any, size: int) -> None:
    shape, dtype = tuple(X.shape), getattr(X, "dtype", np.uint8)
    if shape[1:] != (size, size, 3) or dtype != np.uint8:
        raise ValueError(
            f"X must be uint8 face chips of shape (n, {size}, {size}, 3). Got {dtype} of shape "
            f"{shape}."
        )
