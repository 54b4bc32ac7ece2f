"""Chooses the device that a network runs on."""

from __future__ import annotations

import torch
from torch import Tensor

from featurex.exceptions import DeviceError


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device's name into a device that is there.

    Parameters
    ----------
    name : str
        "cpu", "cuda", "cuda:N", or "auto": the first GPU where there is one, else the CPU.

    Raises
    ------
    DeviceError
        A GPU was asked for by name and is not there. Only "auto" may choose another.
    ValueError
        No such name.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))  # of None torch makes None
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"The device must be auto, cpu, cuda or cuda:N. Got {name!r}.")
    if device.type == "cuda" and (device.index or 0) >= _n_gpus():
        raise DeviceError(
            f"The device {name!r} was asked for, but torch {torch.__version__} sees {_n_gpus()} "
            "GPU(s). Install a CUDA build of torch, or choose --device cpu or auto."
        )
    return device


def device_label(device: torch.device) -> str:
    """Name a device for people: "cpu (2 threads)" or the GPU's model."""
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return f"{device} ({torch.cuda.get_device_name(device)})"


def sent(small: Tensor, device: torch.device) -> Tensor:
    """Bring a small tensor to a device without waiting for what a GPU has still to do.

    The driver takes what is not pinned at once, and the GPU has it in its turn; without
    `non_blocking` torch would wait for that turn, and the GPU then for Python's next step.
    """
    return small.to(device, non_blocking=True)


def _n_gpus() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0
