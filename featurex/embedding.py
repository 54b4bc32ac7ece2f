"""Runs a frozen backbone over face chips, in batches, on any device."""

from __future__ import annotations

import numpy as np
import torch

from featurex.backbones.base import Backbone
from featurex.devices import resolve_device
from featurex.exceptions import BackboneError


class Embedder:
    """A loaded backbone that turns face chips into embeddings.

    Parameters
    ----------
    backbone : Backbone
        Loaded here.
    device : str or torch.device
        As `resolve_device` takes it.
    batch_size : int
        Chips a forward pass. It does not change an embedding (within 1e-5).

    Attributes
    ----------
    n_features : int
        Length of an embedding.

    Raises
    ------
    BackboneError
        The weights can't be had, are damaged, or give no finite numbers.
    DeviceError
        The device is not there.
    """

    def __init__(
        self, backbone: Backbone, device: str | torch.device = "auto", batch_size: int = 32
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"The batch size must be at least 1. Got {batch_size}.")
        self.backbone = backbone
        self.device = resolve_device(device) if isinstance(device, str) else device
        self.batch_size = batch_size
        module = backbone.build().eval().requires_grad_(False)
        self._module = module.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        blank = np.zeros((1, backbone.chip_size, backbone.chip_size, 3), np.uint8)
        embedding = self(blank)
        if not np.isfinite(embedding).all():
            raise BackboneError(
                f"{backbone} gives numbers that are not finite: {backbone.weights_file} is damaged."
            )
        self.n_features = embedding.shape[1]

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        """Embed face chips.

        Parameters
        ----------
        chips : ndarray of shape (n, chip_size, chip_size, 3), uint8
            RGB.

        Returns
        -------
        ndarray of shape (n, n_features), float32
            In the order of `chips`.
        """
        if not len(chips):
            return np.empty((0, self.n_features), np.float32)
        starts = range(0, len(chips), self.batch_size)
        return np.concatenate([self._forward(chips[i : i + self.batch_size]) for i in starts])

    @torch.inference_mode()
    def _forward(self, chips: np.ndarray) -> np.ndarray:
        # A uint8 copy is a quarter of a float32 one; as NHWC it is channels_last without a copy.
        batch = torch.from_numpy(np.ascontiguousarray(chips)).to(self.device).permute(0, 3, 1, 2)
        # By default a GPU rounds the inputs of convolutions to 10 bits (TF32).
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self._module(batch.float()).float().cpu().numpy()
