"""The letter and the colour by which a model is known all over the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

N_COLOURS = 7


@dataclass(frozen=True)
class Sign:
    """A model's letter, and the class of its colour."""

    model: str
    letter: str
    kind: str


def signs(models: Sequence[str]) -> dict[str, Sign]:
    """Give every model a sign; letters never repeat, colours do after seven."""
    return {
        model: Sign(model, _letter(number), f"m{number % N_COLOURS}")
        for number, model in enumerate(models)
    }


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)
