"""What models from files need: the aligner, the backbone and the embedding of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from featurex.backbones import Backbone, named_backbone
from featurex.backbones.network_files import trunk_name
from featurex.exceptions import ModelError
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.faces.aligner import FaceAligner


class Needs(NamedTuple):
    """What several models share.

    Attributes
    ----------
    aligner : FaceAligner
    backbone : Backbone
        Of networks, which bring their weights, the trunk.
    options : EmbeddingOptions
    """

    aligner: FaceAligner
    backbone: Backbone
    options: EmbeddingOptions


def find_needs(
    models: Sequence[Mapping[str, Any]], device: str, weights: str | Path | None = None
) -> Needs:
    """Find what was there in the training of all of these models.

    Parameters
    ----------
    models : sequence of mapping
        Their metadata, as `featurex.saved_models.files.load_model` returns it.
    device : str
        Of the detector.
    weights : path-like, optional
        The backbone's weights, if they were given by file in training.

    Raises
    ------
    ModelError
        The models differ in it, or what is at hand is not what they were trained with.
    BackboneError, DeviceError
        The backbone or the device is not there.
    """
    aligner = _aligner(models, device)
    embeds = any("embeddings" in metadata["input"] for metadata in models)
    needs = Needs(aligner, _backbone(models[0], weights, embeds), _options(models[0]["embedding"]))
    for metadata in models:
        _check(metadata, needs, embeds)
    return needs


def _aligner(models: Sequence[Mapping[str, Any]], device: str) -> FaceAligner:
    names = [metadata["aligner"].get("detector") for metadata in models]
    if any(name != names[0] for name in names):
        raise ModelError(
            "The models were trained on faces that different detectors found, "
            f"{' and '.join(map(str, names))}: load them one by one."
        )
    try:
        return FaceAligner(names[0], device)
    except ValueError as error:
        raise ModelError(f"The model needs another version of featurex: {error}") from error


def _backbone(metadata: Mapping[str, Any], weights: str | Path | None, embeds: bool) -> Backbone:
    described = metadata["backbone"]
    if weights is None and embeds and "file" in described:
        sha256 = described["settings"].get("weights_sha256")
        raise ModelError(
            f"The model was fitted on the features of a network, {described['file']} (SHA-256 "
            f"{str(sha256)[:16]}…): name that file with --weights FILE."
        )
    return named_backbone(_backbone_name(described, embeds), weights)


def _backbone_name(described: dict[str, Any], embeds: bool) -> str:
    """Return what must be found: of networks, which bring their weights, only the trunk."""
    return str(described["name"] if embeds else trunk_name(described))


def _check(metadata: Mapping[str, Any], needs: Needs, embeds: bool) -> None:
    wanted, backbone = metadata["backbone"], needs.backbone
    name = _backbone_name(wanted, embeds)
    if name != str(backbone):
        raise ModelError(
            f"The models use different backbones, {name} and {backbone}: load them one by one."
        )
    if metadata["embedding"] != needs.options.settings:
        raise ModelError(
            f"The models use embeddings of different kinds, {metadata['embedding']} and "
            f"{needs.options.settings}: load them one by one."
        )
    chips = (wanted["chip_size"], wanted["padding"])
    here = (backbone.chip_size, backbone.padding)
    if chips != here or metadata["aligner"] != needs.aligner.settings:
        raise ModelError(
            "The model was trained on faces that were aligned in another way: fit it again "
            "with this version of featurex."
        )
    if "embeddings" in metadata["input"] and wanted["settings"] != backbone.settings:
        raise ModelError(_another(backbone, wanted["settings"]))


def _options(settings: Mapping[str, Any]) -> EmbeddingOptions:
    try:
        return EmbeddingOptions(settings["precision"], settings["mirror"])
    except ValueError as error:
        raise ModelError(f"The model was trained by another version of featurex: {error}") from None


def _another(backbone: Backbone, trained: dict[str, Any]) -> str:
    """Say in what the backbone of a model's training differs from the one at hand."""
    there, here = (s.get("weights_sha256") for s in (trained, backbone.settings))
    if there == here:
        return (
            f"The model was trained on {backbone} with other settings: fit it again with this "
            "version of featurex."
        )
    return (
        f"The model was trained on another {backbone}: its weights have the SHA-256 "
        f"{str(there)[:16]}…, those here {str(here)[:16]}…. Name the right file with --weights."
    )
