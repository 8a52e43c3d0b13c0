"""Slices made ahead in another thread come in order, and so do their errors."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from downcore.composing.section_regions import submit_at_once
from downcore.service.read_ahead import ahead
from downcore.strata.errors import GrowingError


def slices(made: list[int], n_good: int) -> Iterator[int]:
    """Yield numbers from 1, and then find that the file is not that long."""
    for index in range(1, n_good + 1):
        made.append(index)
        yield index
    raise GrowingError("no more lines")


def test_slices_read_ahead_come_in_the_order_of_the_core() -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        assert list(ahead(iter(range(1, 50)), thread.submit)) == list(range(1, 50))


def test_slices_come_without_another_thread_as_well() -> None:
    assert list(ahead(iter(range(1, 5)), submit_at_once)) == [1, 2, 3, 4]


def test_an_unreadable_slice_is_an_error_where_its_turn_comes() -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        ready = ahead(slices([], 5), thread.submit)

        assert [next(ready) for _ in range(5)] == [1, 2, 3, 4, 5]
        with pytest.raises(GrowingError):
            next(ready)


def test_no_line_is_read_once_the_pass_was_given_up() -> None:
    made: list[int] = []
    with ThreadPoolExecutor(max_workers=1) as thread:
        with contextlib.closing(ahead(slices(made, 50), thread.submit, n_ahead=2)) as ready:
            assert next(ready) == 1
        n_made = len(made)
        thread.submit(int).result()
        assert len(made) == n_made <= 4
