import subprocess
import sys

BOTH_POOLS = """
import numpy as np
from joblib import Parallel, delayed
from featurex.machine.cores import core_count
from featurex.faces.hog_processes import start_processes

if __name__ == "__main__":
    core_count()
    processes = start_processes(2)
    print(processes.submit(len, "abc").result())
    processes.shutdown()
    large = np.ones(300_000)  # joblib hands it over in a file
    print(*Parallel(n_jobs=2)(delayed(np.sum)(large) for _ in range(4)))
"""


def test_joblib_s_own_processes_work_beside_ours(tmp_path):
    """Two copies of loky share names in multiprocessing: joblib's then reported lost files."""
    script = tmp_path / "both.py"
    script.write_text(BOTH_POOLS)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert ran.stdout.split() == ["3", *["300000.0"] * 4]
    assert ran.stderr == ""
