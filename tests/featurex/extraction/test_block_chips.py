from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cache import Column, DamagedShardError, Space, Store
from featurex.extraction.block_chips import BlockChips

N = 261


@pytest.fixture
def stored(tmp_path):
    rng = np.random.default_rng(0)
    ids = [rng.bytes(32).hex() for _ in range(N)]
    chips = rng.integers(0, 256, (N, 4, 4, 3), np.uint8)
    store = Store.open(tmp_path, Space("chips", {}), [Column("chip", "uint8", (4, 4, 3))])
    store.append(ids[:100], {"chip": chips[:100]})
    store.append(ids[100:], {"chip": chips[100:]})
    return store, dict(zip(ids, chips, strict=True))


@pytest.fixture
def block(stored):
    store, chips = stored
    memory = np.empty((N + 10, 4, 4, 3), np.uint8)
    with ThreadPoolExecutor(3) as pool:
        block = BlockChips(memory, store, list(chips), pool)
        block.wait()
    return block


def check(ids, found, expected):
    assert set(ids) == set(expected)
    np.testing.assert_array_equal(found, np.stack([expected[i] for i in ids]))


def test_chips_come_with_their_ids(stored, block):
    _, chips = stored
    ids, found = block.among(set(chips))
    check(ids, found, chips)
    assert found.base is block.memory  # no copy


def test_new_chips_follow(stored, block):
    chips = stored[1] | {"a" * 64: np.full((4, 4, 3), 7, np.uint8)}
    block.add("a" * 64, chips["a" * 64])
    check(*block.among(set(chips)), chips)


def test_new_chips_are_stored_once(stored, block):
    """Another run may have stored some of them meanwhile."""
    store, chips = stored
    new = {digit * 64: np.full((4, 4, 3), i, np.uint8) for i, digit in enumerate("abc")}
    for image_id, chip in new.items():
        block.add(image_id, chip)
    store.append(["b" * 64], {"chip": new["b" * 64][None]})
    block.store()
    block.store()
    assert (len(store), store.n_shards) == (len(chips) + 3, 4)
    np.testing.assert_array_equal(store.column("chip", list(new))[:], np.stack(list(new.values())))


def test_no_new_chip_writes_nothing(stored, block):
    block.store()
    assert stored[0].n_shards == 2


def test_some_of_them(stored, block):
    _, chips = stored
    some = dict(list(chips.items())[3::7])
    check(*block.among(set(some) | {"b" * 64}), some)


def test_a_damaged_cache_is_told_of(stored, tmp_path):
    store, chips = stored
    chip = next(iter(chips.values())).tobytes()
    (shard,) = (s for s in tmp_path.glob("*/shards/*.h5") if chip in s.read_bytes())
    shard.write_bytes(shard.read_bytes().replace(chip, bytes(len(chip))))
    with ThreadPoolExecutor(1) as pool:
        block = BlockChips(np.empty((N, 4, 4, 3), np.uint8), store, list(chips), pool)
        with pytest.raises(DamagedShardError, match="is not what was written"):
            block.wait()
