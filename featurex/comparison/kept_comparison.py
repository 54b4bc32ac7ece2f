"""The scores of a comparison, and the files of one, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from featurex.comparison.kept import Kept
from featurex.digests import digest, source_digest
from featurex.extraction import spaces
from featurex.files import open_regular
from pipelines import Comparison, Task, compare

_SCORES, _FILES = "scores", "files"
_PACKAGES = (
    *("numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "jinja2"),
    "threadpoolctl",
)


def compare_once(
    kept: Kept | None,
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    timings: pd.DataFrame,
    notes: Sequence[str],
    *,
    facts: Mapping[str, str | None],
    random_state: int,
) -> Comparison:
    """Compare models as `pipelines.compare` does, or read how that came out before.

    Parameters
    ----------
    kept : Kept or None
        None computes in any case.
    predictions, tasks, timings, notes, facts, random_state
        As `pipelines.compare` takes them.

    Returns
    -------
    Comparison
    """
    compute = partial(
        compare, predictions, tasks, timings, notes, facts=facts, random_state=random_state
    )
    if kept is None:
        return compute()
    key = _key(compute.args, compute.keywords)
    if found := kept.load(_SCORES, key):
        return Comparison(**{name: _value(stored) for name, stored in found[1].items()})
    comparison = compute()
    names = [field.name for field in fields(comparison)]
    record = {name: _stored(getattr(comparison, name)) for name in names}
    kept.save(_SCORES, key, {}, record)
    return comparison


def write_once(
    kept: Kept, folder: Path, write: Callable[[], list[Path]], *decides: Any
) -> list[Path]:
    """Write files, unless they are there as they would be written.

    Parameters
    ----------
    kept : Kept
        Where the files' hashes are kept.
    folder : Path
        The files' folder.
    write : callable
        Writes them and returns their paths.
    *decides : any
        All that decides what is in the files, as `featurex.digests.digest` takes it.

    Returns
    -------
    list of Path
    """
    key = _key(decides, {})
    if (found := kept.load(_FILES, key)) and all(
        _sha256(folder / name) == expected for name, expected in found[1].items()
    ):
        return [folder / name for name in found[1]]
    files = write()
    record = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    kept.save(_FILES, key, {}, record)
    return files


def _key(arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    return digest(source_digest(), spaces.versions(*_PACKAGES), arguments, options)


def _sha256(path: Path) -> str | None:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _stored(value: Any) -> dict[str, Any]:
    """Return a value as JSON that says of which kind it was; every float comes back exactly."""
    if isinstance(value, pd.DataFrame):
        return {
            "table": [
                [name, str(value[name].dtype), value[name].tolist()] for name in value.columns
            ]
        }
    return {"tuple": list(value)} if isinstance(value, tuple) else {"value": value}


def _value(stored: dict[str, Any]) -> Any:
    if "table" in stored:
        return pd.DataFrame(
            {name: pd.Series(values, dtype=kind) for name, kind, values in stored["table"]}
        )
    return tuple(stored["tuple"]) if "tuple" in stored else stored["value"]
