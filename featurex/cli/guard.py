"""What surrounds every command: what a user can meet, as one line, and the cores to use."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from featurex.machine.cores import tell_openmp
from featurex.printable import printable

INTERRUPTED = 130


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user can meet into one line on stderr and exit code 1; keep to our cores."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            tell_openmp()
            command(*args, **kwargs)
            sys.stdout.flush()  # a closed pipe shows here, not at exit
        except KeyboardInterrupt:
            _fail("Stopped. What was finished is kept; run again to go on.", INTERRUPTED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            if isinstance(error, typer.Exit) or type(error).__module__.startswith(
                ("typer", "click")
            ):
                raise
            if os.environ.get("FEATUREX_DEBUG"):
                raise
            _fail(_describe(error), 1)

    return run


def _describe(error: Exception) -> str:
    from cache import CacheError
    from featurex.exceptions import FeaturexError
    from pipelines import PipelineError

    text = " ".join(str(error).split())
    if isinstance(error, FeaturexError | CacheError | PipelineError | ValueError):
        return text
    if isinstance(error, OSError):
        return f"{error.filename or 'file'}: {error.strerror or text}"
    return (
        f"Internal error: {type(error).__name__}: {text}. Please report it; "
        "FEATUREX_DEBUG=1 shows where it happened."
    )


def _fail(message: str, code: int) -> None:
    print(f"featurex: {printable(message)}", file=sys.stderr)
    raise typer.Exit(code)
