import threading

import pytest
import torch

from featurex.machine.core_workers import core_workers, map_ahead


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_keeps_to_one_core_in_a_worker_and_to_its_own_outside(two_threads):
    with core_workers(2) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 2
    counts = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert counts == [2]


def test_results_come_in_order_however_long_each_takes():
    """The first can't end before the third has begun."""
    third = threading.Event()

    def square(number):
        if number == 0:
            assert third.wait(10)
        if number == 2:
            third.set()
        return number**2

    with core_workers(3) as pool:
        assert list(map_ahead(pool, square, range(9), 4)) == [n**2 for n in range(9)]


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_no_more_items_are_drawn_than_asked_for_and_ahead(ahead):
    drawn = []

    def numbers():
        for number in range(20):
            drawn.append(number)
            yield number

    with core_workers(2) as pool:
        for n_read, result in enumerate(map_ahead(pool, abs, numbers(), ahead), 1):
            assert result == n_read - 1
            assert len(drawn) <= n_read + ahead
    assert len(drawn) == 20


def test_an_error_comes_in_its_place():
    def check(number):
        if number == 2:
            raise KeyError(number)
        return number

    with core_workers(2) as pool:
        results = map_ahead(pool, check, range(5), 3)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(KeyError):
            next(results)


def test_a_reader_that_stops_leaves_the_rest_undone():
    begun, go = [], threading.Event()

    def wait(number):
        begun.append(number)
        assert go.wait(10)

    with pytest.raises(ZeroDivisionError), core_workers(1) as pool:  # noqa: PT012
        for number in range(50):
            pool.submit(wait, number)
        threading.Timer(0.1, go.set).start()
        raise ZeroDivisionError
    assert len(begun) <= 2
