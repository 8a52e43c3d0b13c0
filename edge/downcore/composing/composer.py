"""
A section's composition, in blocks of 10 cm at fixed depths.

What a slice is made of follows from its own row and those of its neighbours within
:data:`NEIGHBOURS`, so a block waits for the rows below it and no longer. Regions come from the
pixels. Both depend on the section alone, not on how it arrived.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from downcore.composing.config import CompositionConfig, TableInUse, rows_present
from downcore.composing.section_regions import (
    AT_ONCE,
    OnRegions,
    RegionThreads,
    RegionWorker,
    SectionRegions,
    SlicePicture,
)
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.regions.window import REGION_WINDOW_UM
from downcore.strata.section import SliceLines
from downcore.strata.unmixing.composition import Composition, compose
from downcore.strata.unmixing.estimating import REACH_SLICES
from downcore.strata.unmixing.observations import Observations, observe

BLOCK_SLICES = REGION_WINDOW_UM // SLICE_UM
"""Slices that are composed together; blocks lie fixed in the section."""

NEIGHBOURS = int(np.ceil(3.0 * REACH_SLICES))
"""Slices above and below that a slice's prior looks at."""


def compositions(
    seen: Observations, composition_config: CompositionConfig
) -> list[tuple[TableInUse, Composition]]:
    """Return what each slice is made of, with the first table that its observations hold."""
    chosen = [
        composition_config.table_for(rows_present(tuple(row)))
        for row in np.isfinite(seen.value).tolist()
    ]
    used = {table.name: table for table in chosen}  # names differ, as the configuration checks
    found = {name: compose(seen, table.calibration) for name, table in used.items()}
    return [(table, found[table.name][i]) for i, table in enumerate(chosen)]


class SectionComposer:
    """
    Compose the slices of one section, in order.

    Parameters
    ----------
    composition_config : CompositionConfig
        How.
    scale : LineScale
        Lines per centimetre of the scan.
    measured : mapping, optional
        Measured values by number of slice, beside those of the rows.
    n_done : int, default 0
        Slices from the top whose composition is kept already; they are looked at again, so that
        labels go on counting, but not returned.
    on_regions : callable, optional
        Told of the regions of each window, in the thread that works on them.
    threads : RegionThreads, optional
        Where superpixels and regions are worked out; in the caller's own unless given. The
        composition is the same.
    """

    def __init__(
        self,
        composition_config: CompositionConfig,
        scale: LineScale,
        *,
        measured: Mapping[int, tuple[Estimate, ...]] | None = None,
        n_done: int = 0,
        on_regions: OnRegions | None = None,
        threads: RegionThreads = AT_ONCE,
    ) -> None:
        self._config = composition_config
        self._measured = dict(measured or {})
        self._regions = RegionWorker(SectionRegions(composition_config, scale, on_regions), threads)
        self._is_too_coarse = composition_config.is_too_coarse(scale)
        self._rows: dict[int, SliceRow] = {}
        self._n_rows = 0
        self._pictures: dict[int, SlicePicture] = {}
        self._n_pictures = 0
        self._next = n_done

    def add_lines(self, lines: SliceLines, classes: NDArray[np.uint8]) -> None:
        """Add the lines of the next slice with their mask; every slice, from the top on."""
        self._keep(self._regions.add_lines(lines, classes))

    def add_rows(self, rows: Iterable[SliceRow]) -> None:
        """Add rows of the depth log, in order; those that are there already change nothing."""
        for row in rows:
            if row.core_slice.index < self._n_rows:
                continue
            if row.core_slice.index > self._n_rows:
                raise ValueError(
                    f"expected the row of slice {self._n_rows}, got {row.core_slice.index}"
                )
            self._rows[self._n_rows] = row
            self._n_rows += 1

    @property
    def rows(self) -> tuple[SliceRow, ...]:
        """The rows that are held: all of them as long as nothing was composed."""
        return tuple(self._rows[i] for i in sorted(self._rows))

    def use(self, composition_config: CompositionConfig) -> None:
        """Go on with another configuration, such as one calibrated on the section; regions stay."""
        self._config = composition_config

    def ready(self) -> list[ComposedSlice]:
        """Return the slices of every block that is complete, with what lies below it."""
        done: list[ComposedSlice] = []
        while True:
            stop = (self._next // BLOCK_SLICES + 1) * BLOCK_SLICES
            if stop > self._n_pictures or stop + NEIGHBOURS > self._n_rows:
                return done
            done += self._block(stop)

    def finish(self) -> list[ComposedSlice]:
        """Return every slice that is left; all lines and all rows must have been added."""
        self._keep(self._regions.finish())
        done = self.ready()
        while self._next < self._n_rows:
            stop = (self._next // BLOCK_SLICES + 1) * BLOCK_SLICES
            done += self._block(min(stop, self._n_rows))
        return done

    def _keep(self, pictures: Iterable[SlicePicture]) -> None:
        for picture in pictures:
            self._pictures[picture.index] = picture
            self._n_pictures = picture.index + 1

    def _block(self, stop: int) -> list[ComposedSlice]:
        first = self._next
        start = max(first - NEIGHBOURS, 0)
        rows = [self._rows[i] for i in range(start, min(stop + NEIGHBOURS, self._n_rows))]
        seen = observe(
            rows, self._config.bundle_id, self._measured, is_too_coarse=self._is_too_coarse
        )
        made = compositions(seen, self._config)
        composed = [self._composed(rows[i - start], *made[i - start]) for i in range(first, stop)]
        self._next = stop
        self._forget(stop)
        return composed

    def _composed(
        self, row: SliceRow, table: TableInUse, composition: Composition
    ) -> ComposedSlice:
        core_slice = row.core_slice
        picture = self._pictures.get(core_slice.index)
        return ComposedSlice(
            index=core_slice.index,
            top_um=core_slice.top_um,
            bottom_um=core_slice.bottom_um,
            composer_id=self._config.composer_id,
            table=table.name,
            # It counts from the first slice that was looked at.
            composition=replace(composition, index=core_slice.index),
            regions=None if picture is None else picture.regions,
            labels=None if picture is None else picture.labels,
        )

    def _forget(self, stop: int) -> None:
        """Let go of what no block below looks at."""
        self._rows = {i: row for i, row in self._rows.items() if i >= stop - NEIGHBOURS}
        self._pictures = {i: kept for i, kept in self._pictures.items() if i >= stop}
