"""Finds, downloads and loads weight files safely."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from featurex.backbones.base import file_sha256
from featurex.exceptions import BackboneError

if TYPE_CHECKING:
    from torch import Tensor

MAX_FILE_BYTES = 4 * 2**30


def downloaded_weights(url: str) -> Path:
    """Return torchvision's weight file from its local cache, downloading it where it is missing.

    Parameters
    ----------
    url : str
        As torchvision gives it; its file name ends in the first digits of the file's SHA-256.

    Raises
    ------
    BackboneError
        The download fails (the message says which file to put where), or the cached file is
        damaged.
    """
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    prefix = path.stem.rsplit("-", 1)[-1]
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), prefix, progress=False)
        except (OSError, RuntimeError, HTTPException) as error:
            raise BackboneError(
                f"Can't download {url} ({error}). Put the file at {path}, or name a copy with "
                "--weights FILE."
            ) from error
    elif not file_sha256(path).startswith(prefix):
        raise BackboneError(f"{path} is damaged (its SHA-256 is not {prefix}…): delete it.")
    return path


def read_state_dict(
    path: Path, needed: Iterable[str], renamed: Callable[[str], str] = str
) -> dict[str, Tensor]:
    """Read the needed tensors of a ``.safetensors`` file, or a ``.pth`` file without unpickling.

    Parameters
    ----------
    path : Path
        At most 4 GiB.
    needed : iterable of str
        The tensors' names; others in the file are ignored. Batch normalisation's
        ``num_batches_tracked`` are left out: only training uses them, and files older than torch
        0.4.1, such as many of torchvision's, have none.
    renamed : callable
        Maps the file's names to those needed, where they differ.

    Returns
    -------
    dict of str to Tensor
        On the CPU, as float32; integers, such as a transformer's table of positions, as they are.

    Raises
    ------
    BackboneError
        The file is missing, too large, damaged, holds more than tensors, or lacks needed ones.
    """
    tensors = {renamed(name): tensor for name, tensor in _load(path).items()}
    names = [name for name in needed if not name.endswith("num_batches_tracked")]
    missing = [name for name in names if name not in tensors]
    if missing:
        raise BackboneError(
            f"{path} lacks {len(missing)} of the {len(names)} tensors that this layer needs, the "
            f"first {missing[0]!r}: it is another network's file, or ends before this layer."
        )
    found = {name: tensors[name] for name in names}
    return {n: t.float() if t.is_floating_point() else t for n, t in found.items()}


def _load(path: Path) -> dict[str, Tensor]:
    import torch
    from safetensors.torch import load_file

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BackboneError(f"{path} is larger than 4 GiB.")
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BackboneError(f"Can't read the weights {path}: {error.strerror or error}.") from error
    except BackboneError:
        raise
    except UnpicklingError as error:  # torch's own message tells how to run the file's code
        raise BackboneError(
            f"{path} is damaged, or holds Python objects, which are not loaded because they can "
            "run code. Save the network's state_dict() instead, best as .safetensors."
        ) from error
    except Exception as error:  # both readers raise many kinds on damaged or hostile files
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BackboneError(f"{path} holds no plain weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(map(torch.is_tensor, tensors.values())):
        raise BackboneError(f"{path} holds no plain state dictionary (names and tensors).")
    return tensors
