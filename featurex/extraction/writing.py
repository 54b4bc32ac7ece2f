"""Writes what is to be written in its order: at once, or in a thread that is a little behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Writer:
    """Calls functions one after the other; after one that failed, none.

    Left as a context, it has called them all.

    Parameters
    ----------
    behind : int
        Calls that may wait while the caller goes on; 0 calls at once, in the caller's thread.
    """

    def __init__(self, behind: int = 0) -> None:
        self._behind = behind
        self._pool = ThreadPoolExecutor(1) if behind else None
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def __call__(self, write: Callable[[], object]) -> None:
        """Call a function, now or later; raises what an earlier one raised."""
        if self._pool is None:
            self._call(write)
            return
        self._waiting.append(self._pool.submit(self._call, write))
        while len(self._waiting) > self._behind:
            self._waiting.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        while self._waiting and error is None:  # else that is the error to be told
            self._waiting.popleft().result()

    def _call(self, write: Callable[[], object]) -> None:
        if self._failed:
            return
        try:
            write()
        except BaseException:
            self._failed = True
            raise
