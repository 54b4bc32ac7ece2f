"""A CNN trained end to end, as a scikit-learn estimator on face chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import Dataset

from featurex.backbones import Backbone, get_backbone
from featurex.chips import read_rows
from featurex.devices import resolve_device
from featurex.exceptions import ModelError
from featurex.networks.finetuned import FineTunedNetwork
from pipelines import inner_splits

MAX_YEARS = 100
# Width in years of the label distribution around a true age (Gao et al. 2017, "Deep label
# distribution learning with label ambiguity").
LABEL_WIDTH = 2.0
# The most training rows that the head is fitted to before all is trained.
HEAD_ROWS = 20_000


class _FineTuned(BaseEstimator):
    """What the classifier and the regressor share: one network, one training run."""

    def __init__(
        self,
        backbone: str = "dlib-resnet",
        *,
        weights: str | None = None,
        max_epochs: int = 12,
        batch_size: int = 64,
        learning_rate: float = 1e-4,
        head_learning_rate: float = 1e-4,
        weight_decay: float = 1e-2,
        patience: int = 4,
        validation_folds: int = 8,
        device: str = "auto",
        random_state: int = 0,
        on_epoch: Callable[[int, float], None] | None = None,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.validation_folds = validation_folds
        self.device = device
        self.random_state = random_state
        self.on_epoch = on_epoch

    def _train(
        self, X: Any, targets: np.ndarray, strata: np.ndarray, groups: Any, n_outputs: int
    ) -> np.ndarray:
        """Train a network and keep its best epoch on subjects that it was not trained on.

        Returns these validation rows.
        """
        backbone = get_backbone(self.backbone, self.weights)
        backbone.check_trainable()
        _check_chips(X, backbone.chip_size)
        if len(X) != len(targets):
            raise ValueError(f"X has {len(X)} rows and y has {len(targets)}.")
        train, valid = self._validation_split(strata, groups)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            network = _make_network(backbone, n_outputs).to(resolve_device(self.device))
            self._fit_head(network, X, targets, train)
            net = self._make_net(network, len(train), ChipDataset(X, targets, valid))
            net.fit(ChipDataset(X, targets, train))
        if net.interrupted:
            raise KeyboardInterrupt
        self.network_ = net.module_.eval()
        self.history_ = [
            {key: row[key] for key in ("epoch", "train_loss", "valid_loss", "dur")}
            for row in net.history
        ]
        self.n_outputs_, self.chip_size_ = n_outputs, backbone.chip_size
        return valid

    def _validation_split(self, strata: np.ndarray, groups: Any) -> tuple[np.ndarray, np.ndarray]:
        """Set aside one of several subject-exclusive folds of the training rows."""
        splits = inner_splits(
            strata,
            groups,
            n_folds=self.validation_folds,
            random_state=self.random_state,
            classification=strata.dtype.kind != "f",
        )
        return splits[0]

    def _fit_head(
        self, network: FineTunedNetwork, X: Any, targets: np.ndarray, train: np.ndarray
    ) -> None:
        rows = np.sort(np.random.default_rng(self.random_state).permutation(train)[:HEAD_ROWS])
        device = resolve_device(self.device)
        with torch.no_grad():
            features = [
                network.features(torch.from_numpy(read_rows(X, part)).to(device))
                for part in np.array_split(rows, -(-len(rows) // self.batch_size))
            ]
        network.fit_head(torch.cat(features), torch.from_numpy(targets[rows]).to(device))

    def _make_net(self, network: nn.Module, n_train: int, valid: ChipDataset) -> NeuralNet:
        batch_size = min(self.batch_size, n_train)
        steps = self.max_epochs * -(-n_train // batch_size)
        schedule = LRScheduler(
            torch.optim.lr_scheduler.OneCycleLR,
            max_lr=[self.learning_rate, self.head_learning_rate],
            total_steps=steps + 1,
            step_every="batch",
        )
        stopping = EarlyStopping(patience=self.patience, load_best=True, sink=_silent)
        return _Net(
            network.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            optimizer__param_groups=[("trunk.*", {"lr": self.learning_rate})],
            optimizer__weight_decay=self.weight_decay,
            lr=self.head_learning_rate,
            batch_size=batch_size,
            max_epochs=self.max_epochs,
            iterator_train__shuffle=True,
            train_split=predefined_split(valid),
            callbacks=[schedule, _Progress(self.on_epoch), stopping],  # the last may end it all
            device=str(resolve_device(self.device)),
            verbose=0,
        )

    @torch.inference_mode()
    def _probabilities(self, X: Any) -> np.ndarray:
        """Return the softmax of the network's outputs, ``(n, n_outputs)`` float64."""
        check_is_fitted(self, "network_")
        _check_chips(X, self.chip_size_)
        device = resolve_device(self.device)
        network = self.network_.to(device)
        parts = [np.empty((0, self.n_outputs_))]
        for start in range(0, len(X), self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, len(X)))
            chips = torch.from_numpy(read_rows(X, rows)).to(device)
            parts.append(network(chips).double().softmax(1).cpu().numpy())
        return np.concatenate(parts)


class FineTunedClassifier(ClassifierMixin, _FineTuned):
    """A pretrained CNN trained end to end for classes.

    AdamW with a one-cycle rate, a smaller one for the pretrained layers; mirroring and small
    shifts as augmentation; early stopping on a subject-exclusive part of the training rows.

    Parameters
    ----------
    backbone : str
        The pretrained trunk, as `featurex.backbones.get_backbone` takes it.
    weights : str, optional
        A file with the trunk's weights.
    max_epochs, patience : int
        Most epochs; epochs without a better validation loss before it stops.
    batch_size : int
        Chips a step.
    learning_rate, head_learning_rate, weight_decay : float
        Highest rates of the trunk and of the head; AdamW's decay.
    validation_folds : int
        One of so many folds of the training rows is for validation.
    device : str
        As `featurex.devices.resolve_device` takes it.
    random_state : int
        Same seed, same network (on one kind of machine).
    on_epoch : callable, optional
        Called after each epoch with its number and validation loss.

    Attributes
    ----------
    classes_ : ndarray of str
        Sorted, as scikit-learn does.
    network_ : FineTunedNetwork
        The best epoch's.
    history_ : list of dict
        Epoch, losses and seconds.
    best_score_ : float
        Accuracy of the kept epoch on the validation subjects.
    """

    def fit(self, X: Any, y: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Train on face chips.

        Parameters
        ----------
        X : ChipRows or ndarray of shape (n, size, size, 3), uint8
            RGB chips of the backbone's size.
        y : ndarray of shape (n,)
            Class labels; two classes or more.
        groups : array-like of shape (n,), optional
            Subjects: none is both in training and in validation.

        Raises
        ------
        ValueError
            Wrong shapes, fewer than two classes, or too few subjects to validate on.
        """
        y = np.asarray(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"A classifier needs two classes. Got only {self.classes_.tolist()}.")
        valid = self._train(X, targets.astype(np.int64), y, groups, len(self.classes_))
        self.best_score_ = float(np.mean(self.predict(X[valid]) == y[valid]))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities ``(n, n_classes)`` in the order of `classes_`."""
        return self._probabilities(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each chip."""
        return self.classes_[self.predict_proba(X).argmax(1)]


class FineTunedRegressor(RegressorMixin, _FineTuned):
    """A pretrained CNN trained end to end for an age in years.

    Learns a distribution over the years 0 to 100 and predicts its mean (Rothe et al. 2015, "DEX:
    Deep expectation of apparent age"; label distributions after Gao et al. 2017). Parameters and
    attributes as in `FineTunedClassifier`, without `classes_`; `best_score_` is the negative mean
    absolute error in years.
    """

    def fit(self, X: Any, y: np.ndarray, groups: Sequence[Any] | None = None) -> Self:
        """Train on face chips.

        Parameters
        ----------
        X : ChipRows or ndarray of shape (n, size, size, 3), uint8
        y : ndarray of shape (n,), float
            Years; above 100 counts as 100.
        groups : array-like of shape (n,), optional
            Subjects.

        Raises
        ------
        ValueError
            Wrong shapes, negative or missing years, or too few subjects to validate on.
        """
        y = np.asarray(y, np.float64)
        if not (np.isfinite(y) & (y >= 0)).all():
            raise ValueError("Ages must be finite and non-negative (years).")
        valid = self._train(X, _label_distributions(y), y, groups, MAX_YEARS + 1)
        self.best_score_ = -float(np.mean(np.abs(self.predict(X[valid]) - y[valid])))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the expected age of each chip in years, ``(n,)`` float64."""
        return self._probabilities(X) @ np.arange(MAX_YEARS + 1)


class ChipDataset(Dataset):
    """Rows of chips and targets for a data loader, a whole batch in one read."""

    def __init__(self, X: Any, targets: np.ndarray, rows: np.ndarray) -> None:
        self.X = X
        self.targets = targets
        self.rows = np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[np.ndarray, Any]:
        return self.__getitems__([position])[0]

    def __getitems__(self, positions: Sequence[int]) -> list[tuple[np.ndarray, Any]]:
        """Read the rows of one batch."""
        rows = self.rows[list(positions)]
        return list(zip(read_rows(self.X, rows), self.targets[rows], strict=True))


class _Net(NeuralNet):
    """Skorch's net that lets Ctrl-C through, and says what to do where the memory is too small."""

    interrupted = False

    def run_single_epoch(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().run_single_epoch(*args, **kwargs)
        except KeyboardInterrupt:  # which skorch takes for the wish to end the training early
            self.interrupted = True
            raise

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        try:
            return super().train_step(batch, **fit_params)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"The memory of {self.device} is too small for batches of {self.batch_size}: "
                f"try batches of {max(1, self.batch_size // 2)}."
            ) from error


class _Progress(Callback):
    def __init__(self, on_epoch: Callable[[int, float], None] | None) -> None:
        self.on_epoch = on_epoch

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        if self.on_epoch:
            self.on_epoch(len(net.history), net.history[-1, "valid_loss"])


def _label_distributions(ages: np.ndarray) -> np.ndarray:
    """Return a discrete normal distribution over 0 to 100 years around each age."""
    distance = np.arange(MAX_YEARS + 1) - np.clip(ages, 0, MAX_YEARS)[:, None]
    weights = np.exp(-0.5 * (distance / LABEL_WIDTH) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _check_chips(X: Any, size: int) -> None:
    shape, dtype = tuple(X.shape), getattr(X, "dtype", np.uint8)
    if shape[1:] != (size, size, 3) or dtype != np.uint8:
        raise ValueError(
            f"X must be uint8 face chips of shape (n, {size}, {size}, 3). Got {dtype} of shape "
            f"{shape}."
        )


def _make_network(backbone: Backbone, n_outputs: int) -> FineTunedNetwork:
    trunk, size = backbone.build().eval(), backbone.chip_size
    with torch.inference_mode():
        n_features = trunk(torch.zeros(1, 3, size, size)).shape[1]
    return FineTunedNetwork(trunk, n_features, n_outputs)


def _silent(*_: Any) -> None:
    """Print nothing: only the command line prints."""


def _check_tensors(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Refuse what `load_state_dict` would take: other dtypes, and numbers that are not finite."""
    for name, tensor in state.items():
        if name in expected and tensor.dtype != expected[name].dtype:
            raise ValueError(f"{name} has the dtype {tensor.dtype}, not {expected[name].dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds numbers that are not finite")


def restore(
    backbone: str, classes: Sequence[str], state: dict[str, torch.Tensor]
) -> FineTunedClassifier | FineTunedRegressor:
    """Rebuild a fitted estimator from its network's tensors.

    Parameters
    ----------
    backbone : str
        The trunk's name; its pretrained weights are not needed.
    classes : sequence of str
        As `classes_`; empty for a regressor.
    state : dict of str to Tensor
        The network's state.

    Raises
    ------
    RuntimeError, ValueError
        The tensors don't fit the network or the classes, or are not finite.
    """
    trunk = get_backbone(backbone)
    estimator = FineTunedClassifier(backbone) if classes else FineTunedRegressor(backbone)
    n_outputs, n_features = state["head.weight"].shape
    if n_outputs != (len(classes) or MAX_YEARS + 1):
        raise ValueError(f"{n_outputs} outputs for {len(classes)} classes")
    network = FineTunedNetwork(trunk.untrained(), n_features, n_outputs)
    _check_tensors(state, network.state_dict())
    network.load_state_dict(state, assign=True)
    estimator.network_ = network.eval()
    estimator.n_outputs_, estimator.chip_size_ = n_outputs, trunk.chip_size
    if classes:
        estimator.classes_ = np.array(classes)
    return estimator
