"""A centimetre of core at 20 px/cm: what networks with context and the flat field look at."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.strata.mask.classes import MaskClass
from downcore.strata.segment import Pixels

VIEW_PX_PER_CM = 20
"""Scale of a view, along and across; finer scans are averaged, coarser ones interpolated."""

MAX_ACROSS_CM = 100
"""Widest view; of a wider scan, or one of a wrong scale, the middle is taken."""

_SEDIMENT_FROM = 0.95
"""Share of a view's pixel that must be sediment."""

_EDGE_PX = 12
"""Outermost sediment on either side that a view leaves out, 6 mm; see :func:`view_of`."""

_MOST_EDGE = 0.15
"""Largest share of the width that it leaves out on either side."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceView:
    """One slice at 20 px/cm, over the width of the scan, at most 1 m."""

    rgb: NDArray[np.uint8]
    """sRGB counts, shape (20, n_across, 3); lines run down the core. 0 below a section's end."""
    is_sediment: NDArray[np.bool_]
    """Pixels that are sediment as good as wholly, its edges left out, shape (20, n_across)."""
    core_columns: tuple[int, int] | None = None
    """
    Columns [first, stop) between which the core's sediment lies, edges and all, (0, 0) for
    none; ``None`` for those of ``is_sediment``.
    """

    @property
    def sediment_cm2(self) -> float:
        """Area of sediment, square centimetres."""
        return float(self.is_sediment.sum()) / VIEW_PX_PER_CM**2


def view_of(lines: Pixels, classes: NDArray[np.uint8], px_per_cm: float) -> SliceView:
    """
    Return the view of one slice.

    Parameters
    ----------
    lines : ndarray, shape (n_lines, n_across, 3)
        The slice's own scan lines, 8 or 16 bit; of 16 bit the upper 8 are taken.
    classes : ndarray, shape (n_lines, n_across)
        Its mask, values of :class:`MaskClass`.
    px_per_cm : float
        Scale of the scan, the same along and across.

    Returns
    -------
    SliceView
        A short last slice fills as many of the 20 lines as it has core for. The outermost 6 mm of
        sediment on either side, at most 15 % of the width, do not count: they lie in the liner's
        shadow, are smeared when the core is split, and no logger's sensor looks there.

    Raises
    ------
    ValueError
        If ``lines`` and ``classes`` differ in size or hold no pixel.
    """
    if lines.shape[:2] != classes.shape or not classes.size:
        raise ValueError(
            f"expected a mask of the size of the lines, {lines.shape[:2]}, got {classes.shape}"
        )
    across = _middle(classes.shape[1], px_per_cm)
    lines, classes = lines[:, across], classes[:, across]
    eight = (lines >> 8 if lines.dtype == np.uint16 else lines).astype(np.uint8, copy=False)
    n_lines, n_across = classes.shape
    share = VIEW_PX_PER_CM / px_per_cm
    width = max(1, round(share * n_across))
    # A slice has a whole number of lines, a centimetre of core need not have.
    is_whole = n_lines + 1 > px_per_cm
    height = VIEW_PX_PER_CM if is_whole else min(max(1, round(share * n_lines)), VIEW_PX_PER_CM)
    rgb = np.zeros((VIEW_PX_PER_CM, width, 3), np.uint8)
    is_sediment = np.zeros((VIEW_PX_PER_CM, width), np.bool_)
    method = cv2.INTER_AREA if share < 1.0 else cv2.INTER_LINEAR
    size = (width, height)
    rgb[:height] = cv2.resize(np.ascontiguousarray(eight), size, interpolation=method)
    sediment = (classes == MaskClass.SEDIMENT).view(np.uint8) * np.uint8(255)
    shares = np.asarray(cv2.resize(sediment, size, interpolation=method))
    is_sediment[:height] = shares >= _SEDIMENT_FROM * 255.0
    first, stop = sediment_columns(is_sediment[:height])
    if stop:
        edge = edge_px(stop - first)
        is_sediment[:, : first + edge] = False
        is_sediment[:, stop - edge :] = False
    return SliceView(rgb, is_sediment, (first, stop))


def edge_px(width_px: int) -> int:
    """Return how many pixels of sediment a view leaves out on either side, by its width."""
    return min(_EDGE_PX, int(_MOST_EDGE * width_px))


def _middle(n_across: int, px_per_cm: float) -> slice:
    """Return the columns of a scan that a view holds."""
    n_kept = min(n_across, round(MAX_ACROSS_CM * px_per_cm))
    first = (n_across - n_kept) // 2
    return slice(first, first + n_kept)


def sediment_columns(is_sediment: NDArray[np.bool_], least_share: float = 0.3) -> tuple[int, int]:
    """Return the columns [first, stop) between which sediment lies; (0, 0) for none."""
    columns = np.flatnonzero(is_sediment.mean(axis=0) >= least_share)
    return (int(columns[0]), int(columns[-1]) + 1) if columns.size else (0, 0)
