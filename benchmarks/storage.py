"""What the cache costs: checking on reading, opening, and the look-up of keys.

    python benchmarks/storage.py [--rows 20480] [--chips 4096] [--shards 2000] [--folder DIR]

Prints the read throughput of 736-float rows and of 150 x 150 x 3 chips from the page cache, with
and without their CRC-32, and the share that checking takes; then how long a space of many shards
of 512 rows takes to open, before and after `compact`, and the memory of its look-up.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import tracemalloc
from pathlib import Path
from unittest import mock

import numpy as np
from timing import least, timed

from cache import Column, Space, Store, compact
from cache.checksums import checksums
from cache.shards import Shard

SHARD_ROWS = 512
EMBEDDING, CHIP = Column("x", "float32", (736,)), Column("x", "uint8", (150, 150, 3))
SMALL = Column("x", "float32", (1,))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_480)
    parser.add_argument("--chips", type=int, default=4_096)
    parser.add_argument("--shards", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary one by default")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, rows in shards of {SHARD_ROWS}")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        reading(Path(folder), "736 floats", EMBEDDING, arguments.rows)
        reading(Path(folder), "150 x 150 x 3 chips", CHIP, arguments.chips)
        opening(Path(folder), arguments.shards)


def reading(folder: Path, what: str, column: Column, n_rows: int) -> None:
    """Print how fast rows are read, with and without checking them."""
    rows = filled(folder, what, column, n_rows).column("x")
    checked = least(lambda: rows[:])
    unchecked = least(lambda: read_unchecked(rows))
    values, keys = rows[:SHARD_ROWS], np.zeros(min(n_rows, SHARD_ROWS), "S32")
    sums = least(lambda: checksums(keys, values)) * n_rows / len(values)
    n_bytes = n_rows * column.row_bytes
    print(f"\n{n_rows} rows of {what}, {n_bytes / 1e6:.0f} MB")
    print(f"read and checked:     {n_bytes / checked / 1e9:8.2f} GB/s")
    print(f"read, not checked:    {n_bytes / unchecked / 1e9:8.2f} GB/s")
    print(f"CRC-32 alone:         {n_bytes / sums / 1e9:8.2f} GB/s")
    print(f"share of checking:    {100 * (1 - unchecked / checked):8.0f} %")
    print(f"checking costs:       {1e6 * (checked - unchecked) / n_rows:8.2f} us/row")


def opening(folder: Path, n_shards: int) -> None:
    """Print what a space of many shards costs to open, before and after `compact`."""
    store = filled(folder, "many", SMALL, n_shards * SHARD_ROWS)
    root, name = store.path.parent, store.path.name
    print(f"\n{n_shards} shards, {len(store)} rows")
    tracemalloc.start()
    kept = Store.open_existing(root, name)
    memory, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"open:                 {least(lambda: Store.open_existing(root, name), 2):8.2f} s")
    print(f"memory of the look-up:{memory / 1e6:8.0f} MB (at most {peak / 1e6:.0f} MB in opening)")
    keys = kept.keys()
    print(f"contains all keys:    {least(lambda: kept.contains(keys), 2):8.2f} s")
    print(f"compact:              {timed(compact, root)[0]:8.2f} s")
    print(f"open once compact:    {least(lambda: Store.open_existing(root, name), 2):8.2f} s")
    print(f"shards then:          {Store.open_existing(root, name).n_shards:8d}")


def filled(folder: Path, what: str, column: Column, n_rows: int) -> Store:
    """Return a store of its own folder with random rows."""
    root = folder / what.replace(" ", "-")
    store, rng = Store.open(root, Space("benchmark", {}), [column]), np.random.default_rng(0)
    keys = [hashlib.sha256(b"%d" % row).hexdigest() for row in range(n_rows)]
    with mock.patch("os.fsync"):  # what is measured is reading
        for start in range(0, n_rows, SHARD_ROWS):
            part = keys[start : start + SHARD_ROWS]
            rows = rng.integers(0, 256, (len(part), column.row_bytes), dtype=np.uint8)
            store.append(part, {"x": rows.view(column.storage).reshape(len(part), *column.shape)})
    return Store.open_existing(root, store.path.name)


def read_unchecked(rows: object) -> None:
    """Read as `StoredColumn` does, but for the checksums."""

    def examine(shard, column, numbers, keys, out=None):  # type: ignore[no-untyped-def]
        return shard._gather(shard.layout.values[column], numbers, out), np.empty(0, np.intp)

    with mock.patch.object(Shard, "examine", examine):
        rows[:]  # type: ignore[index]


if __name__ == "__main__":
    main()
