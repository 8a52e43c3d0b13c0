"""
From slices to the estimates of one predictor: by tiles, or by windows that hold its neighbours.

A lane takes the slices of a section from its top and answers those that its predictor has still to
do. Windows lie on a fixed grid, and the flat field is a fold from the top, so an answer depends on
the section alone.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from downcore.ports import Predictor, TilePrediction
from downcore.strata.bundle import Manifest
from downcore.strata.core_view import SliceView
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.estimates import (
    UNLIKE,
    NoValue,
    estimates_of,
    forced_reason,
    reason_to_abstain,
    without_value,
)
from downcore.strata.flat_field import Lighting
from downcore.strata.slices import CoreSlice
from downcore.strata.tiles import Tiles
from downcore.strata.window_colour import colour_of_window
from downcore.strata.windows import MIN_SEDIMENT_CM2, Window, cut_window

NO_WHITE_BOARD = NoValue(
    Status.ABSTAINED, "no white board beside the core, the bundle was trained with one"
)
"""Answer of a bundle that must not look at colours as they were scanned."""


def unlike_in_colour(manifest: Manifest, pixels: NDArray[np.uint8]) -> NoValue | None:
    """Return why the rows of a window get no value for its colour, or ``None`` where they may."""
    limits = manifest.colour_limits
    why = "" if limits is None else limits.why_unlike(colour_of_window(pixels))
    return NoValue(Status.ABSTAINED, f"{UNLIKE}{why}") if why else None


SliceAnswer = tuple[int, tuple[Estimate, ...]]
"""Which slice, and the estimates of it."""


class _Lane:
    """What lanes of both kinds share: a predictor, what it has done, and its answers."""

    def __init__(
        self,
        predictor: Predictor,
        px_per_cm: float,
        *,
        n_done: int = 0,
        allow_low_resolution: bool = False,
    ) -> None:
        self._predictor = predictor
        self._px_per_cm = px_per_cm
        self._n_done = n_done
        self._allow_low_resolution = allow_low_resolution
        self._forced = forced_reason(predictor.manifest, px_per_cm)
        self._answers: list[SliceAnswer] = []

    def _why_not(self, core_slice: CoreSlice, n_tiles: int) -> NoValue | None:
        return reason_to_abstain(
            self._manifest,
            n_tiles=n_tiles,
            valid_fraction=core_slice.valid_fraction,
            source_px_per_cm=self._px_per_cm,
            allow_low_resolution=self._allow_low_resolution,
        )

    def _answer_without_value(self, index: int, why: NoValue) -> None:
        self._answers.append((index, without_value(self._manifest, why)))

    def _taken(self) -> list[SliceAnswer]:
        answers, self._answers = self._answers, []
        return answers

    @property
    def _manifest(self) -> Manifest:
        return self._predictor.manifest


class TileLane(_Lane):
    """
    A predictor that sees the tiles of one slice, without context.

    Parameters
    ----------
    predictor : Predictor
        Of a bundle without a window.
    px_per_cm : float
        Scale of the scan.
    n_done : int, default 0
        Slices from the top that are not answered again.
    allow_low_resolution : bool, default False
        Predict even from scans far below the resolution of the training; the rows say so.
    """

    def add(self, core_slice: CoreSlice, tiles: Tiles) -> None:
        """Begin to predict a slice; in order, but those that are done may be left out."""
        if core_slice.index < self._n_done:
            return
        why = self._why_not(core_slice, len(tiles.pixels))
        if why is not None:
            self._answer_without_value(core_slice.index, why)
            return
        self._predictor.submit((self, core_slice.index, tiles.sediment_fraction), tiles.pixels)

    def finish(self) -> None:
        """Take note that the section has ended; no slice waited for that."""

    def collect(self, *, wait: bool) -> list[SliceAnswer]:
        """Return the answers that are there; with ``wait`` those of every slice added so far."""
        for (lane, index, weights), found in self._predictor.collect(wait=wait):
            # A pass that was given up may have left its tiles behind.
            if lane is self:
                estimates = estimates_of(found, weights, self._manifest, beware=self._forced)
                self._answers.append((index, estimates))
        return self._taken()


class WindowLane(_Lane):
    """
    A predictor that sees the centimetres around the rows it answers.

    Views are held for as long as a window below may need them. A window is predicted once its last
    slice is there, or where the section ends; one without a row to answer is left out.

    Parameters
    ----------
    predictor : Predictor
        Of a bundle with a window.
    window : Window
        Its window.
    px_per_cm, n_done, allow_low_resolution
        As for :class:`TileLane`.
    """

    def __init__(
        self,
        predictor: Predictor,
        window: Window,
        px_per_cm: float,
        *,
        n_done: int = 0,
        allow_low_resolution: bool = False,
    ) -> None:
        super().__init__(
            predictor, px_per_cm, n_done=n_done, allow_low_resolution=allow_low_resolution
        )
        self._window = window
        self._n_slices = 0
        self._next_row = window.first_row(n_done)
        """First of the rows that the next window answers."""
        self._views: deque[SliceView] = deque()
        """Of consecutive slices, the last of them the last that was added."""
        self._remarks: dict[int, str] = {}
        """What is said of the value of each row that waits for a window, by slice."""

    def add(self, view: SliceView, lighting: Lighting, core_slice: CoreSlice | None) -> None:
        """
        Add the next slice; every slice, from the section's top on.

        Parameters
        ----------
        view : SliceView
            With the flat field corrected.
        lighting : Lighting
            What its colours were divided by.
        core_slice : CoreSlice or None
            ``None`` of a slice that is done.
        """
        index = self._n_slices
        self._n_slices += 1
        if index >= self._next_row - self._window.above_cm:
            self._views.append(view)
        if core_slice is not None and index >= self._n_done:
            self._ask(core_slice, view, lighting)
        while self._next_row + self._window.rows_cm + self._window.below_cm <= self._n_slices:
            self._predict_window()

    def finish(self) -> None:
        """Begin to predict the rows that waited for what lies below them: the section has ended."""
        while self._next_row < self._n_slices:
            self._predict_window()

    def collect(self, *, wait: bool) -> list[SliceAnswer]:
        """Return the answers that are there; with ``wait`` those of every window begun so far."""
        for (lane, first_row, remarks), found in self._predictor.collect(wait=wait):
            # A pass that was given up may have left its windows behind.
            if lane is self:
                self._answers += self._rows_of(found, first_row, remarks)
        return self._taken()

    def _ask(self, core_slice: CoreSlice, view: SliceView, lighting: Lighting) -> None:
        why = self._why_not(core_slice, 1 if view.sediment_cm2 >= MIN_SEDIMENT_CM2 else 0)
        if why is None and self._window.needs_white_board and lighting.board_counts is None:
            why = NO_WHITE_BOARD
        if why is not None:
            self._answer_without_value(core_slice.index, why)
            return
        said = (self._forced, lighting.remark)
        self._remarks[core_slice.index] = "; ".join(filter(None, said))

    def _predict_window(self) -> None:
        window, first_row = self._window, self._next_row
        self._next_row += window.rows_cm
        asked = [index for index in self._remarks if index < self._next_row]
        if asked:
            top = first_row - window.above_cm
            views = [self._view(index) for index in range(top, top + window.n_cm)]
            remarks = {index: self._remarks.pop(index) for index in asked}
            self._begin(first_row, remarks, cut_window(views, window))
        n_kept = max(self._n_slices - (self._next_row - window.above_cm), 0)
        while len(self._views) > n_kept:
            self._views.popleft()

    def _begin(self, first_row: int, remarks: dict[int, str], pixels: NDArray[np.uint8]) -> None:
        why = unlike_in_colour(self._manifest, pixels)
        if why is None:
            self._predictor.submit((self, first_row, remarks), pixels[None])
            return
        for index in remarks:
            self._answer_without_value(index, why)

    def _view(self, index: int) -> SliceView | None:
        """Return the view of a slice, ``None`` outside the section."""
        if not 0 <= index < self._n_slices:
            return None
        return self._views[index - self._n_slices]

    def _rows_of(
        self, found: TilePrediction, first_row: int, remarks: dict[int, str]
    ) -> list[SliceAnswer]:
        return [
            (
                index,
                estimates_of(
                    found.row(index - first_row), np.ones(1), self._manifest, beware=remark
                ),
            )
            for index, remark in remarks.items()
        ]
