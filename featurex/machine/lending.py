"""Lends objects that only one thread may use at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Lender(Generic[Thing]):
    """Lends objects of one kind, made where all others are out, and kept for the next borrower.

    An object of each thread's own would be made again for every new pool of threads.

    Parameters
    ----------
    make : callable
        Makes one.

    Examples
    --------
    >>> lender = Lender(list)
    >>> with lender.lend() as first, lender.lend() as second:
    ...     first is second
    False
    >>> with lender.lend() as again:
    ...     again is first
    True
    """

    def __init__(self, make: Callable[[], Thing]) -> None:
        self._make = make
        self._free: list[Thing] = []  # whose pop and append are atomic

    @contextmanager
    def lend(self) -> Iterator[Thing]:
        """Lend one for the time of a with block."""
        try:
            thing = self._free.pop()
        except IndexError:
            thing = self._make()
        try:
            yield thing
        finally:
            self._free.append(thing)
