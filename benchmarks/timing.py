"""How long calls take, for the benchmarks beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def timed(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the seconds that a call takes, and what it returns."""
    started = time.perf_counter()
    result = call(*arguments)
    return time.perf_counter() - started, result


def repeated(call: Callable[[], Any], repeats: int) -> list[float]:
    """Return the seconds of each of several calls, after one to warm up."""
    call()
    return [timed(call)[0] for _ in range(repeats)]


def least(call: Callable[[], Any], repeats: int = 5) -> float:
    """Return the least seconds of several calls, after one to warm up."""
    return min(repeated(call, repeats))
