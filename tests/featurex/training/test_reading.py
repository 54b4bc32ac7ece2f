import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from featurex.training.data import ChipDataset, as_it_is
from featurex.training.reading import ReadingAhead, loader

N = 101


class Rows:
    """Chips of which each knows its number; some can't be read."""

    def __init__(self, damaged=()):
        self.shape, self.damaged = (N, 2, 2, 3), damaged

    def __getitem__(self, rows):
        if set(rows) & set(self.damaged):
            raise OSError("damaged")
        return np.tile(np.asarray(rows, np.uint8)[:, None, None, None], (1, 2, 2, 3))


def read(shuffle=False, seed=0, batch_size=8, damaged=(), **options):
    data = ChipDataset(Rows(damaged), {"x": np.arange(N)}, np.arange(N))
    torch.manual_seed(seed)
    return ReadingAhead(
        data, batch_size=batch_size, shuffle=shuffle, collate_fn=as_it_is, **options
    )


@pytest.mark.parametrize("batch_size", [1, 8, 50, 200])
def test_batches_come_in_order(batch_size):
    batches = list(read(batch_size=batch_size))
    assert len(batches) == -(-N // batch_size)
    assert torch.cat([codes["x"] for _, codes in batches]).tolist() == list(range(N))
    assert torch.cat([chips[:, 1, 0, 2] for chips, _ in batches]).tolist() == list(range(N))


def test_a_seed_decides_the_order():
    first, again, other = (
        torch.cat([codes["x"] for _, codes in read(shuffle=True, seed=seed)]).tolist()
        for seed in (1, 1, 2)
    )
    assert sorted(first) == list(range(N))
    assert first == again != other


def test_the_last_small_batch_can_be_left_out():
    assert [len(chips) for chips, _ in read(drop_last=True)] == [8] * (N // 8)


def test_an_error_of_reading_is_raised_where_it_belongs():
    batches, done = iter(read(damaged=[20])), []
    with pytest.raises(OSError, match="damaged"):
        done.extend(batches)
    assert len(done) == 2


def test_who_stops_early_waits_for_nothing_more():
    batches = iter(read())
    next(batches)
    batches.close()


def test_a_cpu_reads_batch_by_batch():
    assert loader(torch.device("cpu")) is DataLoader
    assert loader(torch.device("cuda")) is ReadingAhead
