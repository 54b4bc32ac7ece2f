"""Reads the layers of a dlib network file (``.dat``) as NumPy arrays.

dlib serialises a network layer by layer, in forward order, each layer behind a marker string
(``con_4``, ``affine_``, ``bn_con2``, ``fc_2``). An integer is one control byte (its low four bits
count the bytes that follow, its top bit is the sign) and little-endian bytes; a real number is an
integer and the power of two that it is multiplied by; a tensor is its version (2), the four
integers num_samples, k, nr, nc, and little-endian float32 values. Nothing else of the file is
needed, so nothing else is read. Source: dlib's ``serialize.h``, ``dnn/layers.h`` and
``cuda/tensor_tools.cpp`` (format of dlib 19 and 20).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurex.exceptions import BackboneError

MAX_FILE_BYTES = 256 * 2**20
_MARKER = re.compile(rb"\x01\x05con_4|\x01\x07affine_|\x01\x07bn_con2|\x01\x04fc_2")
_TENSOR_VERSION = 2
_MAX_EXPONENT = 1000  # dlib's exponents from 32000 mean infinities and NaN


@dataclass(frozen=True)
class Convolution:
    """A convolution: ``params`` holds the filters, then one bias a filter (both float32)."""

    params: np.ndarray
    n_filters: int
    kernel: int
    stride: int
    padding: int

    def weight_and_bias(self, in_channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Split the parameters into ``(n_filters, in_channels, kernel, kernel)`` and a bias."""
        shape = (self.n_filters, in_channels, self.kernel, self.kernel)
        n_weights = math.prod(shape)
        if self.params.size != n_weights + self.n_filters:
            raise BackboneError(
                f"A convolution holds {self.params.size} numbers where "
                f"{n_weights + self.n_filters} were expected."
            )
        return self.params[:n_weights].reshape(shape), self.params[n_weights:]


@dataclass(frozen=True)
class Affine:
    """A frozen batch normalisation: ``scale * x + shift`` per channel (both ``(k,)`` float32)."""

    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class FullyConnected:
    """A linear layer without bias; ``weight`` is ``(n_outputs, n_inputs)`` float32."""

    weight: np.ndarray


Layer = Convolution | Affine | FullyConnected


def read_layers(path: Path | str) -> list[Layer]:
    """Read every convolution, affine and fully connected layer of a dlib network file.

    Parameters
    ----------
    path : path-like
        A ``.dat`` file as dlib writes it, at most 256 MiB.

    Returns
    -------
    list of Convolution, Affine or FullyConnected
        In forward order.

    Raises
    ------
    BackboneError
        The file is missing, too large, truncated, or no dlib network.
    """
    data = read_bytes(Path(path))
    with damage_named(path):
        layers = list(_parse(data))
    if not layers:
        raise BackboneError(f"{path} holds no layer of a dlib network.")
    return layers


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes; BackboneError where it can't be read or is too large."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise BackboneError(f"{path} has {size} bytes; a dlib network has at most 256 MiB.")
        return path.read_bytes()
    except OSError as error:
        raise BackboneError(f"Can't read the network file {path}: {error.strerror}.") from error


@contextmanager
def damage_named(path: Path | str) -> Iterator[None]:
    """Turn what a `Reader` raises on damaged bytes into a BackboneError that names the file."""
    try:
        yield
    except (IndexError, ValueError, OverflowError) as error:
        raise BackboneError(f"{path} is damaged or truncated: {error}. Install it anew.") from error


def _parse(data: bytes) -> Iterator[Layer]:
    position = 0
    while match := _MARKER.search(data, position):
        reader = Reader(data, match.end())
        kind = match.group()[2:]
        if kind == b"con_4":
            yield _convolution(reader)
        elif kind == b"affine_":
            yield _affine(reader)
        elif kind == b"bn_con2":
            yield _batch_normalisation(reader)
        else:
            yield _fully_connected(reader)
        position = reader.position


def _convolution(reader: Reader) -> Convolution:
    params = reader.tensor()
    n_filters, rows, columns, stride, stride_x, padding, padding_x = reader.integers(7)
    if rows != columns or stride != stride_x or padding != padding_x:
        raise ValueError("a convolution is not square")
    if min(n_filters, rows, stride) < 1 or padding < 0:
        raise ValueError("a convolution without a size")
    return Convolution(params.ravel(), n_filters, rows, stride, padding)


def _affine(reader: Reader) -> Affine:
    params = reader.tensor().ravel()
    scale, shift = np.split(params, 2)
    return Affine(scale, shift)


def _batch_normalisation(reader: Reader) -> Affine:
    """Read a ``bn_con2``: its factors, then means and variances of the last batch and of all."""
    gamma, beta = np.split(reader.tensor().ravel(), 2)
    reader.integers(2 * 5)  # the shapes of gamma and beta
    _, _, means, variances = (reader.tensor().ravel() for _ in range(4))
    reader.integers(2)  # how many batches the running averages have seen, and remember
    *_, epsilon = (reader.real() for _ in range(5))  # after the multipliers of training
    if not (gamma.shape == means.shape == variances.shape) or not (variances + epsilon > 0).all():
        raise ValueError("a batch normalisation of no variance")
    scale = gamma / np.sqrt(variances + np.float32(epsilon))
    return Affine(scale, beta - means * scale)


def _fully_connected(reader: Reader) -> FullyConnected:
    n_outputs, n_inputs = reader.integers(2)
    weight = reader.tensor().reshape(n_inputs, n_outputs)
    return FullyConnected(np.ascontiguousarray(weight.T))


class Reader:
    """A position in the bytes of a dlib file.

    Every method moves it on, and raises IndexError, ValueError or OverflowError on damage.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def integer(self) -> int:
        """Read an integer."""
        control = self.data[self.position]
        n_bytes = control & 0x0F
        if n_bytes > 8:
            raise ValueError(f"an integer of {n_bytes} bytes")
        start = self.position + 1
        self.position = start + n_bytes
        if self.position > len(self.data):
            raise ValueError("the file ends inside an integer")
        value = int.from_bytes(self.data[start : self.position], "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> list[int]:
        """Read several integers."""
        return [self.integer() for _ in range(count)]

    def real(self) -> float:
        """Read a finite real number."""
        mantissa, exponent = self.integers(2)
        if abs(exponent) > _MAX_EXPONENT:
            raise ValueError(f"a number with the exponent {exponent}")
        return math.ldexp(mantissa, exponent)

    def tensor(self) -> np.ndarray:
        """Read a tensor, float32 of four dimensions."""
        version, *shape = self.integers(5)
        if version != _TENSOR_VERSION or min(shape) < 0:
            raise ValueError(f"a tensor of version {version} and shape {shape}")
        n_values = math.prod(shape)
        end = self.position + 4 * n_values
        if end > len(self.data):
            raise ValueError("the file ends inside a tensor")
        values = np.frombuffer(self.data, "<f4", n_values, self.position).reshape(shape)
        self.position = end
        return values
