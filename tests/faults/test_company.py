"""Several processes on one cache at once."""

import os
import shutil

import pytest

from cache import Store, compact, spaces, verify


@pytest.mark.parametrize("block_rows", [6, 4])
def test_two_extractions_at_once(worker, photos, check_whole, tmp_path, block_rows):
    root = tmp_path / "cache"
    first = worker.start("extract", root, photos=photos, block_rows=6)
    second = worker.start("extract", root, photos=photos[::-1], block_rows=block_rows)
    first.result()
    second.result()
    check_whole(root, doubled=True)
    compact(root)
    check_whole(root)
    assert verify(root) == []


def test_rows_are_read_while_shards_are_merged_and_appended(
    worker, photos, check_whole, expected, tmp_path
):
    root, busy = tmp_path / "cache", tmp_path / "busy"
    worker.run("extract", root, photos=photos[:14], block_rows=1)
    stores = spaces(root)
    columns = [store.column(store.columns[0].name) for store in stores]
    known = [expected[store.path.name][store.columns[0].name] for store in stores]
    busy.touch()
    merging = worker.start("compact_while", root, busy=str(busy), target_bytes=100_000)
    growing = worker.start("extract", root, photos=photos, block_rows=1)
    for _ in range(30):
        for store, column, values in zip(stores, columns, known, strict=True):
            rows = zip(store.keys(), column[:], strict=True)
            assert all(row.tobytes() == values[key] for key, row in rows)
            again = Store.open_existing(root, store.path.name)
            assert again.contains(store.keys()).all()
    growing.result()
    busy.unlink()
    merging.result()
    check_whole(root, doubled=True)
    compact(root)
    check_whole(root)
    assert verify(root) == []


def test_only_one_maintenance_at_a_time(worker, whole, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    root = tmp_path / "cache"
    shutil.copytree(whole, root)
    folder = next(root.glob("chips-*"))
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for job, more in (("compact", {"target_bytes": 10**6}), ("drop", {"space": "chips"})):
        assert "is at work there" in worker.start(job, root, **more).error()
    os.close(descriptor)
    worker.run("drop", root, space="chips")
