"""The stores of one backbone in a cache folder: faces, chips and embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache import Column, Space, Store, StoredColumn
from featurex.backbones.base import Backbone
from featurex.detectors import DEFAULT_DETECTOR
from featurex.extraction import spaces
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.faces.aligner import ChipFormat, FaceAligner

if TYPE_CHECKING:
    from featurex.extraction.embedding import Embedder


class FaceCache:
    """What a cache folder holds for one backbone.

    Parameters
    ----------
    root : path-like
        The cache's folder; made where it is missing.
    backbone : Backbone
    detector : str
        What finds faces, as `featurex.detectors.get_detectors` takes it.
    device : str
        Where networks run, as `featurex.machine.devices.resolve_device` takes it.
    batch_size : int, optional
        Chips a forward pass; by default as `featurex.extraction.embedding.BATCH_SIZES`.
    options : EmbeddingOptions, optional
        Precision, and whether mirror images count too.

    Attributes
    ----------
    faces, chips : Store
        One row a photo looked at; one row a face found.
    """

    def __init__(
        self,
        root: str | Path,
        backbone: Backbone,
        *,
        detector: str = DEFAULT_DETECTOR,
        device: str = "auto",
        batch_size: int | None = None,
        options: EmbeddingOptions | None = None,
    ) -> None:
        self.root = Path(root)
        self.backbone = backbone
        self.device = device
        self.batch_size = batch_size
        self.options = options or EmbeddingOptions()
        self.aligner = FaceAligner(detector, device)
        self.faces = self._open(spaces.faces_space(self.aligner), spaces.FACE_COLUMNS)
        chips = spaces.chips_space(self.aligner, backbone)
        self.chips = self._open(chips, spaces.chip_columns(backbone))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "embedder"}

    @cached_property
    def embedder(self) -> Embedder:
        """The loaded backbone; it, and torch, are loaded only where an embedding is missing."""
        from featurex.extraction.embedding import Embedder

        return Embedder(self.backbone, self.device, self.batch_size, self.options)

    @property
    def is_there(self) -> bool:
        """Whether every space that was opened is still on the disk."""
        folders = {self.faces.path, self.chips.path, self.root / self.space.folder}
        return all((folder / "space.json").exists() for folder in folders)

    @property
    def label(self) -> str:
        """What the embeddings are called: backbone, layer, and what is not the default."""
        return f"{self.backbone}{self.options.suffix}"

    @property
    def chip_format(self) -> ChipFormat:
        """The chips that the backbone takes."""
        return ChipFormat(self.backbone.chip_size, self.backbone.padding)

    @property
    def space(self) -> Space:
        """The space of the embeddings."""
        return spaces.embeddings_space(self.aligner, self.backbone, self.options)

    @cached_property
    def embeddings(self) -> Store:
        """The store of embeddings, one row a face found."""
        if (self.root / self.space.folder / "space.json").exists():
            return Store.open_existing(self.root, self.space.folder)
        return self._open(self.space, spaces.embedding_columns(self.embedder.n_features))

    def embedding_column(self, image_ids: Sequence[str]) -> StoredColumn:
        """Return the embeddings of photos, ``(n, n_features)`` float32, read when indexed."""
        return self.embeddings.column("embedding", image_ids)

    def chip_column(self, image_ids: Sequence[str]) -> StoredColumn:
        """Return the chips of photos, ``(n, size, size, 3)`` uint8, read when indexed."""
        return self.chips.column("chip", image_ids)

    def refresh(self) -> None:
        """See what other runs have finished since."""
        for store in (self.faces, self.chips, self.embeddings):
            store.refresh()

    def publish(self) -> None:
        """Bring the files up to date in which other programs see each space as one data set."""
        for store in (self.faces, self.chips, self.embeddings):
            if len(store):
                store.publish()

    def _open(self, space: Space, columns: Sequence[Column]) -> Store:
        return Store.open(self.root, space, columns, made_by=spaces.made_by())
