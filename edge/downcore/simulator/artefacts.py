"""Artefacts of one core and their positions: end gaps, foam, voids, cracks, tags and glare."""

import math

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame
from downcore.simulator.obstacles import DARK, Band, Crack, Glint, Hole, Tag, View
from downcore.strata.mask.classes import MaskClass

_FOAMS = (
    (240.0, 240.0, 236.0),
    (232.0, 230.0, 220.0),
    (226.0, 214.0, 168.0),
    (222.0, 186.0, 190.0),
)
_PAPERS = (
    (244.0, 243.0, 238.0),
    (240.0, 226.0, 120.0),
    (244.0, 186.0, 190.0),
    (176.0, 208.0, 236.0),
)


def _writing(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return rows of strokes with gaps between letters and between lines."""
    marks = rng.random((32, 72)) < 0.55  # noqa: PLR2004 -- share of ink in a letter
    marks[:, ::4] = False
    marks[np.arange(32) % 8 >= 5] = False  # noqa: PLR2004 -- letters are five strokes tall
    marks[:, rng.integers(24, 60) :] = False
    return marks


class Artefacts:
    """
    All artefacts of one core.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the artefacts.
    frame : Frame
        Positions of the pixels.
    core_mm : tuple of float
        Left and right edge of the sediment.
    bed : tuple of float
        Colour of the bed, visible where there is no core.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        frame: Frame,
        core_mm: tuple[float, float],
        bed: tuple[float, ...],
    ) -> None:
        self._length_mm = frame.length_mm
        self._core_mm = core_mm
        self._bands = self._place_bands(rng, tuple(0.7 * c + 8.0 for c in bed))
        self._openings = self._place_openings(rng)
        self._tags = self._place_tags(rng)
        self._glints = self._place_glints(rng)

    def blocked(self, n_mm: int) -> NDArray[np.bool_]:
        """Return which millimetres hold no core, shape (n_mm,)."""
        mm = np.arange(n_mm) + 0.5
        blocked = np.zeros(n_mm, dtype=bool)
        for band in self._bands:
            blocked |= (mm > band.z_mm[0]) & (mm < band.z_mm[1])
        return blocked

    def paint_core(self, view: View) -> None:
        """Paint the artefacts within the core."""
        for crack in self._openings:
            crack.paint(view)
        for band in self._bands:
            band.paint(view)

    def paint_tags(self, view: View) -> None:
        """Paint the artefacts on core and liner."""
        for tag in self._tags:
            tag.paint(view)

    def paint_glare(self, view: View) -> None:
        """Add glare to lit planes."""
        for glint in self._glints:
            glint.paint(view)

    def _n(self, rng: np.random.Generator, per_metre: float) -> int:
        return int(rng.poisson(per_metre * self._length_mm / 1000.0))

    def _place_bands(self, rng: np.random.Generator, floor: tuple[float, ...]) -> tuple[Band, ...]:
        foam = _FOAMS[int(rng.choice(len(_FOAMS), p=(0.5, 0.2, 0.15, 0.15)))]
        bands: list[Band] = []

        def add(start: float, end: float, kind: MaskClass, colour: tuple[float, ...]) -> None:
            ragged = 0.1 if kind == MaskClass.FOAM else rng.uniform(0.2, 0.6)
            slim = rng.uniform(0.2, 2.0, 2)
            sides = (self._core_mm[0] + slim[0], self._core_mm[1] - slim[1])
            bands.append(Band((start, end), kind, colour, ragged, rng.normal(0.0, 0.025), sides))

        for at_top in (True, False):
            edge = 0.0
            room = 0.2 * self._length_mm
            ends: list[tuple[float, float, MaskClass, tuple[float, ...]]] = []
            if rng.random() < 0.35:  # noqa: PLR2004 -- share of ends with a gap
                gap = min(rng.uniform(4.0, 25.0), room / 2.0)
                ends.append((-40.0, gap, MaskClass.OUTSIDE, floor))
                edge = gap
            if rng.random() < 0.45:  # noqa: PLR2004 -- share of ends with foam
                block = min(rng.uniform(10.0, 45.0), room)
                ends.append((edge - (0.0 if edge else 5.0), edge + block, MaskClass.FOAM, foam))
            for start, end, kind, colour in ends:
                if at_top:
                    add(start, end, kind, colour)
                else:
                    add(self._length_mm - end, self._length_mm - start, kind, colour)
        for _ in range(self._n(rng, 0.5)):
            middle = rng.uniform(0.1, 0.9) * self._length_mm
            add(middle, middle + rng.uniform(6.0, 24.0), MaskClass.FOAM, foam)
        for _ in range(self._n(rng, 0.35)):
            middle = rng.uniform(0.05, 0.95) * self._length_mm
            add(middle, middle + rng.uniform(3.0, 22.0), MaskClass.VOID, DARK)
        return tuple(bands)

    def _place_openings(self, rng: np.random.Generator) -> tuple[Crack | Hole, ...]:
        width = self._core_mm[1] - self._core_mm[0]
        openings: list[Crack | Hole] = []
        for _ in range(self._n(rng, rng.gamma(1.5, 3.0))):
            crosses = rng.random() < 0.4  # noqa: PLR2004 -- share of cracks from side to side
            openings.append(
                Crack(
                    z_mm=rng.uniform(0.0, self._length_mm),
                    x_mm=rng.uniform(*self._core_mm),
                    half_length_mm=width * (1.1 if crosses else rng.uniform(0.05, 0.35)),
                    half_mm=float(rng.lognormal(math.log(0.3), 0.6)),
                    slope=rng.normal(0.0, 0.12),
                    bends=tuple(rng.normal(0.0, (0.9, 0.3, 0.12, 0.06))),
                )
            )
        openings.extend(
            Hole(
                z_mm=rng.uniform(0.0, self._length_mm),
                x_mm=rng.uniform(*self._core_mm),
                half_z_mm=rng.uniform(0.8, 6.0),
                half_x_mm=rng.uniform(0.8, 9.0),
            )
            for _ in range(self._n(rng, rng.gamma(1.2, 2.0)))
        )
        return tuple(openings)

    def _place_tags(self, rng: np.random.Generator) -> tuple[Tag, ...]:
        tags: list[Tag] = []
        for _ in range(self._n(rng, rng.choice([0.0, 1.5, 4.0]))):
            is_pin = bool(rng.random() < 0.4)  # noqa: PLR2004 -- share of pins among tags
            side = self._core_mm[int(rng.integers(2))]
            inwards = 1.0 if side == self._core_mm[0] else -1.0
            tags.append(
                Tag(
                    z_mm=rng.uniform(0.0, self._length_mm),
                    x_mm=side + inwards * rng.uniform(1.0, 9.0),
                    half_z_mm=rng.uniform(1.6, 2.6) if is_pin else rng.uniform(2.5, 5.0),
                    half_x_mm=rng.uniform(2.2, 3.5) if is_pin else rng.uniform(4.0, 9.0),
                    angle=rng.normal(0.0, 0.12),
                    is_pin=is_pin,
                    paper=_PAPERS[int(rng.choice(len(_PAPERS), p=(0.6, 0.2, 0.1, 0.1)))],
                    marks=_writing(rng),
                )
            )
        return tuple(tags)

    def _place_glints(self, rng: np.random.Generator) -> tuple[Glint, ...]:
        glints: list[Glint] = []
        for _ in range(self._n(rng, rng.choice([0.0, 2.0, 7.0], p=(0.45, 0.35, 0.2)))):
            z, x = rng.uniform(0.0, self._length_mm), rng.uniform(*self._core_mm)
            angle = rng.uniform(-1.5, 1.5)
            glints.extend(
                Glint(
                    z_mm=z + rng.normal(0.0, 5.0),
                    x_mm=x + rng.normal(0.0, 6.0),
                    length_mm=float(rng.lognormal(math.log(1.2), 0.7)),
                    half_mm=rng.uniform(0.12, 0.5),
                    angle=angle + rng.normal(0.0, 0.3),
                    peak=rng.uniform(0.4, 2.2),
                )
                for _ in range(int(rng.integers(2, 14)))
            )
        return tuple(glints)
