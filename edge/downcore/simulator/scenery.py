"""Surroundings of the core: its irregular edges, the liner, the bed, a ruler or a colour card."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame
from downcore.simulator.fields import correlated
from downcore.strata.mask.classes import MaskClass

_BEDS = (
    (46.0, 44.0, 50.0),
    (62.0, 54.0, 58.0),
    (38.0, 40.0, 44.0),
    (104.0, 104.0, 102.0),
    (178.0, 166.0, 126.0),
    (52.0, 60.0, 96.0),
)
"""Colours of the scanner's bed: anodised, grey, wooden and painted."""

_LINERS = (
    (168.0, 170.0, 168.0),
    (196.0, 196.0, 190.0),
    (126.0, 130.0, 130.0),
    (206.0, 202.0, 186.0),
)
"""Colours of plastic liners."""

_PATCHES = (
    (52.0, 52.0, 52.0),
    (122.0, 122.0, 121.0),
    (243.0, 243.0, 242.0),
    (175.0, 54.0, 60.0),
    (70.0, 148.0, 73.0),
    (56.0, 61.0, 150.0),
    (231.0, 199.0, 31.0),
    (8.0, 133.0, 161.0),
)
_PATCH_MM = 9.0


def cover(distance_mm: NDArray[np.floating[Any]], pitch_mm: float) -> NDArray[np.float32]:
    """Return the share of each pixel inside a shape, from its distance to the edge."""
    share: NDArray[np.floating[Any]] = np.clip(distance_mm / pitch_mm + 0.5, 0.0, 1.0)
    return share.astype(np.float32)


def blend(
    planes: NDArray[np.float32],
    share: NDArray[np.float32],
    colour: Iterable[NDArray[np.floating[Any]] | float],
) -> None:
    """Lay ``colour`` over ``planes``, shape (3, n, m), by ``share``, shape (n, m), in place."""
    for plane, tone in zip(planes, colour, strict=True):
        np.add(plane, share * (tone - plane), out=plane, casting="same_kind")


class _Side:
    """One side of the core, seen from its outer edge inwards."""

    def __init__(self, rng: np.random.Generator, frame: Frame, scale: float) -> None:
        n = int(np.ceil(frame.length_mm)) + 20
        self._strip = int(rng.choice(3, p=(0.62, 0.25, 0.13)))
        self.margin_mm = scale * (rng.uniform(9.0, 11.0) if self._strip else rng.uniform(4.5, 9.0))
        wander = 0.30 * correlated(rng, n, 90.0, order=2) + 0.06 * correlated(rng, n, 3.0)
        self.edge_mm = self.margin_mm + scale * wander
        self._thick_mm = scale * rng.uniform(1.8, 3.0)
        straight_mm = self.margin_mm - self._thick_mm
        self._outer_mm = straight_mm + 0.12 * correlated(rng, n, 200.0, order=2)
        self._sheen = rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.35)
        self._shadow = rng.uniform(0.35, 0.75)
        self._smear = rng.uniform(0.0, 0.35)
        start = rng.uniform(-0.5, 0.4) * frame.length_mm
        self._strip_mm = (start, start + rng.uniform(0.3, 1.6) * frame.length_mm)
        if self._strip > 1:
            self._strip_mm = (max(start, 0.0), max(start, 0.0) + _PATCH_MM * len(_PATCHES))
        self._yellow = rng.random() < 0.5  # noqa: PLR2004 -- an even chance
        self._strip_width_mm = scale * rng.uniform(3.6, 5.0)

    def paint(
        self,
        planes: NDArray[np.float32],
        classes: NDArray[np.uint8],
        z_mm: NDArray[np.float64],
        look: "_Look",
    ) -> None:
        """Paint this side on a view whose first column is the image's outer edge."""
        mm = np.arange(self.edge_mm.size, dtype=np.float64)
        edge = np.interp(z_mm, mm, self.edge_mm)
        outer = np.interp(z_mm, mm, self._outer_mm)
        n = min(int((edge.max() + 3.0) / look.pitch_mm) + 1, planes.shape[2])
        planes, classes, grit = planes[:, :, :n], classes[:, :n], look.grit[:, :n]
        x_mm = (np.arange(n, dtype=np.float64) + 0.5) * look.pitch_mm
        inside = edge[:, None] - x_mm
        beyond = outer[:, None] - x_mm
        planes *= 1.0 - self._smear * np.exp(np.minimum(inside, 0.0) / 0.9).astype(np.float32)
        share = cover(inside, look.pitch_mm)
        up = (inside / self._thick_mm).astype(np.float32)
        shine = 1.0 + self._sheen[1] * np.exp(-(((up - self._sheen[0]) / 0.12) ** 2))
        shine *= 1.0 - self._shadow * np.exp(-np.maximum(up, 0.0) / 0.14)
        shine *= 1.0 + 0.015 * grit
        blend(planes, share, tuple(tone * shine for tone in look.liner))
        classes[share > 0.5] = MaskClass.TRAY  # noqa: PLR2004 -- most of the pixel
        share = cover(beyond, look.pitch_mm)
        gloom = (1.0 - 0.35 * np.exp(-np.maximum(beyond, 0.0) / 0.8)).astype(np.float32)
        gloom *= 1.0 + 0.03 * grit
        blend(planes, share, tuple(tone * gloom for tone in look.bed))
        classes[share > 0.5] = MaskClass.OUTSIDE  # noqa: PLR2004 -- most of the pixel
        if self._strip:
            self._paint_strip(planes, classes, z_mm, x_mm)

    def _paint_strip(
        self,
        planes: NDArray[np.float32],
        classes: NDArray[np.uint8],
        z_mm: NDArray[np.float64],
        x_mm: NDArray[np.float64],
    ) -> None:
        pitch = float(x_mm[0]) * 2.0
        first = 0.6
        last = first + self._strip_width_mm
        across = cover(np.minimum(x_mm - first, last - x_mm), pitch)
        down = cover(np.minimum(z_mm - self._strip_mm[0], self._strip_mm[1] - z_mm), pitch)
        share = down[:, None] * across
        if not share.any():
            return
        if self._strip > 1:
            place = np.clip((z_mm - self._strip_mm[0]) / _PATCH_MM, 0.0, len(_PATCHES) - 1.0)
            patches = np.array(_PATCHES, dtype=np.float32)[place.astype(np.intp)]
            blend(planes, share, patches.T[:, :, None])
        else:
            paper = (214.0, 192.0, 62.0) if self._yellow else (226.0, 226.0, 220.0)
            blend(planes, share, paper)
            blend(planes, share * self._ticks(z_mm, x_mm - first, pitch), (30.0, 28.0, 26.0))
        classes[share > 0.5] = MaskClass.TAG  # noqa: PLR2004 -- most of the pixel

    def _ticks(
        self, z_mm: NDArray[np.float64], x_mm: NDArray[np.float64], pitch: float
    ) -> NDArray[np.float32]:
        whole = np.round(z_mm)
        line = cover(0.11 - np.abs(z_mm - whole), pitch) * min(1.0, 0.22 / pitch)
        long = np.where(whole % 10 == 0, 0.8, np.where(whole % 5 == 0, 0.5, 0.3))
        ticks = line[:, None] * (x_mm < long[:, None] * self._strip_width_mm)
        # A figure beside each centimetre, as a blot of ink in the shape of strokes.
        figure = (np.abs(z_mm - 10.0 * np.round(z_mm / 10.0) - 2.0) < 1.0)[:, None] & (
            np.abs(x_mm - 0.6 * self._strip_width_mm) < 0.7  # noqa: PLR2004 -- 1.4 mm wide
        )
        stroke = (np.floor(z_mm / 0.5)[:, None] + np.floor(x_mm / 0.45)) % 3 == 0
        ink: NDArray[np.floating[Any]] = np.maximum(ticks, 0.8 * (figure & stroke))
        return ink.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """Colours and grit that both sides share."""

    pitch_mm: float
    liner: tuple[float, ...]
    bed: tuple[float, ...]
    grit: NDArray[np.float32]


class Scenery:
    """
    The two sides of the core: liner (``TRAY``), bed (``OUTSIDE``) and strips (``TAG``).

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the surroundings.
    frame : Frame
        Positions of the pixels; all sizes shrink with a narrower image.
    """

    def __init__(self, rng: np.random.Generator, frame: Frame) -> None:
        scale = frame.width_mm / 70.0
        self._pitch_mm = frame.pitch_mm
        self._left = _Side(rng, frame, scale)
        self._right = _Side(rng, frame, scale)
        self._bed = tuple(_BEDS[int(rng.integers(len(_BEDS)))])
        self._liner = tuple(_LINERS[int(rng.integers(len(_LINERS)))])
        self.core_mm = (self._left.margin_mm, frame.width_mm - self._right.margin_mm)
        """Mean position of the sediment across the image."""

    @property
    def bed(self) -> tuple[float, ...]:
        """Colour of the bed, R, G, B in counts."""
        return self._bed

    def paint(
        self,
        planes: NDArray[np.float32],
        classes: NDArray[np.uint8],
        z_mm: NDArray[np.float64],
        grit: NDArray[np.float32],
    ) -> None:
        """Paint both sides, in place."""
        look = _Look(self._pitch_mm, self._liner, self._bed, grit)
        self._left.paint(planes, classes, z_mm, look)
        look = _Look(self._pitch_mm, self._liner, self._bed, grit[:, ::-1])
        self._right.paint(planes[:, :, ::-1], classes[:, ::-1], z_mm, look)
