"""The regions of a section, slice by slice, as its masked lines arrive."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from downcore.strata.superpixels.stream import SuperpixelStream

logger = logging.getLogger(__name__)

OnRegions = Callable[[RegionRows], None]
"""Told of the regions of each window, in order."""


@dataclass(frozen=True, slots=True)
class SlicePicture:
    """What the pixels of a slice say of its regions."""

    index: int
    regions: SliceRegions | None
    """``None`` where the scan cannot be cut into superpixels."""
    labels: LabelTile | None


class SectionRegions:
    """
    Cut a section into regions, in order.

    Parameters
    ----------
    composition_config : CompositionConfig
        How superpixels are cut and joined.
    scale : LineScale
        Lines per centimetre of the scan.
    on_regions : callable, optional
        Told of the regions of each window.
    """

    def __init__(
        self,
        composition_config: CompositionConfig,
        scale: LineScale,
        on_regions: OnRegions | None = None,
    ) -> None:
        self._recipe = composition_config
        self._on_regions = on_regions
        self._scale = scale
        self._streams: tuple[SuperpixelStream, RegionStream] | None = None
        self._is_begun = False

    def look_at(self, lines: SliceLines, classes: NDArray[np.uint8]) -> list[SlicePicture]:
        """Add the lines of the next slice with their mask; return the slices that are ready."""
        if not self._is_begun:
            self._begin(lines.lines.shape[1])
        if self._streams is None:
            return [SlicePicture(lines.index, None, None)]
        superpixels, regions = self._streams
        # A copy: the slice is a view of more lines, which would all be kept with it.
        segment = Segment(lines.lines.copy(), lines.first_line)
        return self._pictures(regions.push(segment, superpixels.push(segment, classes)))

    def finish(self) -> list[SlicePicture]:
        """Return the slices that are left."""
        if self._streams is None:
            return []
        superpixels, regions = self._streams
        return self._pictures(regions.finish(superpixels.finish()))

    def _begin(self, n_across: int) -> None:
        composition_config, scale = self._recipe, self._scale
        self._is_begun = True
        try:
            superpixels = composition_config.cut(composition_config.superpixels, scale, n_across)
        except ValueError as error:
            # The depth log goes on without regions: no scan is refused for their sake.
            logger.warning("no regions at %g px/cm: %s", float(scale.px_per_cm), error)
            return
        self._streams = (superpixels, RegionStream(composition_config.refiner, scale, n_across))

    def _pictures(self, windows: Sequence[RegionRows]) -> list[SlicePicture]:
        if self._on_regions is not None:
            for window in windows:
                self._on_regions(window)
        return [one for window in windows for one in self._of_window(window)]

    def _of_window(self, window: RegionRows) -> Iterator[SlicePicture]:
        """Yield the slices of a window, which begins and ends where slices do."""
        px_per_cm = float(self._scale.px_per_cm)
        for one in slice_regions(window, self._scale):
            first = self._scale.first_line_of_slice(one.index) - window.first_line
            stop = self._scale.first_line_of_slice(one.index + 1) - window.first_line
            yield SlicePicture(one.index, one, label_tile(window.labels[first:stop], px_per_cm))
