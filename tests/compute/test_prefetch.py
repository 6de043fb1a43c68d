"""What works ahead gives the same in the same order, no further ahead than asked, and ends."""

import threading

import pytest

from pipeline.compute.prefetch import prefetch_map
from pipeline.errors import DataError


@pytest.mark.parametrize("ahead", [0, 1, 4, 20])
def test_results_come_in_the_order_of_their_inputs(ahead):
    assert list(prefetch_map(lambda n: n * n, range(10), ahead)) == [n * n for n in range(10)]


def test_as_many_are_computed_at_once_as_asked_for():
    """Each waits for the others: fewer threads would never pass."""
    meeting = threading.Barrier(3)
    assert list(prefetch_map(lambda n: meeting.wait(60) * 0 + n, range(6), 3)) == list(range(6))


@pytest.mark.parametrize("ahead", [0, 3])
def test_what_a_call_raises_comes_in_its_place(ahead):
    def broken(number):
        if number == 2:
            raise DataError("clip 2 is damaged")
        return number

    found = prefetch_map(broken, range(9), ahead)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(DataError, match="clip 2 is damaged"):
        next(found)


def test_closing_ends_the_threads_and_begins_nothing_more():
    begun, before = [], threading.active_count()
    found = prefetch_map(lambda n: begun.append(n) or n, range(1000), 3)
    assert [next(found), next(found)] == [0, 1]
    found.close()
    assert threading.active_count() == before
    assert len(begun) <= 5


def test_every_thread_is_begun_and_no_other_is_touched():
    here = threading.local()
    here.begun = False

    def begin():
        here.begun = True

    assert list(prefetch_map(lambda _: here.begun, range(6), 2, begin)) == [True] * 6
    assert not here.begun
