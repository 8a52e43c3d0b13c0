"""Windows of core and a simple refiner, for tests of refiners that begin with another's regions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depth import LineScale
from downcore.strata.regions.window import RegionWindow

Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Squares:
    """A refiner whose regions are squares of the window, whatever is on them."""

    side_px: int = 100
    name: str = "squares"

    def refine(self, window: RegionWindow) -> Labels:
        """Return squares, numbered row by row, cut where there is no sediment."""
        n_lines, n_across = window.superpixels.shape
        n_columns = -(-n_across // self.side_px)
        rows, columns = (np.arange(n) // self.side_px for n in (n_lines, n_across))
        squares = rows[:, None] * n_columns + columns + 1
        is_sediment = window.superpixels != 0
        numbers = np.unique(np.where(is_sediment, squares, 0), return_inverse=True)[1]
        return (numbers.reshape(squares.shape) + int(is_sediment.all())).astype(np.int32)


def window_of(lines: NDArray[np.uint8], *, cell_px: int = 10, first_label: int = 1) -> RegionWindow:
    """Return a window with square superpixels on all of it."""
    n_lines, n_across, _ = lines.shape
    n_columns = -(-n_across // cell_px)
    rows, columns = (np.arange(n) // cell_px for n in (n_lines, n_across))
    labels = rows[:, None] * n_columns + columns + first_label
    return RegionWindow(0, lines, labels.astype(np.int32), LineScale.of(200))


def without(window: RegionWindow, is_bare: NDArray[np.bool_]) -> RegionWindow:
    """Return the window with no sediment where ``is_bare``."""
    superpixels = np.where(is_bare, 0, window.superpixels).astype(np.int32)
    return RegionWindow(window.first_line, window.lines, superpixels, window.scale)


def blotches(n_lines: int, n_across: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of smooth blotches with noise."""
    rng = np.random.default_rng(seed)
    y, x = (np.arange(n)[:, None] / 40.0 for n in (n_lines, n_across))
    phases = rng.uniform(0.0, 6.0, (3, 2))
    waves = [np.sin(y + a) * np.cos(1.3 * x.T + b) for a, b in phases]
    counts = 130.0 + 45.0 * np.stack(waves, axis=-1) + rng.normal(0.0, 3.0, (n_lines, n_across, 3))
    return np.clip(counts, 0, 255).astype(np.uint8)


def breaks(labels: Labels) -> str | None:
    """Return how labels fail to be connected regions, 1, 2, ... as they begin; else nothing."""
    present, first = np.unique(labels[labels != 0], return_index=True)
    if present.tolist() != list(range(1, len(present) + 1)):
        return f"labels are {present[:9]} ..., not 1 to {len(present)}"
    if not (np.diff(first) > 0).all():
        return "labels are not in the order in which they begin"
    return None
