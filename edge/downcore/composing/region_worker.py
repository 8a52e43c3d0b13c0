"""Regions of a section, worked out beside the pipeline and handed over in order."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.composing.section_regions import SectionRegions, SlicePicture
from downcore.strata.section import SliceLines

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Submit(Protocol):
    """Begins a call, as an executor's ``submit``; calls are made one after the other, in order."""

    def __call__(
        self, call: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs
    ) -> Future[_T]:
        """Begin a call and return what will hold its answer."""
        ...


MAX_WAITING = 6
"""Slices that may wait for their regions before the pipeline does."""


def in_turn(call: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> Future[_T]:
    """Make a call at once, in the thread that asks for it."""
    done: Future[_T] = Future()
    done.set_result(call(*arguments, **named))
    return done


class RegionWorker:
    """
    The regions of one section, at work while the networks are.

    What comes out, and in which order, does not depend on when it is done.

    Parameters
    ----------
    regions : SectionRegions
        A new one; nobody else may use it.
    submit : callable
        Begins a call in the one thread that works on regions, or makes it at once.
    """

    def __init__(self, regions: SectionRegions, submit: Submit) -> None:
        self._regions = regions
        self._submit = submit
        self._waiting: deque[Future[list[SlicePicture]]] = deque()

    def look_at(self, lines: SliceLines, classes: NDArray[np.uint8]) -> list[SlicePicture]:
        """Add the lines of the next slice with their mask; return the slices that are ready."""
        self._waiting.append(self._submit(self._regions.look_at, lines, classes))
        ready: list[SlicePicture] = []
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > MAX_WAITING):
            ready += self._waiting.popleft().result()
        return ready

    def finish(self) -> list[SlicePicture]:
        """Wait for what is left and return it."""
        self._waiting.append(self._submit(self._regions.finish))
        ready: list[SlicePicture] = []
        while self._waiting:
            ready += self._waiting.popleft().result()
        return ready
