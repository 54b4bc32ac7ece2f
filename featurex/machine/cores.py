"""How many cores this process may use."""

from __future__ import annotations

import os


def core_count() -> int:
    """Count the cores that this process may use, where the machine may have more.

    Returns
    -------
    int
        What a scheduler's CPU mask, a container's quota and the environment variable
        LOKY_MAX_CPU_COUNT leave of the machine's cores, as joblib counts them; at least 1.
    """
    from joblib import cpu_count  # takes as long as `featurex --help`

    return int(cpu_count())


def tell_openmp() -> None:
    """Tell OpenMP the cores that there are, before torch is loaded, unless the user has.

    It sees a CPU mask but no container's quota, and then starts a thread for each of the machine's
    cores, which wait for one another.
    """
    if (cores := core_count()) < (os.cpu_count() or 1):
        os.environ.setdefault("OMP_NUM_THREADS", str(cores))
