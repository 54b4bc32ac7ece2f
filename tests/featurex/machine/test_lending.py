import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from featurex.machine.lending import Lender


def test_no_two_threads_have_one_object():
    lender, together = Lender(object), threading.Barrier(3, timeout=10)

    def borrow(_):
        with lender.lend() as thing:
            together.wait()
            return id(thing)

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(borrow, range(3)))) == 3


def test_new_threads_borrow_what_others_gave_back():
    made = []
    lender = Lender(lambda: made.append(1) or object())

    def borrow(_):
        with lender.lend() as thing:
            return id(thing)

    for _ in range(5):
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(borrow, range(3)))
    assert len(made) == 1


def test_an_object_comes_back_after_an_error():
    lender = Lender(object)
    with pytest.raises(KeyError), lender.lend() as thing:
        raise KeyError
    with lender.lend() as again:
        assert again is thing
