"""Where a predictor's models come from, so that another process can load them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from featurex.exceptions import ModelError
from featurex.photos.hashing import hash_files
from featurex.saved_models.fused_files import MAX_BYTES


class Source(NamedTuple):
    """What a predictor was loaded from, and how.

    Attributes
    ----------
    paths : tuple of Path
        The model files, absolute, since a worker may have another folder.
    hashes : tuple of str
        Their SHA-256.
    device : str
    weights : Path or None
        The backbone's file; a model knows its hash itself.
    reject : bool or float
    """

    paths: tuple[Path, ...]
    hashes: tuple[str, ...]
    device: str
    weights: Path | None
    reject: bool | float

    @classmethod
    def of(
        cls,
        paths: Sequence[str | Path],
        device: str,
        weights: str | Path | None,
        reject: bool | float,
    ) -> Source:
        """Note the arguments of `Predictor.load`, and hash the files."""
        weights = None if weights is None else Path(weights).absolute()
        files = tuple(Path(path).absolute() for path in paths)
        return cls(files, _hashes(files), device, weights, reject)


# A pool sends a predictor again with every few photos; its worker must not load it each time.
@lru_cache(maxsize=2, typed=True)  # a threshold of 1.0 is not True
def load_again(
    load: Callable[..., Any],
    paths: tuple[Path, ...],
    hashes: tuple[str, ...],
    device: str,
    weights: Path | None,
    reject: bool | float,
) -> Any:
    """Load the predictor of a `Source`; the last ones stay loaded.

    Raises
    ------
    ModelError
        A file is not there, or no longer the one that was loaded.
    """
    for path, before, now in zip(paths, hashes, _hashes(paths), strict=True):
        if now and now != before:
            raise ModelError(
                f"{path} has changed since the Predictor was loaded that is sent here: load it "
                "again with Predictor.load, and send that one."
            )
    return load(*paths, device=device, weights=weights, reject=reject)


def _hashes(paths: Sequence[Path]) -> tuple[str, ...]:
    """Hash files; empty for one that can't be read, of which loading it tells more."""
    found = hash_files(paths, threads=1, max_bytes=MAX_BYTES)
    return tuple("" if isinstance(one, OSError) else one for one in found)
