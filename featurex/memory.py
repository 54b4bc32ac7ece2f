"""Gives freed memory back to the operating system."""

from __future__ import annotations

import ctypes
import sys


def release() -> None:
    """Give back what is free inside the heap; does nothing but on Linux with glibc.

    glibc keeps the freed pieces between those in use. Where large temporary arrays and small ones
    that live longer take turns, as in extraction, the process would grow for thousands of photos
    before it stays as it is.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
