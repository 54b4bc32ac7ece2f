"""Processes that are forked off a program with a loaded model.

A fork has none of the threads that OpenMP has started for torch, and would wait for them for ever:
in a web server that loads its model before it forks its workers, or in ``multiprocessing.Pool``,
which forks by default on Linux before Python 3.14.
"""

from __future__ import annotations

import os
import sys
from functools import cache


@cache
def keep_forks_to_one_thread() -> None:
    """Have torch use one thread in every process that is forked off this one; once is enough."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
