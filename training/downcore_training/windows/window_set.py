"""Windows of sections on the device's grid, with the labels of the rows they answer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from downcore.strata.core_view import SliceView
from downcore.strata.properties import PROPERTIES
from downcore.strata.windows import MIN_SEDIMENT_CM2, Window, cut_window
from downcore_training.windows.section_views import SectionViews


class WindowSet:
    """
    The windows of several sections as one sequence, cut on demand.

    Parameters
    ----------
    sections : sequence of SectionViews
        At least one.
    window : Window
        What the predictor sees.
    """

    def __init__(self, sections: Sequence[SectionViews], window: Window) -> None:
        if not sections:
            raise ValueError("expected at least one section, got none")
        self.sections = tuple(sections)
        self.window = window
        starts = [
            (k, row)
            for k, section in enumerate(sections)
            for row in range(0, len(section), window.rows_cm)
        ]
        self._section = np.array([k for k, _ in starts], np.int64)
        self._row = np.array([row for _, row in starts], np.int64)

    def __len__(self) -> int:
        return len(self._row)

    def pixels(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the windows at ``indices``, shape (n, lines, 200, 4)."""
        return np.stack([self._pixels(int(i)) for i in indices])

    @property
    def section(self) -> NDArray[np.int64]:
        """Number of the section of each row that is answered, shape (n_windows * rows_cm,)."""
        return np.repeat(self._section, self.window.rows_cm)

    @property
    def row(self) -> NDArray[np.int64]:
        """Slice of each row in its section, shape (n_windows * rows_cm,); outside it possible."""
        return (self._row[:, None] + np.arange(self.window.rows_cm)).ravel()

    @property
    def labels(self) -> NDArray[np.float64]:
        """Labels of the rows, shape (n_windows * rows_cm, 3); NaN where none may be learnt from."""
        out = np.full((len(self) * self.window.rows_cm, len(PROPERTIES)), np.nan)
        for k, section in enumerate(self.sections):
            mine = np.flatnonzero(self.section == k)
            rows = self.row[mine]
            inside = (rows >= 0) & (rows < len(section))
            usable = usable_rows(section)
            known = np.where(usable[:, None], section.labels, np.nan)
            out[mine[inside]] = known[rows[inside]]
        return out

    def _pixels(self, i: int) -> NDArray[np.uint8]:
        section = self.sections[self._section[i]]
        first = int(self._row[i]) - self.window.above_cm
        return cut_window(
            [view_at(section, row) for row in range(first, first + self.window.n_cm)], self.window
        )


def view_at(section: SectionViews, row: int) -> SliceView | None:
    """Return the view of a slice; ``None`` outside the section."""
    return section.views[row] if 0 <= row < len(section) else None


def usable_rows(section: SectionViews) -> NDArray[np.bool_]:
    """Return which slices show enough sediment, shape (n,)."""
    areas = [0.0 if view is None else view.sediment_cm2 for view in section.views]
    usual = np.median(areas)
    # Less than half of what the section usually shows is mostly void, foam or liner.
    return np.array(areas) >= max(MIN_SEDIMENT_CM2, 0.5 * float(usual))
