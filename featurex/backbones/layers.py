"""Cuts a network at a layer: the features before its classifier, or any node by name."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from featurex.backbones.torchvision_import import import_torchvision
from featurex.exceptions import BackboneError

# The input of the last layer with weights: what papers call a network's features.
PENULTIMATE = "penultimate"
_OUTPUT = "features"
# Last layers that an error lists.
_LISTED = 12


def without_classifier(network: nn.Module) -> nn.Module:
    """Replace a classifier's last linear layer (or 1x1 convolution) by the identity.

    Found by structure, so that it holds for every network whose layers are registered in the
    order they are called in. What follows a convolution there (a ReLU, a mean over space) leaves
    features that come from a ReLU as they are, but for the mean.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place.
    """
    path = classifier_path(network)
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


def classifier_path(network: nn.Module) -> str:
    """Return the name of a network's last linear or convolutional layer."""
    return [
        path
        for path, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ][-1]


def cut(
    network: nn.Module, name: str, layer: str, tracer: dict[str, Any] | None = None
) -> nn.Module:
    """Keep a network up to a node of its graph, and nothing behind it.

    Parameters
    ----------
    network : torch.nn.Module
    name : str
        The network's, for errors.
    layer : str
        A module's path or a node's name, as torchvision's ``get_graph_node_names`` lists them.
    tracer : dict, optional
        Options of `torch.fx.Tracer`: what it must not look into.

    Raises
    ------
    BackboneError
        There is no such node, or the network's code can't be traced.
    """
    extraction = import_torchvision("torchvision.models.feature_extraction")
    with warnings.catch_warnings():
        # "the nodes in eval mode are a subsequence of those in train mode": only eval is used
        warnings.simplefilter("ignore", UserWarning)
        try:
            return extraction.create_feature_extractor(
                network, {layer: _OUTPUT}, tracer_kwargs=tracer or {}
            )
        except ValueError as error:
            nodes = extraction.get_graph_node_names(network, tracer_kwargs=tracer or {})[1]
            raise BackboneError(
                f"{name} has no layer {layer!r}. Its last layers: "
                f"{', '.join(nodes[-_LISTED:])}; {PENULTIMATE}, the default, is before the "
                "classifier."
            ) from error
        except Exception as error:  # tracing runs the network's own code, which raises anything
            raise BackboneError(
                f"{name} can't be cut at {layer!r}, because its graph can't be traced: use its "
                f"layer {PENULTIMATE}."
            ) from error


def average_over_space(output: Tensor | dict[str, Tensor]) -> Tensor:
    """Average a layer's output over space or tokens, whichever it has, in float32.

    Parameters
    ----------
    output : Tensor, or dict with one as `cut` networks return it
        ``(n, channels, side, side)``, ``(n, side, side, channels)`` as Swin transformers have it,
        ``(n, tokens, channels)``, or anything else.

    Returns
    -------
    Tensor of shape (n, n_features)
    """
    features = output[_OUTPUT] if isinstance(output, dict) else output
    if features.ndim == 4:
        is_map = features.shape[2] == features.shape[3]
        return features.mean((2, 3) if is_map else (1, 2), dtype=torch.float32)
    return features.mean(1, dtype=torch.float32) if features.ndim == 3 else features.flatten(1)
