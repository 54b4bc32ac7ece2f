"""Keeps a long run small: what glibc would hold on to goes back to the operating system."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
# Only the largest tensors of a forward pass are larger; what is smaller is used again much faster.
_LARGE_BYTES = 16 * 2**20


def release() -> None:
    """Give back what is free inside the heap; does nothing but on Linux with glibc.

    glibc keeps the freed pieces between those in use. Where large temporary arrays and small ones
    that live longer take turns, as in extraction, the process would grow for thousands of photos
    before it stays as it is.
    """
    _glibc("malloc_trim", 0)


def keep_large_apart() -> None:
    """Have arrays from 16 MiB on allocated outside the heap; does nothing but with glibc.

    glibc raises that limit up to 32 MiB by itself as soon as one of them has been freed, and then
    each forward pass finds its place in the heap anew.
    """
    _glibc("mallopt", _MMAP_THRESHOLD, _LARGE_BYTES)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function of glibc for memory; musl has neither, nor has another system."""
    if sys.platform == "linux":
        function: Any = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*arguments)
