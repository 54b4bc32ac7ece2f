"""Fitted network estimators rebuilt from the tensors of a file, which may be anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from featurex.backbones import named_backbone
from featurex.backbones.network_files import are_equal, check_tensors
from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.networks import NETWORKS, get_network
from featurex.networks.base import FaceNetwork
from featurex.tasks import RACE, TASKS
from featurex.training.heads import Head

MOST_OUTPUTS = 1000


def restore(
    network: str,
    backbone: str,
    task: str,
    heads: Mapping[str, int],
    classes: Sequence[str],
    state: dict[str, torch.Tensor],
    age_answer: str = "mean",
) -> NetworkClassifier | NetworkRegressor:
    """Rebuild a fitted estimator from its network's tensors.

    Parameters
    ----------
    network : str
        One of `featurex.networks.NETWORKS`.
    backbone : str
        The trunk's name; its pretrained weights are not needed.
    task : str
    heads : mapping of str to int
        Of the network; that of the task is among them, and others are of known tasks.
    classes : sequence of str
        As `classes_`; empty for a regressor.
    state : dict of str to Tensor
        The network's state.
    age_answer : {"mean", "median"}
        Of its distribution over years.

    Raises
    ------
    RuntimeError, ValueError, TypeError
        The tensors don't fit the network or the classes, or are not finite.
    """
    head = Head(task, tuple(classes), answer=age_answer)
    _check_heads(head, heads)
    trunk = named_backbone(backbone)
    made = get_network(network).make_untrained(
        trunk if NETWORKS[network].has_trunk else None, heads
    )
    check_tensors(state, made.state_dict())
    made.load_state_dict(state, assign=True)
    kind = NetworkClassifier if classes else NetworkRegressor
    estimator = kind(network, backbone, task=task)
    # As it was trained: in another memory format convolutions may round otherwise.
    made = made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    estimator.network_, estimator.head_ = made.eval(), head
    estimator.chip_size_ = trunk.chip_size
    if classes:
        estimator.classes_ = np.array(classes)
    return estimator


def share_networks(estimators: Iterable[NetworkClassifier | NetworkRegressor]) -> None:
    """Give those whose networks are equal the same one, so that it looks at a face once for all.

    Tasks that were learnt together have such networks.
    """
    seen: list[FaceNetwork] = []
    for estimator in estimators:
        network = estimator.network_
        same = next((other for other in seen if _equal(network, other)), None)
        if same is None:
            seen.append(network)
        else:
            estimator.network_ = same


def _equal(one: FaceNetwork, other: FaceNetwork) -> bool:
    if type(one) is not type(other) or one.heads != other.heads:
        return False
    return are_equal(one.state_dict(), other.state_dict())


def _check_heads(head: Head, heads: Mapping[str, int]) -> None:
    # The network is made before its tensors are compared, so a head without any would cost memory.
    known = {head.name, *TASKS, RACE}
    for name, n_outputs in heads.items():
        if name not in known:
            raise ValueError(f"the head {name!r} is none of {', '.join(sorted(known))}")
        if type(n_outputs) is not int or not 2 <= n_outputs <= MOST_OUTPUTS:
            raise ValueError(f"the head {name!r} has {n_outputs!r} outputs")
    if heads.get(head.name) != head.n_outputs:
        raise ValueError(f"{heads.get(head.name)} outputs for {head.n_outputs} classes")
