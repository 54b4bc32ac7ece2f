"""What was measured of a model as a whole, in its metadata.

An average has it in the metadata of every part, since its file holds no other; the name of the
model keeps a part from using it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_fact(metadata: Mapping[str, Any], key: str, fact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's metadata with a fact about it.

    Parameters
    ----------
    metadata : mapping
        As `featurex.saved_models.fitting.fit_models` gives it.
    key : str
    fact : mapping of str to JSON value
    """
    told = {key: {"model": metadata["model"], **fact}}
    parts = {"parts": [part | told for part in metadata["parts"]]} if "parts" in metadata else {}
    return dict(metadata) | parts | told


def fact_of(metadata: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """Return a fact about a model; None without one, or where it is about another model."""
    told: dict[str, Any] | None = metadata.get(key)
    return told if told is not None and told["model"] == metadata.get("model") else None


def names_its_model(fact: Any) -> bool:
    """Tell whether what a file holds as a fact can be looked at by `fact_of`."""
    return isinstance(fact, dict) and isinstance(fact.get("model"), str)
