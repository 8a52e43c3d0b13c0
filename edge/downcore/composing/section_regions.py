"""
The regions of a section, slice by slice, as its masked lines arrive.

:class:`SectionRegions` cuts them; :class:`RegionWorker` has that done in other threads while
the networks predict, and hands the slices over in order.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from downcore.composing.config import CompositionConfig
from downcore.composing.label_png import label_tile
from downcore.strata.composed import LabelTile
from downcore.strata.depth import LineScale
from downcore.strata.regions.shapes import SliceRegions, slice_regions
from downcore.strata.regions.stream import RegionRows, RegionStream
from downcore.strata.section import SliceLines
from downcore.strata.segment import Segment

if TYPE_CHECKING:
    # Loads the compiler of the kernels, which nobody pays who composes nothing.
    from downcore.strata.superpixels.stream import LabelRows, SuperpixelStream

logger = logging.getLogger(__name__)

MAX_WAITING = 12
"""Slices that may wait for their regions before the pipeline waits for them."""

OnRegions = Callable[[RegionRows], None]
"""Called with the regions of each window, in order."""


_Result = TypeVar("_Result")


class Submit(Protocol):
    """Begins a call, as an executor's ``submit``; calls are made one after the other, in order."""

    def __call__(self, call: Callable[..., _Result], /, *arguments: Any) -> Future[_Result]:
        """Begin the call; its result comes with the future."""
        ...


def submit_at_once(call: Callable[..., _Result], /, *arguments: Any) -> Future[_Result]:
    """Make a call at once, in the thread that asks for it."""
    done: Future[_Result] = Future()
    done.set_result(call(*arguments))
    return done


@dataclass(frozen=True, slots=True)
class RegionThreads:
    """Where the regions of sections are worked out; at once, unless said otherwise."""

    cut: Submit = submit_at_once
    """Begins work on superpixels, in one thread."""
    join: Submit = submit_at_once
    """Begins work on regions, in one thread, which waits for their superpixels."""


AT_ONCE = RegionThreads()
"""Everything in the thread that asks for it."""


@dataclass(frozen=True, slots=True)
class SlicePicture:
    """The regions of a slice and where they lie."""

    index: int
    regions: SliceRegions | None
    """``None`` where the scan cannot be cut into superpixels."""
    labels: LabelTile | None


@dataclass(frozen=True, slots=True, eq=False)
class CutLines:
    """Lines of a slice and the superpixels that came of these and earlier ones."""

    index: int
    segment: Segment
    superpixels: "Sequence[LabelRows]"


class SectionRegions:
    """
    Cut a section into superpixels and join these to regions, both in order.

    One thread may cut while another joins what was cut before.

    Parameters
    ----------
    composition_config : CompositionConfig
        How superpixels are cut and joined.
    scale : LineScale
        Lines per centimetre of the scan.
    on_regions : callable, optional
        Called with the regions of each window.
    """

    def __init__(
        self,
        composition_config: CompositionConfig,
        scale: LineScale,
        on_regions: OnRegions | None = None,
    ) -> None:
        self._config = composition_config
        self._on_regions = on_regions
        self._scale = scale
        self._streams: tuple[SuperpixelStream, RegionStream] | None = None
        self._is_begun = False

    def cut(self, lines: SliceLines, classes: NDArray[np.uint8]) -> CutLines:
        """Cut the lines of the next slice with their mask into superpixels."""
        if not self._is_begun:
            self._begin(lines.lines.shape[1])
        # A copy: the slice is a view of more lines, which would all be kept with it.
        segment = Segment(lines.lines.copy(), lines.first_line)
        rows = [] if self._streams is None else self._streams[0].push(segment, classes)
        return CutLines(lines.index, segment, rows)

    def finish_cutting(self) -> "Sequence[LabelRows]":
        """Return the superpixels that are left."""
        return [] if self._streams is None else self._streams[0].finish()

    def join(self, cut: CutLines) -> list[SlicePicture]:
        """Join the next superpixels; return the slices that are ready."""
        if self._streams is None:
            return [SlicePicture(cut.index, None, None)]
        return self._pictures(self._streams[1].push(cut.segment, cut.superpixels))

    def finish(self, left: "Sequence[LabelRows]") -> list[SlicePicture]:
        """Join the superpixels that were left and return the last slices."""
        return [] if self._streams is None else self._pictures(self._streams[1].finish(left))

    def _begin(self, n_across: int) -> None:
        config, scale = self._config, self._scale
        self._is_begun = True
        try:
            superpixels = config.cut(config.superpixels, scale, n_across)
        except ValueError as error:
            # The depth log goes on without regions: no scan is refused for their sake.
            logger.warning("no regions at %g px/cm: %s", float(scale.px_per_cm), error)
            return
        self._streams = (superpixels, RegionStream(config.refiner, scale, n_across))

    def _pictures(self, windows: Sequence[RegionRows]) -> list[SlicePicture]:
        if self._on_regions is not None:
            for window in windows:
                self._on_regions(window)
        return [picture for window in windows for picture in self._of_window(window)]

    def _of_window(self, window: RegionRows) -> Iterator[SlicePicture]:
        """Yield the slices of a window, which begins and ends where slices do."""
        px_per_cm = float(self._scale.px_per_cm)
        for regions in slice_regions(window, self._scale):
            first = self._scale.first_line_of_slice(regions.index) - window.first_line
            stop = self._scale.first_line_of_slice(regions.index + 1) - window.first_line
            labels = label_tile(window.labels[first:stop], px_per_cm)
            yield SlicePicture(regions.index, regions, labels)


class RegionWorker:
    """
    The regions of one section, worked out while the networks predict.

    What comes out, and in which order, does not depend on when it is done.

    Parameters
    ----------
    regions : SectionRegions
        A new one; nobody else may use it.
    threads : RegionThreads
        Where superpixels are cut and where they are joined.
    """

    def __init__(self, regions: SectionRegions, threads: RegionThreads) -> None:
        self._regions = regions
        self._threads = threads
        self._waiting: deque[Future[list[SlicePicture]]] = deque()

    def add_lines(self, lines: SliceLines, classes: NDArray[np.uint8]) -> list[SlicePicture]:
        """Add the lines of the next slice with their mask; return the slices that are ready."""
        cut = self._threads.cut(self._regions.cut, lines, classes)
        self._waiting.append(self._threads.join(_once_there, self._regions.join, cut))
        ready: list[SlicePicture] = []
        while self._waiting and (self._waiting[0].done() or len(self._waiting) > MAX_WAITING):
            ready += self._waiting.popleft().result()
        return ready

    def finish(self) -> list[SlicePicture]:
        """Wait for what is left and return it."""
        left = self._threads.cut(self._regions.finish_cutting)
        self._waiting.append(self._threads.join(_once_there, self._regions.finish, left))
        ready: list[SlicePicture] = []
        while self._waiting:
            ready += self._waiting.popleft().result()
        return ready


def _once_there(
    call: Callable[[_Result], list[SlicePicture]], argument: Future[_Result]
) -> list[SlicePicture]:
    """Make a call once its argument is there, which was asked for before."""
    return call(argument.result())
