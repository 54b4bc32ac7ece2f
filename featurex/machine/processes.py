"""What a process does whose work another has asked for."""

from __future__ import annotations

import os
import threading
import time
from functools import cache

_WATCH_SECONDS = 1.0


@cache
def end_with(parent: int) -> None:
    """End this process soon after the one that asked for its work: others outlive a kill -9.

    Parameters
    ----------
    parent : int
        The process id of the one that asked, which started this one.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
