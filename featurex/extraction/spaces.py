"""The cache's three kinds of rows: faces of photos, chips of faces, embeddings of chips.

Each kind's space names the one it was made from, so a change of the aligner, the chip's size or
the backbone leads to new rows and never to a mixture.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from cache import Column, Space
from featurex.extraction.embedding_options import EmbeddingOptions

if TYPE_CHECKING:  # to look into a cache, neither torch nor dlib is loaded
    from featurex.backbones.base import Backbone
    from featurex.faces.aligner import FaceAligner

# What `status` says of a photo.
FOUND, NO_FACE, UNREADABLE = 0, 1, 2

FACES = "faces"  # the kind of the spaces with one row a photo

FACE_COLUMNS = (
    Column("status", "uint8"),
    Column("reason", "S160"),
    Column("box", "int32", (4,)),
    Column("landmarks", "int32", (5, 2)),
    Column("score", "float32"),
)
_DEFAULT = EmbeddingOptions()
_KIND_LENGTH = 100  # a space's kind has no more characters
# Where no wheel of dlib-bin fits, dlib is built under its own name.
_TOOLS = (
    *("featurex", "dlib-bin", "dlib", "torch", "torchvision", "timm", "numpy", "pillow", "h5py"),
)
_MISSING = "not installed"


def faces_space(aligner: FaceAligner) -> Space:
    """Return the space of a photo's central face: one row a photo, also where there is none."""
    return Space(FACES, aligner.settings)


def chips_space(aligner: FaceAligner, backbone: Backbone) -> Space:
    """Return the space of face chips that a backbone takes; backbones may share it."""
    settings = {
        "faces": faces_space(aligner).id,
        "size": backbone.chip_size,
        "padding": backbone.padding,
    }
    return Space(f"chips-{backbone.chip_size}", settings)


def chip_columns(backbone: Backbone) -> tuple[Column, ...]:
    """Return the one column of a chips space."""
    return (Column("chip", "uint8", (backbone.chip_size, backbone.chip_size, 3)),)


def embeddings_space(
    aligner: FaceAligner, backbone: Backbone, options: EmbeddingOptions = _DEFAULT
) -> Space:
    """Return the space of a backbone's embeddings."""
    settings = {
        "chips": chips_space(aligner, backbone).id,
        **options.settings,
        **backbone.settings,
    }
    # The name is for people; the settings decide. "timm:" is no part of a file's name.
    kind = f"embeddings-{backbone.name}-{backbone.layer}{options.suffix}".lower().replace(":", "-")
    return Space(kind[:_KIND_LENGTH], settings)


def embedding_columns(n_features: int) -> tuple[Column, ...]:
    """Return the one column of an embeddings space."""
    return (Column("embedding", "float32", (n_features,)),)


def made_by() -> dict[str, str]:
    """Return the versions of what makes the rows; noted in the cache, not part of a key."""
    return {tool: found for tool, found in versions(*_TOOLS).items() if found != _MISSING}


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of packages, without importing them."""
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _MISSING
