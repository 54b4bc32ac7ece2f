"""Imports dlib, or says what to install: it comes as a package of another name."""

from __future__ import annotations

from featurex.exceptions import BackboneError

try:
    import dlib
except ImportError as error:
    raise BackboneError(f"dlib can't be imported ({error}): run 'pip install dlib-bin'.") from error

__all__ = ["dlib"]
