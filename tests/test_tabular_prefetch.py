"""Reading ahead and writing behind: the same things in the same order, and nothing that goes wrong is lost."""

import threading

import pytest

from jobs.tabular.prefetch import Background, prefetched


def counted(most, fails=None):
    """Numbers from 0, each with the thread that made it."""
    for number in range(most):
        if number == fails:
            raise ValueError("broken")
        yield number, threading.current_thread()


def test_items_come_in_order_from_another_thread():
    """What is read ahead is all there, in order, and made elsewhere."""
    found = list(prefetched(counted(100)))
    assert [number for number, _ in found] == list(range(100))
    assert threading.current_thread() not in {thread for _, thread in found}
    assert list(prefetched(iter([]))) == []


def test_what_goes_wrong_ahead_is_raised_where_it_is_used():
    """An error comes after the items before it, and reading less than all leaves no thread behind."""
    before = threading.active_count()
    items = prefetched(counted(5, fails=3))
    assert [next(items)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(items)
    unfinished = prefetched(counted(1_000))
    next(unfinished)
    unfinished.close()
    assert threading.active_count() == before


def test_what_is_done_behind_is_done_in_order_before_the_end():
    """Calls are made one after the other, and all of them before the block is left."""
    done = []
    with Background() as background:
        for number in range(50):
            background(done.append, number)
    assert done == list(range(50))


@pytest.mark.parametrize("last", [False, True])
def test_what_goes_wrong_behind_is_raised(last):
    """An error of a call is raised by the next one, or by the end of the block."""

    def fail():
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Background() as background:
        background(fail)
        if not last:
            background(print)
            pytest.fail("the call before failed")
