import os
import subprocess
import sys

import pytest

# Two threads compute before the fork, and must not be waited for after it.
PROGRAM = """
import os, sys, torch
from featurex.machine.forks import keep_forks_to_one_thread

torch.set_num_threads(2)
square = torch.ones(600, 600)
(square + square).sum().item()
keep_forks_to_one_thread()
if os.fork() == 0:
    assert (square + square).sum().item() == 720_000
    os._exit(0 if torch.get_num_threads() == 1 else 3)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
def test_a_forked_process_computes_with_one_thread():
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    words = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(words, env=environment, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
