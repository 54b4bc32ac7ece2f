"""Items with the pace at which they come, for who would wait until there are more of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import length_hint
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

# From here on a core has nothing to do before the next item comes.
_SLOW_SECONDS = 0.05
# From here on waiting for answers, for a tenth of that time, costs little.
_PATIENT_SECONDS, _PATIENCE = 0.25, 0.1


class Paced(Generic[Item]):
    """An iterator that knows how long its last item took to come.

    Parameters
    ----------
    items : iterable
        Drawn in the thread that draws from this.

    Attributes
    ----------
    seconds : float
        That the last item took to come.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items, self._n_items = iter(items), length_hint(items)
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        started = perf_counter()
        item = next(self._items)
        self.seconds = perf_counter() - started
        return item

    def __length_hint__(self) -> int:
        return self._n_items

    def blocks_of(self, made: Iterable[Made], size: int) -> Iterator[list[Made]]:
        """Yield what was made of the items in lists of so many, or fewer while the items are slow.

        Parameters
        ----------
        made : iterable
            Draws from this.
        size : int
        """
        block: list[Made] = []
        for one in made:
            block.append(one)
            if len(block) == size or self.seconds >= _SLOW_SECONDS:
                yield block
                block = []
        if block:
            yield block

    @property
    def patience(self) -> float:
        """Seconds to wait for an answer before the next item is drawn."""
        return _PATIENCE * self.seconds if self.seconds >= _PATIENT_SECONDS else 0.0
