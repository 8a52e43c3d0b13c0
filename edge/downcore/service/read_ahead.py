"""Slices that are read and masked by another thread while those before them are predicted."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

from downcore.composing.section_regions import Submit

SLICES_AHEAD = 2
"""Slices that are read and masked before anybody asked for them."""

_Item = TypeVar("_Item")


def ahead(items: Iterator[_Item], submit: Submit, n_ahead: int = SLICES_AHEAD) -> Generator[_Item]:
    """
    Yield what an iterator yields, in order, while the next items are already being made.

    Parameters
    ----------
    items : iterator
        Nobody else may use it, or what it reads from, until the items end or the iterator that is
        returned was closed. An error that it raises is raised where its item would be.
    submit : callable
        Begins a call in one thread, where calls are made one after the other, or makes it at once.
    n_ahead : int, default 2
        Items that are made ahead; 1 or more.
    """
    waiting: deque[Future[_Item | None]] = deque()
    try:
        while True:
            while len(waiting) <= n_ahead:
                waiting.append(submit(next, items, None))
            item = waiting.popleft().result()
            if item is None:
                return
            yield item
    finally:
        # Whoever goes on may close the file that the other thread reads.
        wait([future for future in waiting if not future.cancel()])
