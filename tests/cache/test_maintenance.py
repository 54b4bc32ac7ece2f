import os

import pytest

from cache import CacheError, compact, drop, maintenance, repair
from cache.maintenance import alone, is_abandoned, unpublish

fcntl = pytest.importorskip("fcntl")


def test_one_at_a_time(filled):
    store, _, _ = filled
    with alone(store.path):
        for work in (compact, lambda root: drop(root, store.path.name)):
            with pytest.raises(CacheError, match="is at work there"):
                work(store.path.parent)
        assert [repaired.refused for repaired in repair(store.path.parent)] == [True]
    compact(store.path.parent)


def test_a_system_without_locks_goes_on(filled, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    compact(filled[0].path.parent)
    monkeypatch.setattr(maintenance.sys, "platform", "win32")
    compact(filled[0].path.parent)


def test_unpublishing_twice_is_no_error(filled):
    store, _, _ = filled
    path = store.publish()
    unpublish(store.path)
    unpublish(store.path)
    assert not path.exists()


def test_an_old_file_is_abandoned_and_a_new_one_is_not(tmp_path):
    path = tmp_path / "file"
    path.touch()
    assert not is_abandoned(path)
    os.utime(path, (0, 0))
    assert is_abandoned(path)
