"""Shards that are damaged, foreign or hostile: an error that names the file, never a number."""

import contextlib
import os

import h5py
import numpy as np
import pytest

from cache import CacheError, DamagedShardError, SchemaError, Space, Store, verify
from cache.errors import VanishedShardError
from cache.plain import open_plain


def replace(name, **how):
    """An edit that puts another array in an array's place."""

    def edit(file):
        del file[name]
        file.create_dataset(name, **how)

    return edit


def link(name, target):
    def edit(file):
        del file[name]
        file[name] = target

    return edit


def attribute(name, value):
    def edit(file):
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value

    return edit


def make_virtual(file):
    n = len(file["keys"])
    layout = h5py.VirtualLayout((n, 5), "<f4")
    layout[:] = h5py.VirtualSource("other.h5", "embedding", (n, 5), "<f4")
    del file["embedding"]
    file.create_virtual_dataset("embedding", layout)


def make_group(file):
    del file["embedding"]
    file.create_group("embedding")


def make_external(file):
    n = len(file["keys"])
    outside = [("outside.bin", 0, h5py.h5f.UNLIMITED)]
    replace("embedding", shape=(n, 5), dtype="<f4", external=outside)(file)


def same_rows(dtype, name="embedding", shape=(5,), **how):
    def edit(file):
        replace(name, shape=(len(file["keys"]), *shape), dtype=dtype, **how)(file)

    return edit


EDITS = {
    "no such column": lambda file: file.__delitem__("embedding"),
    "no checksums": lambda file: file.__delitem__("crc32/embedding"),
    "no group of checksums": lambda file: file.__delitem__("crc32"),
    "no keys": lambda file: file.__delitem__("keys"),
    "another dtype": same_rows("<f8", data=None),
    "big-endian": same_rows(">f4"),
    "another shape": same_rows("<f4", shape=(6,)),
    "another number of rows": replace("embedding", data=np.zeros((2, 5), "<f4")),
    "one row of checksums": replace("crc32/embedding", data=np.zeros(1, "<u4")),
    "never written": same_rows("<f4"),
    "chunked": same_rows("<f4", chunks=True),
    "compressed": same_rows("<f4", compression="gzip"),
    "resizable": same_rows("<f4", shape=(5,), maxshape=(None, 5)),
    "text of any length": same_rows(h5py.string_dtype()),
    "rows of any length": same_rows(h5py.vlen_dtype("f4")),
    "references": same_rows(h5py.ref_dtype),
    "structures": same_rows([("a", "<f4")]),
    "virtual": make_virtual,
    "in another file": make_external,
    "a group": make_group,
    "a huge claim": replace("embedding", shape=(2**40, 5), dtype="<f4"),
    "huge keys": replace("keys", shape=(2**40, 32), dtype="u1"),
    "a soft link": link("embedding", h5py.SoftLink("/keys")),
    "a circle of links": link("embedding", h5py.SoftLink("/embedding")),
    "an external link": link("embedding", h5py.ExternalLink("other.h5", "/embedding")),
    "linked checksums": link("crc32", h5py.SoftLink("/")),
    "no row count": attribute("rows", None),
    "no rows": attribute("rows", np.int64(0)),
    "rows below zero": attribute("rows", np.int64(-5)),
    "far too many rows": attribute("rows", np.int64(2**62)),
    "one row too many": attribute("rows", np.int64(8)),
    "rows as text": attribute("rows", "7"),
    "rows as a list": attribute("rows", np.arange(7)),
    "no space": attribute("space", None),
    "a space of any length": attribute("space", "embedding"),
    "no version": attribute("schema_version", None),
}


@pytest.fixture
def one_shard(store, make_keys, make_rows):
    store.append(make_keys(7), make_rows(7))
    return store


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_what_is_not_a_plain_shard_of_the_space_is_refused(one_shard, shard_files, edit):
    path = shard_files(one_shard)[0]
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(DamagedShardError, match=rf"{path}: .*`featurex cache repair DIR`"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)
    problems = verify(one_shard.path.parent)
    assert [problem.path for problem in problems] == [path]


def cut(content):
    return content[: len(content) // 2]


FAULTS = {
    "truncated by a byte": lambda content: content[:-1],
    "half": cut,
    "empty": lambda content: b"",
    "text": lambda content: b"not HDF5 at all\n" * 500,
    "zeros": lambda content: bytes(len(content)),
    "only the signature": lambda content: content[:8] + bytes(len(content) - 8),
    "a user block": lambda content: bytes(512) + content,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_file_that_is_no_complete_hdf5_is_named(one_shard, shard_files, fault):
    path = shard_files(one_shard)[0]
    path.write_bytes(fault(path.read_bytes()))
    with pytest.raises(DamagedShardError, match=str(path)):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)
    assert [problem.path for problem in verify(one_shard.path.parent)] == [path]


def test_no_flipped_byte_gives_a_wrong_number(one_shard, shard_files):
    """Every 23rd byte of a shard, flipped: the right rows or an error, never other rows."""
    path = shard_files(one_shard)[0]
    content = path.read_bytes()
    names = [column.name for column in one_shard.columns]
    expected = {name: one_shard.column(name)[:].tobytes() for name in names}
    unharmed = 0
    for position in range(0, len(content), 23):
        changed = bytearray(content)
        changed[position] ^= 0x55
        path.write_bytes(changed)
        with contextlib.suppress(CacheError):
            store = Store.open_existing(one_shard.path.parent, one_shard.path.name)
            assert {name: store.column(name)[:].tobytes() for name in names} == expected
            unharmed += 1
    assert unharmed < len(content) // 23  # bytes that HDF5 leaves unused carry nothing


@pytest.mark.parametrize("dataset", ["embedding", "crc32/embedding"])
def test_a_flipped_bit_is_found_when_its_row_is_read(
    one_shard, make_keys, shard_files, flip_byte, dataset
):
    path = shard_files(one_shard)[0]
    key = sorted(make_keys(7))[0]
    flip_byte(path, dataset)
    store = Store.open_existing(one_shard.path.parent, one_shard.path.name)
    with pytest.raises(DamagedShardError, match=f"row 0 of column 'embedding' .key {key}"):
        store.column("embedding", [key])[:]
    np.testing.assert_array_equal(store.column("found")[:], one_shard.column("found")[:])
    [problem] = verify(one_shard.path.parent)
    assert problem.path == path
    assert problem.what.startswith("1 of 7 rows of column 'embedding' are not what was written")


def test_changed_keys_are_found_on_opening(one_shard, shard_files, flip_byte):
    path = shard_files(one_shard)[0]
    flip_byte(path, "keys", 31)
    with pytest.raises(DamagedShardError, match="not those that it is named by"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)


def test_a_renamed_shard_is_found_on_opening(one_shard, shard_files):
    path = shard_files(one_shard)[0]
    path.rename(path.with_name("0" * 16 + ".h5"))
    with pytest.raises(DamagedShardError, match="not those that it is named by"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)


def test_values_beside_the_wrong_keys_are_found(one_shard, shard_files):
    """Two rows swapped whole, checksums too: each is sound, but not that key's."""
    path = shard_files(one_shard)[0]
    with h5py.File(path, "r+") as file:
        for name in ("embedding", "crc32/embedding"):
            file[name][:2] = file[name][:2][::-1]
    with pytest.raises(DamagedShardError, match="row 0 of column 'embedding'"):
        one_shard.column("embedding")[:]


def test_a_shard_of_another_space_or_version_is_a_schema_error(
    one_shard, columns, make_keys, make_rows, shard_files
):
    other = Store.open(one_shard.path.parent, Space("embedding", {"layer": 4}), columns)
    other.append(make_keys(7), make_rows(7))
    path = shard_files(one_shard)[0]
    path.write_bytes(shard_files(other)[0].read_bytes())
    with pytest.raises(SchemaError, match=f"belongs to the space {other.space.id}"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = np.int64(9)
    with pytest.raises(SchemaError, match="schema version 9, this program reads 1"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)


def make_link(path):
    target = path.rename(path.with_suffix(".elsewhere"))
    path.symlink_to(target)


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX files")
@pytest.mark.parametrize("change", [make_link, make_folder, make_pipe])
def test_what_is_no_regular_file_is_refused(one_shard, shard_files, change):
    path = shard_files(one_shard)[0]
    change(path)
    with pytest.raises(DamagedShardError, match="is not a regular file"):
        Store.open_existing(one_shard.path.parent, one_shard.path.name)
    assert path in [problem.path for problem in verify(one_shard.path.parent)]


def test_a_damaged_shard_deleted_and_made_again(filled, shard_files, flip_byte):
    """The remedy that the errors name."""
    store, keys, rows = filled
    flip_byte(shard_files(store)[0], "embedding")
    shard_files(store)[0].unlink()
    again = Store.open_existing(store.path.parent, store.path.name)
    missing = np.flatnonzero(~again.contains(keys))
    assert len(missing) in (5, 7, 9)
    again.append(
        [keys[row] for row in missing], {name: array[missing] for name, array in rows.items()}
    )
    np.testing.assert_array_equal(again.column("embedding", keys)[:], rows["embedding"])
    assert verify(store.path.parent) == []


def test_a_file_deleted_while_hdf5_opens_it_has_vanished(one_shard, shard_files, monkeypatch):
    """Not damaged: a compact of another process put its rows into another file."""
    (path,) = shard_files(one_shard)

    def too_late(*args, **kwargs):
        path.unlink()
        raise OSError("can't retrieve stat info for file")  # HDF5's words for it

    monkeypatch.setattr(h5py, "File", too_late)
    with pytest.raises(VanishedShardError, match="no longer there"), open_plain(path):
        pass
