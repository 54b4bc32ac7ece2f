import ctypes
import subprocess
import sys

import pytest

from featurex.machine import memory

# Large arrays are made and freed again, with small ones, which stay, between them.
LARGE_AND_SMALL = """
import numpy as np
from featurex.machine import memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

memory.keep_large_apart()
np.ones(20 * 2**20, np.uint8)
before, kept = resident(), []
for _ in range(5):
    large = [np.ones(20 * 2**20, np.uint8) for _ in range(3)]
    kept.append(np.ones(50_000, np.uint8))
    del large
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_large_arrays_leave_no_memory_behind():
    done = subprocess.run(
        [sys.executable, "-c", LARGE_AND_SMALL], check=True, capture_output=True, text=True
    )
    assert float(done.stdout) < 10


@pytest.mark.parametrize("without", ["linux", "glibc"])
def test_other_systems_and_libraries_are_left_alone(monkeypatch, without):
    if without == "linux":
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("glibc was asked for"))
    else:
        monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    memory.release()
    memory.keep_large_apart()
