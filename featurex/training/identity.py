"""Names a training by all that decides it, so that no checkpoint continues another one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from featurex.faces.chips import read_rows
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.settings import TrainingSettings

# Chips that stand for all, so that naming a training does not read a whole data set.
NAMING_CHIPS = 64
# To be raised by who changes how a training goes in a way that no setting shows.
RULES = 4


def training_id(
    network: nn.Module,
    heads: Sequence[Head],
    settings: TrainingSettings,
    seed: int,
    train: ChipDataset,
    valid: ChipDataset,
    backbone: Mapping[str, Any] | None = None,
) -> str:
    """Return a name that two trainings share only if they would give the same weights.

    Parameters
    ----------
    network : torch.nn.Module
        As it is before the training.
    heads : sequence of Head
    settings : TrainingSettings
    seed : int
    train, valid : ChipDataset
    backbone : mapping, optional
        JSON: what it says of the network's trunk that no weight does, such as its layer.

    Returns
    -------
    str
        64 hexadecimal digits. 64 chips, evenly spread, stand for all of them.
    """
    facts = {
        "rules": RULES,
        "network": type(network).__name__,
        "backbone": backbone,
        "heads": [[head.name, list(head.classes)] for head in heads],
        "settings": asdict(settings),
        "seed": seed,
        "torch": torch.__version__,
        "device": next(network.parameters()).device.type,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    some = np.unique(np.linspace(0, len(train.X) - 1, NAMING_CHIPS).astype(int))
    codes = (train.codes[head.name] for head in heads)
    for array in (read_rows(train.X, some), train.rows, valid.rows, *codes):
        digest.update(np.ascontiguousarray(array).tobytes())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
