"""How a backbone is run over chips, where that changes the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class EmbeddingOptions:
    """What decides an embedding besides its chip and its backbone: part of the space's key.

    Parameters
    ----------
    precision : {"float32", "bfloat16", "float16"}
        Of convolutions and matrix products. The embedding is stored as float32 in any case.
    mirror : bool
        Whether the embedding is the mean of the chip's and of its mirror image's.

    Raises
    ------
    ValueError
        For another precision.
    """

    precision: str = "float32"
    mirror: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"The precision must be one of {', '.join(PRECISIONS)}. Got {self.precision!r}."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """As JSON."""
        return {"precision": self.precision, "mirror": self.mirror}

    @property
    def suffix(self) -> str:
        """What a name says of it: empty for the default."""
        precision = "" if self.precision == "float32" else f"-{self.precision}"
        return precision + ("-mirror" if self.mirror else "")
