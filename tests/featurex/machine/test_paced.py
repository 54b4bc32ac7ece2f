from operator import length_hint

import pytest

from featurex.machine import paced
from featurex.machine.core_workers import core_workers, map_ahead
from featurex.machine.paced import Paced


@pytest.fixture
def clock(monkeypatch):
    """A clock that is read before and after each item; return the list of its times."""
    times = []
    monkeypatch.setattr(paced, "perf_counter", lambda: times.pop(0))
    return times


def test_it_knows_how_long_the_last_item_took(clock):
    clock += [1, 1.5, 9, 9.25, 20]
    items = Paced("ab")
    assert (next(items), items.seconds) == ("a", 0.5)
    assert (next(items), items.seconds) == ("b", 0.25)
    with pytest.raises(StopIteration):
        next(items)


def test_blocks_are_full_while_items_come_fast(clock):
    clock += [0] * 15
    items = Paced(range(7))
    assert list(items.blocks_of(items, 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_slow_item_is_not_kept_waiting_for_others(clock):
    clock += [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 3]
    items = Paced(range(5))
    assert list(items.blocks_of(items, 3)) == [[0, 1, 2], [3], [4]]


def test_nobody_waits_for_fast_items_answers(clock):
    clock += [0, 0.01, 1, 2]
    items = Paced("ab")
    next(items)
    assert items.patience == 0
    next(items)
    assert 0 < items.patience < 0.2


def test_a_result_is_waited_for_while_items_come_slowly(clock):
    clock += [n * 1000 for n in range(9)]
    drawn = []
    items = Paced(drawn.append(n) or n for n in range(4))
    with core_workers(2) as pool:
        for number, _ in enumerate(map_ahead(pool, abs, items, 3, items)):
            assert len(drawn) == number + 1


def test_it_says_how_many_there_are_where_that_is_known():
    assert length_hint(Paced([1, 2])) == 2
    assert length_hint(Paced(iter(()))) == 0
