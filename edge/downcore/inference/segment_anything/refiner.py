"""Regions refined by Segment Anything: another refiner's regions first, then its doubtful ones."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.inference.segment_anything.assigning import believed, reassigned, winners_of
from downcore.inference.segment_anything.choosing import prompts_for
from downcore.inference.segment_anything.loading import (
    SegmentAnythingBundle,
    load_segment_anything,
)
from downcore.inference.segment_anything.network import SegmentAnythingNetwork
from downcore.inference.segment_anything.picture import fit
from downcore.inference.segment_anything.settings import SegmentAnythingSettings
from downcore.ports import RegionRefiner
from downcore.strata.errors import SettingsError
from downcore.strata.regions.window import RegionWindow

NAME = "segment-anything"
"""The name that settings choose it by."""


class SegmentAnythingRefiner:
    """
    Segment Anything on the regions that another refiner leaves in doubt.

    A window is looked at once, and only if a region of it is in doubt. The same window gives
    the same labels, bit for bit, on one machine.

    Parameters
    ----------
    bundle : SegmentAnythingBundle
        From :func:`load_segment_anything`; it is compiled and proven here.
    first : RegionRefiner
        Whose regions are refined.
    settings : SegmentAnythingSettings
        What is asked and believed.

    Raises
    ------
    BundleError
        If the bundle does not compute what it should on this processor.
    """

    def __init__(
        self,
        bundle: SegmentAnythingBundle,
        first: RegionRefiner,
        settings: SegmentAnythingSettings | None = None,
    ) -> None:
        self._network = SegmentAnythingNetwork(bundle)
        self._side_px = bundle.manifest.side_px
        self._first = first
        self._settings = settings or SegmentAnythingSettings()
        self.bundle_id = bundle.bundle_id

    @property
    def name(self) -> str:
        """The name that settings choose it by."""
        return NAME

    def refine(self, window: RegionWindow) -> NDArray[np.int32]:
        """
        Return the region of each pixel of a window, as :class:`RegionRefiner` says.

        Raises
        ------
        ValueError
            If the first refiner's regions do not cover exactly the superpixels, or are not
            counted from 1.
        """
        regions = self._first.refine(window)
        _check(regions, window.superpixels, self._first.name)
        fitted = fit(window, self._side_px)
        if fitted is None:
            return regions
        prompts = prompts_for(fitted, regions, window.superpixels, self._settings)
        if not prompts.regions.size:
            return regions
        embedding = self._network.embed(fitted.picture)
        answers = self._network.masks(embedding, prompts.points, prompts.boxes)
        masks = believed(answers, prompts.points, fitted, self._settings)
        if not masks:
            return regions
        winners = winners_of(masks, fitted, regions.shape)
        least_px = self._settings.least_share * np.count_nonzero(window.superpixels)
        return reassigned(window.superpixels, regions, winners, least_px)


def _check(regions: NDArray[np.int32], superpixels: NDArray[np.int32], name: str) -> None:
    if regions.shape != superpixels.shape or not np.array_equal(regions != 0, superpixels != 0):
        raise ValueError(
            "expected a region exactly where there is a superpixel, shape "
            f"{superpixels.shape}, got others of {name}, {regions.shape}"
        )
    lowest, highest = int(regions.min(initial=0)), int(regions.max(initial=0))
    if lowest < 0 or highest > regions.size:
        raise ValueError(
            f"expected regions counted from 1 without a gap, got {lowest} to {highest} of {name}"
        )


def open_segment_anything(
    folder: Path | None,
    first: RegionRefiner,
    settings: SegmentAnythingSettings | None = None,
) -> SegmentAnythingRefiner:
    """
    Load, verify, compile and test the bundle in ``folder``, and return it running.

    Parameters
    ----------
    folder : Path or None
        A bundle of ``downcore segment-anything``; ``None`` where the settings name none.
    first : RegionRefiner
        Whose regions are refined.
    settings : SegmentAnythingSettings or None
        What is asked and believed.

    Raises
    ------
    SettingsError
        If there is no folder.
    BundleError
        If the bundle is damaged, or does not compute what it should on this processor.
    """
    if folder is None:
        raise SettingsError(
            f"expected a bundle for regions by {NAME!r}, got none: no checkpoint is shipped; make "
            "a bundle of yours with 'downcore segment-anything CHECKPOINT --licence NAME --to "
            "DIR' and set composition.segment_anything to DIR, or composition.regions to 'merge'"
        )
    return SegmentAnythingRefiner(load_segment_anything(folder), first, settings)
