"""Networks trained end to end, by name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from featurex.networks.base import FaceNetwork

__all__ = ["NETWORKS", "get_network"]


@dataclass(frozen=True)
class NetworkEntry:
    """Where a network is defined, without loading it.

    Attributes
    ----------
    module, class_name : str
        The module inside this package, and the `FaceNetwork` in it.
    has_trunk : bool
        Whether it is built on a pretrained backbone; the others start from random weights.
    tasks : tuple of str
        The only tasks that it is for; empty where it is for all.
    """

    module: str
    class_name: str
    has_trunk: bool = True
    tasks: tuple[str, ...] = ()


NETWORKS = {
    "finetuned": NetworkEntry("finetuned", "FineTunedNetwork"),
    "multitask": NetworkEntry("multitask", "MultitaskNetwork"),
    "attentional-residual": NetworkEntry("attentional_residual", "AttentionalResidualNetwork"),
    "age-expectation": NetworkEntry("age_expectation", "AgeExpectationNetwork", tasks=("age",)),
    "levi-hassner": NetworkEntry("levi_hassner", "LeviHassnerNetwork", has_trunk=False),
    "levi-hassner-ten-crop": NetworkEntry(
        "levi_hassner", "LeviHassnerTenCropNetwork", has_trunk=False
    ),
    "wide-gabor": NetworkEntry("wide_gabor", "WideGaborNetwork", has_trunk=False),
}


def get_network(name: str) -> type[FaceNetwork]:
    """Import a network's class.

    Raises
    ------
    ValueError
        No network has that name; the message lists them.
    """
    if name not in NETWORKS:
        raise ValueError(f"Unknown network {name!r}. The networks are {', '.join(NETWORKS)}.")
    entry = NETWORKS[name]
    module = import_module(f"featurex.networks.{entry.module}")
    return cast("type[FaceNetwork]", getattr(module, entry.class_name))
