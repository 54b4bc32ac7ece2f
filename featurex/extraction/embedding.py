"""Runs a frozen backbone over face chips, in batches, on any device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress

import numpy as np
import torch
from torch import Tensor, nn

from featurex.backbones.base import Backbone
from featurex.exceptions import BackboneError, DeviceError
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.extraction.replaying import Replay
from featurex.machine import memory
from featurex.machine.devices import resolve_device

# Chips a forward pass: what fits a CPU's caches, and what keeps a GPU busy.
BATCH_SIZES = {"cpu": 32, "cuda": 256}
# Full batches after which it pays to record what the next ones will do. Launching a batch takes
# some milliseconds: where computing it takes this long, recording saves nothing.
_REPLAYED_FROM, _LONG_SECONDS = 8, 0.05
_FLOAT32 = EmbeddingOptions()


class Embedder:
    """A loaded backbone that turns face chips into embeddings.

    Parameters
    ----------
    backbone : Backbone
        Loaded here.
    device : str or torch.device
        As `resolve_device` takes it.
    batch_size : int, optional
        Chips a forward pass; by default as `BATCH_SIZES`, and halved where a GPU's memory is too
        small. It does not change an embedding (within 1e-5 in float32).
    options : EmbeddingOptions

    Attributes
    ----------
    n_features : int
        Length of an embedding.

    Raises
    ------
    BackboneError
        The weights can't be had, are damaged, or give no finite numbers.
    DeviceError
        The device is not there, or its memory is too small for a single chip.
    """

    def __init__(
        self,
        backbone: Backbone,
        device: str | torch.device = "auto",
        batch_size: int | None = None,
        options: EmbeddingOptions = _FLOAT32,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"The batch size must be at least 1. Got {batch_size}.")
        memory.keep_large_apart()  # before the weights are read, or the heap grows with them
        self.backbone = backbone
        self.device = resolve_device(device) if isinstance(device, str) else device
        self.batch_size = batch_size or BATCH_SIZES[self.device.type]
        self.options = options
        self._n_batches = 0
        self._replay: Replay | None = None
        self._dtype: torch.dtype = getattr(torch, options.precision)
        module = backbone.build().eval().requires_grad_(False)
        self._module = module.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self._dtype != torch.float32:
            self._module = _lowered(self._module, self._dtype)
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
        return self.begin(chips)()

    def begin(self, chips: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin to embed face chips: a GPU works on them while the caller goes on.

        Parameters
        ----------
        chips : ndarray of shape (n, chip_size, chip_size, 3), uint8
            RGB. To be left as they are until the embeddings are there; best in what `memory` gave.

        Returns
        -------
        callable
            Waits for the embeddings and returns them, as calling the embedder does.
        """
        if not len(chips):
            return lambda: np.empty((0, self.n_features), np.float32)
        # A uint8 copy is a quarter of a float32 one; as NHWC it is channels_last without a copy.
        rows = torch.from_numpy(np.require(chips, requirements=["C", "W"]))
        embeddings = self._embed(rows)
        if self.device.type == "cpu":
            return embeddings.numpy
        copied = torch.empty(embeddings.shape, dtype=embeddings.dtype, pin_memory=True)
        copied.copy_(embeddings, non_blocking=True)
        done = torch.cuda.current_stream(self.device).record_event()

        def wait() -> np.ndarray:
            done.synchronize()
            return copied.numpy()

        return wait

    def memory(self, n_chips: int) -> np.ndarray:
        """Return memory for chips that the device reads fastest, and without the caller.

        Returns
        -------
        ndarray of shape (n_chips, chip_size, chip_size, 3), uint8
            Not initialised.
        """
        shape = (n_chips, self.backbone.chip_size, self.backbone.chip_size, 3)
        pinned = self.device.type == "cuda"
        return torch.empty(shape, dtype=torch.uint8, pin_memory=pinned).numpy()

    def forward(self, chips: Tensor) -> Tensor:
        """Embed one batch that lies on the device.

        Parameters
        ----------
        chips : Tensor of shape (n, 3, chip_size, chip_size), uint8
            Fastest in the memory format channels_last.

        Returns
        -------
        Tensor of shape (n, n_features), float32
        """
        with torch.inference_mode(), self._numerics():
            floats = chips.float()
            embeddings = self._module(floats).float()
            if self.options.mirror:
                embeddings = (embeddings + self._module(floats.flip(3)).float()) / 2
            return embeddings

    def _embed(self, rows: Tensor) -> Tensor:
        """Embed chips ``(n, h, w, 3)``; where the memory is too small, in smaller batches."""
        while True:
            try:
                return self._run_all(self._batches(rows), len(rows))
            except torch.OutOfMemoryError as error:
                if self.batch_size == 1:
                    raise DeviceError(
                        f"The memory of {self.device} is too small for one chip of "
                        f"{self.backbone}: free some of it, or choose --device cpu."
                    ) from error
            self.batch_size = self.batch_size // 2
            self._n_batches, self._replay = 0, None
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _run_all(self, batches: Iterable[Tensor], n_rows: int) -> Tensor:
        """Embed batches ``(n, h, w, 3)`` into one piece of memory.

        A small result kept from each batch would lie between the large tensors of the next, and the
        heap would grow with every batch.
        """
        made, start = None, 0
        for batch in batches:
            part = self._run(batch.permute(0, 3, 1, 2))
            if made is None:
                made = part.new_empty((n_rows, part.shape[1]))
            made[start : start + len(part)] = part
            start += len(part)
        assert made is not None
        return made

    def _run(self, chips: Tensor) -> Tensor:
        """Embed one batch; on a GPU, after some full ones, by a replay."""
        if self.device.type == "cpu" or len(chips) < self.batch_size:
            return self.forward(chips)
        self._n_batches += 1
        if self._n_batches == _REPLAYED_FROM and self._seconds(chips) < _LONG_SECONDS:
            with suppress(RuntimeError):  # some networks can't be recorded, or not in this memory
                self._replay = Replay(self.forward, chips)
        return self._replay(chips) if self._replay else self.forward(chips)

    def _seconds(self, chips: Tensor) -> float:
        """Return the time that a GPU takes for a batch."""
        torch.cuda.synchronize(self.device)
        started = time.perf_counter()
        self.forward(chips)
        torch.cuda.synchronize(self.device)
        return time.perf_counter() - started

    @contextmanager
    def _numerics(self) -> Iterator[None]:
        lower = self._dtype != torch.float32
        with (
            # By default a GPU rounds the inputs of float32 convolutions to 10 bits (TF32). The flag
            # is the whole process's, and on a CPU several threads may be here.
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
            if self.device.type == "cuda"
            else nullcontext(),
            torch.autocast(self.device.type, self._dtype, enabled=lower),
        ):
            yield

    def _batches(self, rows: Tensor) -> Iterator[Tensor]:
        """Bring batch after batch to the device; a GPU gets the next while it works on one."""
        batches = rows.split(self.batch_size)
        if self.device.type == "cpu":
            yield from batches
            return
        copying, working = torch.cuda.Stream(self.device), torch.cuda.current_stream(self.device)

        def copied(batch: Tensor) -> Tensor:
            with torch.cuda.stream(copying):
                pinned = batch if batch.is_pinned() else batch.pin_memory()
                return pinned.to(self.device, non_blocking=True)

        following = copied(batches[0])
        for batch in [*batches[1:], None]:
            current = following
            working.wait_stream(copying)
            current.record_stream(working)  # its memory is not free before the work is done
            if batch is not None:
                following = copied(batch)
            yield current


def _lowered(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Convert once the weights that autocast would convert for every batch."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.to(dtype)
    return module
