"""Every benchmark that needs no further package runs, on little; its figures are not judged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from featurex.datasets.people import people_root

ROOT = Path(__file__).parents[1]
RUNS = {
    "storage": (["--rows", "64", "--chips", "8", "--shards", "3"], "checking costs"),
    "embedding": (["--chips", "4"], "largest difference"),
    "extraction": (["--photos", "6"], "share of the limit"),
    "scaling": (["--folder", people_root(), "--counts", "4"], "nothing new"),
    "detectors equality": (["--photos", "2"], "largest score difference"),
    "training epochs": (
        ["--faces", "64", "--epochs", "2", "--network", "multitask", "--device", "cpu"],
        "s an epoch",
    ),
    "training steps": (
        ["--chips", "1", "--steps", "1", "--network", "multitask"],
        "million parameters",
    ),
    "gpu": (["--seconds", "0.1", "--device", "cpu", "--backbone", "dlib-resnet"], "chips/s"),
}


@pytest.mark.parametrize("name", RUNS)
def test_it_runs_and_prints_its_last_line(name, tmp_path):
    arguments, last = RUNS[name]
    script, *what = name.split()
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}.py", *what, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert last in done.stdout
    left = [path.name for path in tmp_path.iterdir()]
    assert not [name for name in left if not name.startswith("torchinductor")]  # torch's own
