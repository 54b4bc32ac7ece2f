import multiprocessing
import os
import pickle
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from cache import Column, DamagedShardError, MissingRowError, Space, Store
from cache.plain import Block


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A column of 40 rows in shards of 8, shuffled, and the array it must equal."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 3, 2)).astype(np.float32)
    keys = [bytes(key).hex() for key in rng.integers(0, 256, (40, 32), dtype=np.uint8)]
    column = Column("x", "float32", (3, 2))
    store = Store.open(tmp_path_factory.mktemp("cache"), Space("a", {}), [column])
    for part in range(5):
        rows = np.arange(part, 40, 5)
        store.append([keys[row] for row in rows], {"x": values[rows]})
    return store.column("x", keys), values


def test_looks_like_the_array(stored):
    column, values = stored
    assert len(column) == 40
    assert (column.shape, column.dtype, column.ndim) == ((40, 3, 2), np.float32, 3)
    assert repr(column) == "StoredColumn('x', shape=(40, 3, 2), dtype=float32)"
    np.testing.assert_array_equal(np.asarray(column), values)
    np.testing.assert_array_equal(np.array(column, dtype=np.float64), values.astype(np.float64))
    np.testing.assert_array_equal(list(column), values)


index_arrays = hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(-40, 39))
masks = hnp.arrays(bool, 40)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(item=st.integers(-40, 39) | st.slices(40) | index_arrays | masks)
def test_every_index_reads_as_numpy_does(stored, item):
    column, values = stored
    np.testing.assert_array_equal(column[item], values[item])
    np.testing.assert_array_equal(column[item, ...], values[item])


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=index_arrays | masks, data=st.data())
def test_views_of_views_read_as_numpy_does(stored, first, data):
    column, values = stored
    n = len(values[first])
    second = data.draw(st.slices(n) | hnp.arrays(bool, n))
    view = column.take(first).take(second)
    assert view.shape == values[first][second].shape
    np.testing.assert_array_equal(view[:], values[first][second])


@pytest.mark.parametrize("item", [40, -41, [0, 40], [-41], np.ones(39, bool), [0.5], [[0, 1]]])
def test_rows_that_are_not_there_are_index_errors(stored, item):
    with pytest.raises(IndexError):
        stored[0][item]


@pytest.mark.parametrize("item", [(0, 1), (slice(2), 0), None, ..., (..., 0), "x"])
def test_only_rows_can_be_indexed(stored, item):
    with pytest.raises(IndexError):
        stored[0][item]


def test_no_rows(stored):
    column, _ = stored
    for nothing in ([], slice(0), np.zeros(40, bool)):
        assert column[nothing].shape == (0, 3, 2)
        assert column.take(nothing)[:].dtype == np.float32


def test_never_an_array_without_a_copy(stored):
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(stored[0], copy=False)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=index_arrays | masks)
def test_reads_into_an_array(stored, rows):
    column, values = stored
    column, expected = column.take(rows), values[rows]
    out = np.full_like(expected, np.nan)
    column.read_into(out)
    np.testing.assert_array_equal(out, expected)


def test_rows_that_lie_side_by_side_are_read_where_they_belong(stored, monkeypatch):
    """In the order of a shard's keys nothing is copied."""
    column, values = stored
    rows = np.arange(0, 40, 5)  # one shard
    rows = rows[np.argsort([column._where[1].keys[row] for row in rows])]
    out, read, places = np.empty_like(values[rows]), Block.read, []

    def noting(block, file, start, stop, target=None):
        places.append(target)
        return read(block, file, start, stop, target)

    monkeypatch.setattr(Block, "read", noting)
    column.take(rows).read_into(out)
    np.testing.assert_array_equal(out, values[rows])
    assert np.shares_memory(places[0], out)


@pytest.mark.parametrize(
    "out",
    [
        np.empty((39, 3, 2), np.float32),
        np.empty((40, 3, 2)),
        np.empty((80, 3, 2), np.float32)[::2],
    ],
)
def test_reads_into_nothing_else(stored, out):
    with pytest.raises(ValueError, match=r"C-contiguous array of float32 and shape \(40, 3, 2\)"):
        stored[0].read_into(out)


def test_a_run_of_rows_is_read_as_one_block(stored, monkeypatch):
    column, _ = stored
    reads = []
    read = Block.read

    def counting(block, file, start, stop, out=None):
        reads.append(stop - start)
        return read(block, file, start, stop, out)

    monkeypatch.setattr(Block, "read", counting)
    column[:]
    assert sorted(reads) == [8] * 10  # five shards: the values and their checksums


def test_only_the_rows_asked_for_are_read(tmp_path, make_keys, flip_byte, shard_files):
    """Rows of 40 kB are far enough apart that what lies between is not read, so not checked."""
    store = Store.open(tmp_path, Space("a", {}), [Column("x", "uint8", (40_000,))])
    keys = sorted(make_keys(5))
    store.append(keys, {"x": np.zeros((5, 40_000), np.uint8)})
    flip_byte(shard_files(store)[0], "x", 2 * 40_000)
    column = store.column("x", keys)
    assert not column[[0, 4]].any()
    with pytest.raises(DamagedShardError, match=f"row 2 of column 'x' .key {keys[2]}"):
        column[1:4]


def test_works_as_the_x_of_scikit_learn(tmp_path, make_keys, rng):
    store = Store.open(tmp_path, Space("a", {}), [Column("x", "float32", (6,))])
    values, y = rng.normal(size=(40, 6)).astype(np.float32), np.arange(40) % 2
    store.append(make_keys(40), {"x": values})
    model = KNeighborsClassifier(1)
    expected = cross_val_score(model, values, y)
    np.testing.assert_array_equal(
        cross_val_score(model, store.column("x", make_keys(40)), y), expected
    )


def test_threads_read_at_once(stored):
    column, values = stored
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(30):
            rows = rng.integers(0, 40, 10)
            if not np.array_equal(column[rows], values[rows]):
                wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_pickled_it_reads_the_same_and_stays_small(stored):
    column, values = stored
    pickled = pickle.dumps(column.take([3, 1]))
    assert len(pickled) < 6000
    np.testing.assert_array_equal(pickle.loads(pickled)[:], values[[3, 1]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_reads_after_a_fork(stored):
    column, values = stored
    column[:]
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        for number, row in enumerate(pool.map(column.__getitem__, range(40))):
            np.testing.assert_array_equal(row, values[number])


def test_rows_of_a_shard_deleted_meanwhile_are_missing(filled, shard_files):
    store, keys, _ = filled
    column = store.column("embedding", keys)
    path = shard_files(store)[1]
    path.unlink()
    with pytest.raises(MissingRowError, match="not in the store"):
        column[:]
