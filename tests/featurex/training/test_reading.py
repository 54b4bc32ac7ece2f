import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from featurex.training.data import ChipDataset, as_it_is
from featurex.training.reading import ReadingAhead, brought_to, copied, loader

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


def test_only_a_gpu_with_chips_yet_to_be_read_reads_ahead():
    some = ChipDataset(Rows(), {}, np.arange(9))
    assert loader(torch.device("cpu"), some) is DataLoader
    assert loader(torch.device("cuda"), some) is ReadingAhead
    assert loader(torch.device("cuda"), copied(some, torch.device("cpu"))) is DataLoader


def test_a_copy_has_the_same_rows_in_the_same_order(monkeypatch):
    monkeypatch.setattr("featurex.training.reading._PART_ROWS", 7)
    rows = np.random.default_rng(0).permutation(N)[:50]
    some = ChipDataset(Rows(), {"x": np.arange(N)}, rows)
    copy = copied(some, torch.device("cpu"))
    assert len(copy) == len(some)
    assert (some.in_memory, copy.in_memory) == (False, True)
    for positions in ([3], [49, 0, 12], list(range(50))):
        chips, codes = copy.__getitems__(positions)
        expected, true = some.__getitems__(positions)
        assert torch.equal(chips, expected)
        assert torch.equal(codes["x"], true["x"])


def test_an_empty_data_set_can_be_copied():
    assert len(copied(ChipDataset(Rows(), {}, np.arange(0)), torch.device("cpu"))) == 0


def test_a_gpu_takes_chips_only_where_they_leave_it_room(monkeypatch):
    gpu, some = torch.device("cuda"), ChipDataset(Rows(), {}, np.arange(N))
    n_bytes = 2 * N * 2 * 2 * 3
    monkeypatch.setattr("featurex.training.reading.copied", lambda data, device: "copied")
    for free, expected in ((4 * n_bytes, ["copied"] * 2), (4 * n_bytes - 4, [some, some])):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**9))
        assert brought_to(gpu, some, some) == expected
    assert brought_to(torch.device("cpu"), some) == [some]
