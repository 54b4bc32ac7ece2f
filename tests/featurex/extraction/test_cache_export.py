import csv
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import CacheError, Column, Space, Store
from featurex.exceptions import FeaturexError
from featurex.extraction import cache_export
from featurex.extraction.cache_export import export_space

N = 40


@pytest.fixture
def store(tmp_path, rng, keys):
    columns = [
        Column("embedding", "float32", (3,)),
        Column("found", "bool"),
        Column("reason", "S20"),
        Column("box", "int32", (2, 2)),
    ]
    store = Store.open(tmp_path / "cache", Space("rows", {}), columns)
    values = {
        "embedding": rng.normal(size=(N, 3)).astype(np.float32),
        "found": rng.random(N) < 0.5,
        "reason": np.array([f'größe, "{i}"\n'.encode() for i in range(N - 1)] + [b"\xff"], "S20"),
        "box": rng.integers(-9, 9, (N, 2, 2), dtype=np.int32),
    }
    for start in range(0, N, 10):
        part = slice(start, start + 10)
        store.append(keys[part], {name: array[part] for name, array in values.items()})
    return store


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def keys(rng):
    return [rng.bytes(32).hex() for _ in range(N)]


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(cache_export, "PIECE_BYTES", 300)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("column", ["embedding", "found", "reason", "box"])
def test_npy_is_the_array_beside_its_keys(store, tmp_path, column):
    out = tmp_path / "a.b.npy"
    assert export_space(tmp_path / "cache", "rows", out, column) == N
    keys = (tmp_path / "a.b.keys.txt").read_text().splitlines()
    assert sorted(keys) == store.keys()
    array = np.load(out)
    assert array.dtype == store.column(column).dtype
    np.testing.assert_array_equal(array, store.column(column, keys)[:])
    assert names(tmp_path) == ["a.b.keys.txt", "a.b.npy"]


@pytest.mark.usefixtures("small_pieces")
def test_csv_has_a_column_a_number_and_every_number_exactly(store, tmp_path):
    export_space(tmp_path / "cache", "rows", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("key", "embedding_0", "embedding_1", "embedding_2", "found", "reason"),
        *("box_0", "box_1", "box_2", "box_3"),
    ]
    keys = [row["key"] for row in rows]
    numbers = [[np.float32(row[f"embedding_{i}"]) for i in range(3)] for row in rows]
    np.testing.assert_array_equal(numbers, store.column("embedding", keys)[:])
    boxes = [[int(row[f"box_{i}"]) for i in range(4)] for row in rows]
    np.testing.assert_array_equal(boxes, store.column("box", keys)[:].reshape(N, 4))
    found = [row["found"] == "True" for row in rows]
    np.testing.assert_array_equal(found, store.column("found", keys)[:])
    reasons = [value.decode(errors="backslashreplace") for value in store.column("reason", keys)[:]]
    assert [row["reason"] for row in rows] == reasons


@pytest.mark.usefixtures("small_pieces")
def test_parquet_holds_the_same(store, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export_space(tmp_path / "cache", "rows", tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["key", "embedding", "found", "reason", "box"]
    keys = table["key"].to_pylist()
    assert sorted(keys) == store.keys()
    np.testing.assert_array_equal(
        np.array(table["embedding"].to_pylist(), np.float32), store.column("embedding", keys)[:]
    )
    np.testing.assert_array_equal(
        np.array(table["box"].to_pylist()).reshape(N, 2, 2), store.column("box", keys)[:]
    )
    assert str(table.schema.field("embedding").type).startswith("fixed_size_list")


def test_without_pyarrow_one_line_says_what_to_do(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FeaturexError, match=r"run 'pip install pyarrow', or name a .npy"):
        export_space(tmp_path / "cache", "rows", tmp_path / "a.parquet")
    assert names(tmp_path) == []


def test_it_is_read_in_pieces(store, tmp_path, monkeypatch):
    sizes = []
    batches = Store.batches

    def counted(*args):
        for keys, rows in batches(*args):
            sizes.append(len(keys))
            yield keys, rows

    monkeypatch.setattr(Store, "batches", counted)
    monkeypatch.setattr(cache_export, "PIECE_BYTES", 7 * 12)
    export_space(tmp_path / "cache", "rows", tmp_path / "a.npy", "embedding")
    assert sizes == [7, 7, 7, 7, 7, 5]


def test_no_file_is_longer_than_what_was_written(store, tmp_path, monkeypatch):
    """The pages of a file with a hole need room later, and on a full disk they end the process."""
    sizes = []
    batches = Store.batches

    def watched(*args):
        for piece in batches(*args):
            yield piece
            sizes.append(next(tmp_path.glob(".a.npy.*")).stat().st_size)

    monkeypatch.setattr(Store, "batches", watched)
    monkeypatch.setattr(cache_export, "PIECE_BYTES", 7 * 12)
    export_space(tmp_path / "cache", "rows", tmp_path / "a.npy", "embedding")
    assert sizes[0] <= 128 + 7 * 12


@pytest.mark.parametrize("name", ["a.npy", "a.csv"])
def test_a_full_disk_is_one_error_and_leaves_nothing(store, tmp_path, name):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(FeaturexError, match=f"{name}: can't be written"):
            export_space(tmp_path / "cache", "rows", tmp_path / name, "embedding")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("space", "out", "column", "message"),
    [
        ("rows", "a.txt", None, r"writes .npy, .csv, .parquet files. Got '.*a.txt'"),
        ("rows", "a", None, "writes .npy"),
        ("hat", "a.npy", None, "'hat' names no space"),
        ("rows", "a.npy", None, "one column. Choose one of embedding, found, reason, box"),
        ("rows", "a.npy", "hat", "no column 'hat'; it has embedding, found, reason, box"),
        ("rows", "cache/a.npy", "found", "lies inside the cache"),
        ("rows", "photos/../cache/rows/a.npy", "found", "lies inside the cache"),
    ],
)
def test_what_can_not_be_written_is_said(store, tmp_path, space, out, column, message):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ValueError, match=message):
        export_space(tmp_path / "cache", space, tmp_path / out, column)
    assert names(tmp_path) == []


def test_a_row_too_wide_for_a_table_is_refused(tmp_path, keys):
    store = Store.open(tmp_path / "c", Space("chips", {}), [Column("chip", "u1", (150, 150, 3))])
    store.append(keys[:1], {"chip": np.zeros((1, 150, 150, 3), np.uint8)})
    with pytest.raises(ValueError, match="67500 numbers, more than the 16384 columns"):
        export_space(tmp_path / "c", "chips", tmp_path / "a.csv")


def test_an_empty_space_and_a_missing_folder(store, tmp_path):
    Store.open(tmp_path / "cache", Space("empty", {}), [Column("x", "u1")])
    with pytest.raises(CacheError, match="no rows to export"):
        export_space(tmp_path / "cache", "empty", tmp_path / "a.npy")
    with pytest.raises(FeaturexError, match="can't be written"):
        export_space(tmp_path / "cache", "rows", tmp_path / "none" / "a.csv")


def test_a_damaged_row_leaves_the_old_file_and_no_half_one(store, tmp_path):
    out = tmp_path / "a.npy"
    out.write_text("old")
    path = next(Path(store.path).glob("shards/*.h5"))
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        content[file["embedding"].id.get_offset()] ^= 1
    path.write_bytes(content)
    with pytest.raises(CacheError, match="not what was written"):
        export_space(tmp_path / "cache", "rows", out, "embedding")
    assert out.read_text() == "old"
    assert names(tmp_path) == ["a.npy"]
