import contextlib

import h5py
import numpy as np
import pytest

from cache import index_check, verify


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


@pytest.fixture
def meanwhile(monkeypatch):
    """Return a function that has another process change an index while it is read."""

    def change(call):
        real = index_check.open_plain

        @contextlib.contextmanager
        def opened(path):
            with real(path) as file:
                yield file
            call(path)

        monkeypatch.setattr(index_check, "open_plain", opened)

    return change


def replace_by(content):
    def change(path):
        other = path.with_name("other")
        other.write_bytes(content(path.read_bytes()))
        other.replace(path)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        replace_by(lambda content: content),
        replace_by(lambda content: b"\xff" * len(content)),
        replace_by(lambda content: b"short"),
    ],
)
@pytest.mark.parametrize("look", ["shows", "verify"])
def test_an_index_that_changes_while_it_is_read_is_none(published, meanwhile, change, look):
    store, path = published
    meanwhile(change)
    if look == "verify":
        assert problems(store) == []
    else:
        assert not index_check.shows(
            path, [file.stem for file in (path.parent / "shards").iterdir()]
        )


def test_it_is_published_again_after_another_process_deleted_it(published, meanwhile):
    store, path = published
    meanwhile(lambda path: path.unlink())
    assert store.publish() == path
    assert path.exists()
