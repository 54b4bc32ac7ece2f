import h5py
import numpy as np
import pytest

from cache import verify


def problems(store):
    return [(p.what, p.harmless) for p in verify(store.path.parent) if p.path.name == "index.h5"]


@pytest.fixture
def published(filled):
    store, _, _ = filled
    return store, store.publish()


def test_every_flipped_byte_is_found(published):
    """Without opening the file with HDF5, which some of these bytes crash."""
    store, path = published
    content = path.read_bytes()
    for position in range(0, len(content), 211):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        assert problems(store) == [("is not what was written", False)], position


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-1], lambda c: c + b"\n", lambda c: c[:-16], lambda c: b"", lambda c: b"text"],
)
def test_a_file_of_another_length_is_found(published, change):
    store, path = published
    path.write_bytes(change(path.read_bytes()))
    assert problems(store) == [("is not what was written", False)]


def test_an_index_of_another_program_is_found(published):
    store, path = published
    with h5py.File(path, "r+") as file:
        file.attrs["rows"] = np.int64(9)
    assert problems(store) == [("is not what was written", False)]


def test_newer_shards_are_harmless_and_missing_ones_are_not(published, make_keys, make_rows):
    store, _ = published
    store.append(make_keys(2, 99), make_rows(2))
    [(what, harmless)] = problems(store)
    assert "does not show 1 of the 4 shards" in what
    assert harmless
    with h5py.File(store.path / "index.h5") as file:
        gone = file["shards"].asstr()[1]
    (store.path / "shards" / f"{gone}.h5").unlink()
    [(what, harmless)] = problems(store)
    assert f"1 shards that are gone, the first {gone}" in what
    assert not harmless


def test_no_index_is_no_problem(filled):
    assert problems(filled[0]) == []
