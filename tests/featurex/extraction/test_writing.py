import threading

import pytest

from featurex.extraction.writing import Writer


@pytest.mark.parametrize("behind", [0, 1, 3])
def test_all_is_called_in_order(behind):
    done = []
    with Writer(behind) as write:
        for number in range(10):
            write(lambda number=number: done.append(number))
    assert done == list(range(10))


def test_at_once_where_none_may_wait():
    done = []
    with Writer() as write:
        write(lambda: done.append(threading.current_thread()))
        assert done == [threading.current_thread()]


def test_the_caller_waits_when_too_many_do():
    go, done = threading.Event(), []
    with Writer(behind=2) as write:
        write(go.wait)
        write(lambda: done.append(1))
        assert not done
        threading.Timer(0.05, go.set).start()
        write(lambda: done.append(2))
        assert go.is_set()
    assert done == [1, 2]


@pytest.mark.parametrize("behind", [0, 1, 5])
def test_after_one_that_failed_none_is_called(behind):
    done = []

    def write_all():
        with Writer(behind) as write:
            write(lambda: 1 / 0)
            for number in range(3):
                write(lambda number=number: done.append(number))

    with pytest.raises(ZeroDivisionError):
        write_all()
    assert done == []


def test_an_error_of_the_caller_is_the_one_that_is_told():
    def write_and_stop():
        with Writer(behind=5) as write:
            write(lambda: 1 / 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
