"""Which photos a network was trained on: a record small enough to travel in its file.

A photo is known by the first 8 bytes of its `image_id`, the SHA-256 of its bytes. Among a million
photos the chance that one which was not seen looks as if it was is below 1 in 10 million.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from featurex.exceptions import BackboneError

if TYPE_CHECKING:
    import pandas as pd

N_BYTES = 8
MOST_FACES = 1 << 26
_DIGITS = 2 * N_BYTES
_NUMBER = np.dtype(">u8")  # sorts as the bytes do


@dataclass(frozen=True, eq=False)
class SeenFaces:
    """The photos that a network was trained on.

    Attributes
    ----------
    rows : ndarray of shape (n, 8), uint8
        The first bytes of each photo's SHA-256; sorted, each once.
    """

    rows: np.ndarray

    @classmethod
    def of(cls, image_ids: Iterable[str]) -> Self:
        """Record photos.

        Parameters
        ----------
        image_ids : iterable of str
            SHA-256 in hexadecimal, one or more.
        """
        return cls(_as_rows(np.unique(_as_numbers(image_ids))))

    @classmethod
    def read(cls, rows: Any) -> Self:
        """Take a record from a file, which may be anybody's.

        Raises
        ------
        ValueError
            It is not in every respect as `of` makes it.
        """
        rows = np.asarray(rows)
        if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != N_BYTES:
            raise ValueError(
                f"it is {rows.dtype} of shape {rows.shape}, not uint8 of (n, {N_BYTES})"
            )
        if not 0 < len(rows) <= MOST_FACES:
            raise ValueError(f"it has {len(rows)} rows, not 1 to {MOST_FACES}")
        numbers = np.ascontiguousarray(rows).view(_NUMBER)[:, 0]
        if not (numbers[1:] > numbers[:-1]).all():
            raise ValueError("its rows are not sorted, or one is there twice")
        return cls(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __or__(self, other: SeenFaces) -> SeenFaces:
        return SeenFaces(_as_rows(np.union1d(self._numbers, other._numbers)))

    def among(self, image_ids: Iterable[str]) -> np.ndarray:
        """Tell which photos are in the record, ``(n,)`` bool.

        Parameters
        ----------
        image_ids : iterable of str
            As `of` takes them.
        """
        return np.isin(_as_numbers(image_ids), self._numbers)

    @property
    def _numbers(self) -> np.ndarray:
        return np.ascontiguousarray(self.rows).view(_NUMBER)[:, 0]


def check_unseen(table: pd.DataFrame, seen: SeenFaces, name: str) -> None:
    """Refuse photos that a backbone was trained on, since its features know their labels.

    Parameters
    ----------
    table : DataFrame
        With `image_id` and `dataset`, as of a `Manifest`.
    seen : SeenFaces
    name : str
        Of the network.

    Raises
    ------
    BackboneError
        It was trained on some of them; the message counts them.
    """
    datasets = table["dataset"].astype(str).tolist()
    known = seen.among(table["image_id"])
    if not known.any():
        return
    n_photos, n_seen = Counter(datasets), Counter(compress(datasets, known))
    told = [f"{n} of the {n_photos[name]} photos of {name!r}" for name, n in n_seen.items()]
    raise BackboneError(
        f"The network {name} was trained on {' and '.join(told)}: its features know their "
        "labels, so every score on them would be too good. Take other photos or another backbone."
    )


def _as_numbers(image_ids: Iterable[str]) -> np.ndarray:
    text = "".join(image_id[:_DIGITS] for image_id in image_ids)
    return np.frombuffer(bytes.fromhex(text), _NUMBER)


def _as_rows(numbers: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(numbers, _NUMBER).view(np.uint8).reshape(-1, N_BYTES)
