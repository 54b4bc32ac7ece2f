"""Threads that each keep to one core, and a map that works ahead of its reader.

Where every core has a photo or a batch of its own, none waits for another. A network that spreads
one batch over all cores makes them wait for each other at every layer: on two cores that costs a
third of them, and most of them where other programs run too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from featurex.machine.cores import core_count
from featurex.machine.paced import Paced

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def core_workers(n_threads: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads in which torch uses one core each; what is left undone is dropped.

    Parameters
    ----------
    n_threads : int, optional
        By default one more than the cores, for who waits for a disk.
    """
    n_threads = core_count() + 1 if n_threads is None else n_threads
    pool = ThreadPoolExecutor(n_threads, initializer=_keep_to_one_core)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def map_ahead(
    pool: Executor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
    source: Paced[Any] | None = None,
) -> Iterator[Result]:
    """Map elsewhere, in order, at most so many items ahead of what was asked for.

    Parameters
    ----------
    pool : Executor
    function : callable
    items : iterable
        Drawn as they are needed, in the reader's thread; may have no end.
    ahead : int
        Items in work, or done and not yet asked for, beside the one that is returned.
    source : Paced, optional
        What the items are made of: where that is slow, a result is waited for rather than the next
        item, so that it does not come late.
    """
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        patience = source.patience if source else 0.0
        while len(pending) > ahead or (pending and _is_done(pending[0], patience)):
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _is_done(future: Future[Any], patience: float) -> bool:
    """Tell whether a result is there, or is after so many seconds."""
    return future.done() or bool(patience and wait([future], patience).done)


def _keep_to_one_core() -> None:
    import torch

    torch.get_num_threads()  # takes the process's number over, which must not come later
    # OpenMP's number belongs to the thread that sets it; the rest of the process keeps its own.
    ThreadpoolController().limit(limits=1, user_api="openmp")
