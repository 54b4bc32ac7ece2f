import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurex.photos import hashing
from featurex.photos.hashing import PIECE_BYTES, hash_files, image_id

# FIPS 180-2, appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_id_is_sha256():
    assert image_id(b"abc") == ABC


@given(st.lists(st.binary(max_size=20), max_size=20), st.integers(1, 5))
def test_order_is_kept_for_any_number_of_threads(tmp_path_factory, contents, threads):
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / str(i) for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert hash_files(paths, threads) == [image_id(content) for content in contents]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 7])
def test_a_file_read_in_pieces_has_the_id_of_its_bytes(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert hash_files([str(tmp_path / "a")]) == [image_id(data)]


def test_a_file_that_cannot_be_read_gives_its_error_in_its_place(tmp_path):
    (tmp_path / "a b\nç.jpg").write_bytes(b"abc")
    (tmp_path / "large").write_bytes(b"abcd")
    names = ["missing", "a b\nç.jpg", "large", "."]
    missing, good, large, folder = hash_files([tmp_path / name for name in names], max_bytes=3)
    assert good == ABC
    assert isinstance(missing, FileNotFoundError)
    assert isinstance(large, OSError)
    assert large.errno == errno.EFBIG
    assert isinstance(folder, OSError)


def test_threads_must_be_positive():
    with pytest.raises(ValueError, match=r"must be positive. Got 0"):
        hash_files([], threads=0)


@pytest.mark.parametrize(("slow_seconds", "threads"), [(60.0, 1), (0.0, 3)])
def test_threads_are_used_where_files_are_slow(tmp_path, monkeypatch, slow_seconds, threads):
    paths = [tmp_path / f"{number}" for number in range(100)]
    for path in paths:
        path.write_bytes(path.name.encode())
    asked = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, max_workers):
            asked.append(max_workers)
            super().__init__(max_workers)

    monkeypatch.setattr(hashing, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(hashing, "SLOW_SECONDS", slow_seconds)
    monkeypatch.setattr(hashing, "core_count", lambda: 3)
    assert hash_files(paths) == [image_id(path.name.encode()) for path in paths]
    assert asked == [threads]
