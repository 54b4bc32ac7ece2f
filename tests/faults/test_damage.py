"""Files truncated, altered, deleted or of another schema: found, named, mended or refused."""

import json
import random
import shutil
import time

import h5py
import numpy as np
import pytest

from cache import CacheError, Store, repair, spaces, verify
from cache.description import FILE_NAME

ARRAYS = {
    "faces": ["keys", "status", "box", "landmarks", "crc32/status", "crc32/landmarks"],
    "chips": ["keys", "chip", "crc32/chip"],
    "embeddings": ["keys", "embedding", "crc32/embedding"],
}
# What a rerun makes anew where only that is missing: it looks for embeddings only.
REFILLED = ("embeddings",)
# On a slow machine no more bits are flipped after so many seconds, but for a few.
MAX_SECONDS, FEWEST_FLIPS = 40, 12


@pytest.fixture
def copy(whole, tmp_path):
    root = tmp_path / "cache"
    shutil.copytree(whole, root)
    return root


@pytest.fixture
def check_filled(check):
    """Return a function that checks what a rerun after a repair filled in."""

    def check_filled(root, path):
        lost = {kind for kind in ARRAYS if path.parents[1].name.startswith(kind)}
        check(root, complete=set(ARRAYS) - lost | set(REFILLED))

    return check_filled


def damage(root):
    return {problem.path: problem.what for problem in verify(root) if not problem.harmless}


def place_in(path, name, rng):
    """Return the position of a byte of an array in a file."""
    with h5py.File(path) as file:
        return file[name].id.get_offset() + rng.randrange(file[name].id.get_storage_size())


def spots(root, rng):
    """Yield files and positions: in every kind of array, in HDF5's own structures, in JSON."""
    for kind, names in ARRAYS.items():
        for name in names:
            path = rng.choice(sorted(root.glob(f"{kind}-*/shards/*.h5")))
            yield path, place_in(path, name, rng)
    for path in [rng.choice(sorted(root.glob(f"{kind}-*/shards/*.h5"))) for kind in ARRAYS]:
        first = 2048  # HDF5's structures lie before the arrays
        yield from ((path, rng.randrange(first)) for _ in range(4))
    for name, times in ((FILE_NAME, 3), ("index.h5", 6)):
        for path in sorted(root.glob(f"*/{name}")):
            yield from ((path, rng.randrange(path.stat().st_size)) for _ in range(times))


def read_or_error(root, expected):
    """Read every row in every way: what comes out is right."""
    for folder, columns in expected.items():
        try:
            store = Store.open_existing(root, folder)
            for column, values in columns.items():
                assert {
                    key: value.tobytes()
                    for key, value in zip(store.keys(), store.column(column)[:], strict=True)
                } == values
        except CacheError:
            pass


def test_a_flipped_bit_anywhere(copy, whole, extract, check_whole, check_filled, expected):
    rng = random.Random(0)
    found = tried = 0
    places = list(spots(copy, rng))
    rng.shuffle(places)
    started = time.monotonic()
    for path, position in places:
        if tried >= FEWEST_FLIPS and time.monotonic() - started > MAX_SECONDS:
            break
        tried += 1
        content = bytearray(path.read_bytes())
        content[position] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        read_or_error(copy, expected)
        problems = damage(copy)
        found += bool(problems)
        if not problems:  # a byte that nobody reads
            assert path.parent.name == "shards"
            check_whole(copy)
        else:
            assert set(problems) & {path, path.parents[1] / "index.h5"}, (path, problems)
            refused = [r for r in repair(copy) if r.refused]
            assert {r.path for r in refused} <= {path, path.parents[1] / "index.h5"}
            if refused:
                path.unlink()  # as the reason says
                repair(copy)
            extract(copy)
            check_filled(copy, path)
            repair(copy)
            assert verify(copy) == []
        shutil.rmtree(copy)
        shutil.copytree(whole, copy)
    assert found > tried / 2


@pytest.mark.parametrize("kind", ARRAYS)
def test_a_truncated_shard(copy, extract, check_filled, kind):
    rng = random.Random(kind)
    for path in sorted(copy.glob(f"{kind}-*/shards/*.h5"))[:3]:
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
        assert list(damage(copy)) == [path]
        assert any(done.path == path and "dropped" in done.what for done in repair(copy))
        assert verify(copy) == []
    extract(copy)
    check_filled(copy, path)


@pytest.mark.parametrize("kind", ARRAYS)
def test_a_deleted_shard(copy, extract, check_filled, kind):
    path = sorted(copy.glob(f"{kind}-*/shards/*.h5"))[1]
    path.unlink()
    [(index, what)] = damage(copy).items()
    assert index == path.parents[1] / "index.h5"
    assert path.stem in what
    repair(copy)
    assert verify(copy) == []
    extract(copy)
    check_filled(copy, path)


@pytest.mark.parametrize("version", [0, 2])
def test_a_shard_of_another_schema_is_refused_and_kept(copy, worker, photos, version):
    path = sorted(copy.glob("chips-*/shards/*.h5"))[0]
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = np.int64(version)
    content = path.read_bytes()
    assert f"schema version {version}, this program reads 1" in damage(copy)[path]
    [refused] = [done for done in repair(copy) if done.path == path]
    assert refused.refused
    assert path.read_bytes() == content
    job = worker.start("extract", copy, photos=photos)
    assert f"SchemaError: {path}: schema version {version}" in job.error()


@pytest.mark.parametrize("version", [0, 2, None])
def test_a_space_of_another_schema_is_refused_and_kept(copy, worker, photos, version):
    path = next(copy.glob("chips-*")) / FILE_NAME
    content = json.loads(path.read_text())
    del content["crc32"]
    path.write_text(json.dumps(content | {"schema_version": version, "new": 1}))
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    assert f"schema version {version!r}" in damage(copy)[path]
    assert [done.refused for done in repair(copy) if done.path == path] == [True]
    assert {file: file.read_bytes() for file in before} == before
    assert "SchemaError" in worker.start("extract", copy, photos=photos).error()


def test_a_lost_description_is_written_anew_and_the_rows_are_found(copy, extract, check_whole):
    for path in copy.glob(f"*/{FILE_NAME}"):
        path.write_text("{")
    assert set(damage(copy)) == set(copy.glob(f"*/{FILE_NAME}"))
    assert len(repair(copy)) == 3
    assert {"missing" in what for what in damage(copy).values()} == {True}
    assert extract(copy)["embedded before"] == 22
    check_whole(copy)


def test_everything_damaged_at_once(copy, extract, check):
    for store in spaces(copy):
        for number, path in enumerate(sorted(store.path.glob("shards/*.h5"))):
            with h5py.File(path) as file:
                first_value = file[store.columns[0].name].id.get_offset()
            content = bytearray(path.read_bytes())
            content[first_value] ^= 4
            path.write_bytes(content[: len(content) // (1 + number % 2)])
    assert len(damage(copy)) == 12
    repair(copy)
    assert verify(copy) == []
    check(copy)
    extract(copy)
    check(copy, complete=REFILLED)
