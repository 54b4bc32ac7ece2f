import hashlib
import itertools

import h5py
import numpy as np
import pytest

from cache import Column, Space, Store


def hex_keys(n, start=0):
    return [hashlib.sha256(b"%d" % number).hexdigest() for number in range(start, start + n)]


@pytest.fixture
def make_keys():
    """n different keys, in no order; another `start` gives others."""
    return hex_keys


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def space():
    return Space("embedding", {"backbone": "tiny", "layer": 3})


@pytest.fixture
def columns():
    return [
        Column("embedding", "float32", (5,)),
        Column("found", "bool"),
        Column("reason", "S20"),
    ]


@pytest.fixture
def make_rows(rng):
    """Arrays for the three columns."""

    def make(n):
        return {
            "embedding": rng.normal(size=(n, 5)).astype(np.float32),
            "found": rng.random(n) < 0.5,
            "reason": rng.choice([b"", b"no face", b"too small"], n).astype("S20"),
        }

    return make


@pytest.fixture
def store(tmp_path, space, columns):
    return Store.open(tmp_path / "cache", space, columns)


@pytest.fixture
def filled(store, make_keys, make_rows):
    """A store of three shards (7, 5 and 9 rows), its keys in the order of appending, its rows."""
    parts = [(make_keys(n, start), make_rows(n)) for n, start in ((7, 0), (5, 100), (9, 200))]
    for keys, rows in parts:
        store.append(keys, rows)
    keys = list(itertools.chain(*(keys for keys, _ in parts)))
    rows = {name: np.concatenate([part[name] for _, part in parts]) for name in parts[0][1]}
    return store, keys, rows


@pytest.fixture
def shard_files():
    def list_files(store):
        return sorted((store.path / "shards").glob("*.h5"))

    return list_files


@pytest.fixture
def flip_byte():
    """Flip one bit of an array's first byte in an HDF5 file, behind HDF5's back."""

    def flip(path, dataset, byte=0):
        with h5py.File(path) as file:
            offset = file[dataset].id.get_offset() + byte
        content = bytearray(path.read_bytes())
        content[offset] ^= 1
        path.write_bytes(content)

    return flip
