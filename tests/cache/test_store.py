import pickle
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache import CacheError, Column, MissingRowError, Space, Store


def test_what_goes_in_comes_out_by_key(filled):
    store, keys, rows = filled
    backwards = keys[::-1]
    for name, values in rows.items():
        got = store.column(name, backwards)[:]
        assert got.dtype == values.dtype
        np.testing.assert_array_equal(got, values[::-1])


def test_a_store_opened_again_holds_the_same(filled, columns):
    store, keys, rows = filled
    again = Store.open(store.path.parent, store.space, columns[::-1])
    existing = Store.open_existing(str(store.path.parent), store.space.folder)
    for other in (again, existing, pickle.loads(pickle.dumps(store))):
        assert other.keys() == sorted(keys)
        assert other.space == store.space
        np.testing.assert_array_equal(other.column("embedding", keys)[:], rows["embedding"])


def test_a_relative_root_survives_a_change_of_directory(
    tmp_path, monkeypatch, space, columns, make_keys, make_rows
):
    monkeypatch.chdir(tmp_path)
    store = Store.open("cache", space, columns)
    monkeypatch.chdir("/")
    store.append(make_keys(2), make_rows(2))
    assert pickle.loads(pickle.dumps(store)).contains(make_keys(2)).all()
    assert len(list((tmp_path / "cache").rglob("*.h5"))) == 1


def test_contains_and_len(filled, make_keys):
    store, keys, _ = filled
    assert len(store) == len(keys) == 21
    assert store.n_shards == 3
    asked = [keys[3], make_keys(1, 999)[0], keys[0], keys[3]]
    assert store.contains(asked).tolist() == [True, False, True, True]
    assert store.contains([]).shape == (0,)


def test_an_empty_store(store, make_keys):
    assert len(store) == 0
    assert store.keys() == []
    assert store.contains(make_keys(2)).tolist() == [False, False]
    assert store.column("embedding")[:].shape == (0, 5)
    with pytest.raises(CacheError, match="no rows to publish"):
        store.publish()


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_division_into_shards_reads_the_same(data, tmp_path_factory, make_keys):
    n = data.draw(st.integers(1, 30))
    values = np.arange(n, dtype=np.int16)
    keys = make_keys(n)
    store = Store.open(tmp_path_factory.mktemp("c"), Space("a", {}), [Column("x", "int16")])
    cuts = (
        sorted(data.draw(st.sets(st.integers(1, 29).filter(lambda cut: cut < n)))) if n > 1 else []
    )
    for start, stop in pairwise([0, *cuts, n]):
        store.append(keys[start:stop], {"x": values[start:stop]})
    order = data.draw(st.lists(st.integers(0, n - 1)))
    got = Store.open_existing(store.path.parent, store.path.name).column(
        "x", [keys[row] for row in order]
    )
    assert got[:].tolist() == order


def test_the_shard_is_named_by_its_keys_in_any_order(tmp_path, make_keys):
    names = []
    for part, order in (("a", [0, 1, 2]), ("b", [2, 0, 1])):
        store = Store.open(tmp_path / part, Space("a", {}), [Column("x", "int64")])
        keys = [make_keys(3)[row] for row in order]
        names.append(store.append(keys, {"x": np.array(order)}))
    assert names[0] == names[1]
    files = [next((tmp_path / part).rglob(f"{names[0]}.h5")).read_bytes() for part in "ab"]
    assert files[0] == files[1]


def test_the_same_keys_again_replace_their_shard(filled, make_rows):
    store, keys, _ = filled
    rows = make_rows(7)
    before = store.column("embedding", keys[:7])
    store.append(keys[:7], rows)
    assert (len(store), store.n_shards) == (21, 3)
    for column in (before, store.column("embedding", keys[:7])):
        np.testing.assert_array_equal(column[:], rows["embedding"])


def test_of_a_key_in_two_shards_the_first_by_name_counts(tmp_path, make_keys):
    writers = [Store.open(tmp_path, Space("a", {}), [Column("x", "int64")]) for _ in range(2)]
    shared, *others = make_keys(3)
    names = [
        writer.append([shared, other], {"x": np.array([value, 0])})
        for writer, other, value in zip(writers, others, (10, 20), strict=True)
    ]
    winner = 10 if names[0] < names[1] else 20
    for writer in writers:  # each saw its own shard first
        writer.refresh()
        assert len(writer) == 3
        assert writer.column("x", [shared])[0] == winner
    again = Store.open_existing(tmp_path, writers[0].path.name)
    assert again.column("x", [shared])[0] == winner


def test_refresh_sees_what_others_finished_and_deleted(filled, make_keys, make_rows, shard_files):
    store, keys, _ = filled
    other = Store.open_existing(store.path.parent, store.path.name)
    new = make_keys(4, 500)
    name = other.append(new, make_rows(4))
    assert not store.contains(new).any()
    store.refresh()
    assert store.contains(new).all()
    next(path for path in shard_files(store) if path.stem == name).unlink()
    store.refresh()
    assert not store.contains(new).any()
    assert store.contains(keys).all()


def test_threads_may_append_and_read_at_once(store, make_keys, make_rows):
    parts = [(make_keys(3, 10 * number), make_rows(3)) for number in range(12)]
    wrong = []

    def work(keys, rows):
        store.append(keys, rows)
        if not np.array_equal(store.column("embedding", keys)[:], rows["embedding"]):
            wrong.append(keys)

    threads = [threading.Thread(target=work, args=part) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert (len(store), store.n_shards) == (36, 12)
    for keys, rows in parts:
        np.testing.assert_array_equal(store.column("embedding", keys)[:], rows["embedding"])


def test_missing_rows_are_counted_and_the_first_is_named(filled, make_keys):
    store, keys, _ = filled
    missing = make_keys(2, 999)
    with pytest.raises(MissingRowError, match=f"2 of 5 rows .* first {missing[0]}"):
        store.column("embedding", [*keys[:3], *missing])


def test_an_unknown_column_names_those_there_are(filled):
    with pytest.raises(ValueError, match="no column 'chips'; it has embedding, found, reason"):
        filled[0].column("chips")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop("found"), "every column"),
        (lambda rows: rows.update(other=rows["found"]), "every column"),
        (lambda rows: rows.update(found=rows["found"][:-1]), r"\(4,\). Got bool of shape \(3,"),
        (lambda rows: rows.update(embedding=rows["embedding"].astype("f8")), "Got float64"),
        (lambda rows: rows.update(embedding=rows["embedding"][:, :4]), r"of shape \(4, 4"),
        (lambda rows: rows.update(reason=rows["reason"].astype("U20")), "Got <U20"),
        (lambda rows: rows.update(reason=rows["reason"].astype("S21")), r"Got \|S21"),
        (lambda rows: rows.update(found=rows["found"].astype("u1")), "Got uint8"),
        (lambda rows: rows.update(reason=np.arange(4)), "Got int64"),
    ],
)  # fmt: skip
def test_append_refuses_other_columns(store, make_keys, make_rows, change, message, shard_files):
    rows = make_rows(4)
    change(rows)
    with pytest.raises(ValueError, match=message):
        store.append(make_keys(4), rows)
    assert not shard_files(store)


def test_append_takes_narrower_strings_and_either_byte_order(tmp_path, make_keys):
    columns = [Column("reason", "S20"), Column("x", "int32")]
    store = Store.open(tmp_path, Space("a", {}), columns)
    rows = {"reason": np.array([b"no face", b""]), "x": np.array([1, -2], ">i4")}
    store.append(make_keys(2), rows)
    assert store.column("reason", make_keys(2))[:].tolist() == [b"no face", b""]
    assert store.column("x", make_keys(2))[:].tolist() == [1, -2]


def test_append_refuses_no_keys_double_keys_and_bad_keys(store, make_keys, make_rows):
    key = make_keys(1)[0]
    with pytest.raises(ValueError, match="Got 0"):
        store.append([], make_rows(0))
    with pytest.raises(ValueError, match=f"{key} more than once"):
        store.append([key, key], make_rows(2))
    with pytest.raises(ValueError, match="position 0"):
        store.append([key.upper()], make_rows(1))


def test_special_numbers_keep_their_bits(tmp_path, make_keys):
    store = Store.open(tmp_path, Space("a", {}), [Column("x", "float64")])
    values = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1.7976931348623157e308])
    store.append(make_keys(7), {"x": values})
    assert store.column("x", make_keys(7))[:].tobytes() == values.tobytes()


def test_a_full_disk_leaves_the_store_as_it_was(filled):
    """A limit on file sizes makes the disk "full"; it ends with the process."""
    pytest.importorskip("resource")
    store, _, _ = filled
    program = f"""
import resource, numpy as np
from cache import CacheError, Column, Space, Store, verify
root = {str(store.path.parent)!r}
store = Store.open(root, Space("big", {{}}), [Column("x", "float32", (5000,))])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    store.append([f"{{n:064x}}" for n in range(9)], {{"x": np.ones((9, 5000), np.float32)}})
except CacheError as error:
    assert "can't be written" in str(error), error
    assert verify(root) == []
    assert list((store.path / "shards").iterdir()) == []
    store.append(["0" * 64], {{"x": np.ones((1, 5000), np.float32)}})
    print(len(store))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=_root(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_cache_needs_only_numpy_and_h5py():
    program = (
        "import sys; before = set(sys.modules); import cache; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} "
        "& {'featurex', 'pipelines', 'torch', 'dlib', 'sklearn', 'pandas', 'PIL', 'h5py'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=_root(), check=True
    )
    assert done.stdout == "h5py\n"


def test_plain_h5py_reads_a_shard(filled, shard_files):
    store, keys, rows = filled
    path = shard_files(store)[0]
    with h5py.File(path) as file:
        assert file.attrs["rows"] == len(file["keys"])
        assert file.attrs["space"].decode() == store.space.id
        first = keys.index(bytes(file["keys"][0]).hex())
        np.testing.assert_array_equal(file["embedding"][0], rows["embedding"][first])
        assert file["reason"][0] == rows["reason"][first]


def _root():
    """Where `cache` can be imported from, installed or not."""
    import cache

    return Path(cache.__file__).parents[1]
