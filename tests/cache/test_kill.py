"""A writer killed at any moment loses only the shard in hand."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cache
from cache import Column, Space, Store, verify

SPACE = Space("killed", {})
COLUMNS = [Column("x", "float32", (50_000,))]
ROWS = 8
PROGRAM = """
import hashlib, itertools, sys
import numpy as np
from cache import Column, Space, Store
store = Store.open(sys.argv[1], Space("killed", {}), [Column("x", "float32", (50_000,))])
print("ready", flush=True)
for shard in itertools.count():
    keys = [hashlib.sha256(b"%d" % row).hexdigest() for row in range(8 * shard, 8 * shard + 8)]
    rows = np.repeat(np.arange(8 * shard, 8 * shard + 8, dtype=np.float32)[:, None], 50_000, 1)
    store.append(keys, {"x": rows})
    store.publish()
    print(shard, flush=True)
"""


def run_and_kill(root, seconds):
    """Run the writer for a while after it is ready; return the shards that it said it finished."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(cache.__file__).parents[1],
    ) as writer:
        assert writer.stdout.readline() == "ready\n"
        time.sleep(seconds)
        writer.kill()
        return [int(line) for line in writer.stdout.read().split()]


@pytest.mark.parametrize("seed", range(6))
def test_every_finished_shard_reads_after_a_kill(tmp_path, seed):
    finished = run_and_kill(tmp_path, random.Random(seed).uniform(0.005, 0.3))
    store = Store.open(tmp_path, SPACE, COLUMNS)
    rows = [ROWS * shard + row for shard in finished for row in range(ROWS)]
    keys = [hashlib.sha256(b"%d" % row).hexdigest() for row in rows]
    np.testing.assert_array_equal(store.column("x", keys)[:][:, 0], rows)
    assert len(rows) <= len(store) <= len(rows) + ROWS  # the last may lack only its message
    for problem in verify(tmp_path):
        assert problem.path.name.endswith(".tmp") or problem.path.name == "index.h5"
        assert "killed" in problem.what or "out of date" in problem.what


def test_a_rerun_does_the_rest(tmp_path):
    finished = run_and_kill(tmp_path, 0.15)
    store = Store.open(tmp_path, SPACE, COLUMNS)
    missing = len(store) // ROWS
    assert missing >= len(finished)
    keys = [hashlib.sha256(b"%d" % row).hexdigest() for row in range(ROWS * (missing + 1))]
    todo = np.flatnonzero(~store.contains(keys))
    assert todo.tolist() == list(range(ROWS * missing, ROWS * (missing + 1)))
    rows = np.repeat(todo.astype(np.float32)[:, None], 50_000, 1)
    store.append([keys[row] for row in todo], {"x": rows})
    assert store.contains(keys).all()
