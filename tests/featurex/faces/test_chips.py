import hashlib

import numpy as np
import pytest

from cache import Column, Space, Store
from featurex.faces.chips import ChipRows, read_rows


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)


@pytest.fixture
def column(tmp_path, pixels):
    store = Store.open(tmp_path, Space("chips", {}), [Column("chip", "uint8", (4, 4, 3))])
    keys = [hashlib.sha256(bytes([i])).hexdigest() for i in range(len(pixels))]
    store.append(keys, {"chip": pixels})
    return store.column("chip", keys)


def test_rows_of_rows_are_the_arrays(column, pixels):
    rows = ChipRows(column)[np.array([5, 0, 3, 1])][np.array([2, 0])]
    assert isinstance(rows, ChipRows)
    assert (len(rows), rows.shape) == (2, (2, 4, 4, 3))
    np.testing.assert_array_equal(rows.read(slice(None)), pixels[[3, 5]])


def test_masks_and_slices_choose_rows(column, pixels):
    mask = np.array([1, 0, 0, 1, 0, 1], bool)
    np.testing.assert_array_equal(ChipRows(column)[mask].read([1, 2]), pixels[[3, 5]])
    np.testing.assert_array_equal(ChipRows(column)[1:4].read([0]), pixels[[1]])


def test_choosing_rows_reads_nothing(column, monkeypatch):
    monkeypatch.setattr(type(column), "_read", lambda self: pytest.fail("it was read"))
    ChipRows(column)[[0, 1]][[1]]


def test_a_row_that_is_not_there_is_an_error(column):
    with pytest.raises(IndexError):
        ChipRows(column)[[6]]


def test_read_rows_takes_both_kinds(column, pixels):
    for X in (ChipRows(column), pixels):
        np.testing.assert_array_equal(read_rows(X, [4, 2]), pixels[[4, 2]])
