"""What is in the way: end gaps, foam, voids, cracks, tags and glare."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame
from downcore.simulator.scenery import blend, cover
from downcore.strata.mask_classes import MaskClass

_FOAMS = ((240.0, 240.0, 236.0), (232.0, 230.0, 220.0), (226.0, 214.0, 168.0), (222.0, 186.0, 190.0))
_PAPERS = ((244.0, 243.0, 238.0), (240.0, 226.0, 120.0), (244.0, 186.0, 190.0), (176.0, 208.0, 236.0))
_INK = (34.0, 32.0, 44.0)
_DARK = (27.0, 24.0, 19.0)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A block of lines being painted; the arrays are changed in place."""

    frame: Frame
    z_mm: NDArray[np.float64]
    planes: NDArray[np.float32]
    classes: NDArray[np.uint8]
    mottle: NDArray[np.float32]
    grit: NDArray[np.float32]

    def window(
        self, z_mm: tuple[float, float], x_mm: tuple[float, float]
    ) -> tuple[slice, slice] | None:
        """Return rows and columns of a part of the image, ``None`` if it is not in the block."""
        if z_mm[1] < self.z_mm[0] - self.frame.pitch_mm or z_mm[0] > (
            self.z_mm[-1] + self.frame.pitch_mm
        ):
            return None
        first, last = np.searchsorted(self.z_mm, z_mm)
        left, right = np.searchsorted(self.frame.x_mm, x_mm)
        if first >= last or left >= right:
            return None
        return slice(int(first), int(last)), slice(int(left), int(right))

    def mark(
        self, rows: slice, columns: slice, share: NDArray[np.float32], mask_class: MaskClass
    ) -> None:
        """Give the class to pixels of which most is covered."""
        self.classes[rows, columns][share > 0.5] = mask_class  # noqa: PLR2004 -- most of the pixel


@dataclass(frozen=True, slots=True)
class Band:
    """Something that fills the core from side to side: an end gap, foam or a void."""

    z_mm: tuple[float, float]
    mask_class: MaskClass
    colour: tuple[float, ...]
    ragged_mm: float
    tilt: float
    x_mm: tuple[float, float]

    def paint(self, view: View) -> None:
        """Paint it."""
        reach = 4.0 * self.ragged_mm + abs(self.tilt) * view.frame.width_mm / 2.0 + 1.0
        found = view.window((self.z_mm[0] - reach, self.z_mm[1] + reach), (-1.0, 1e6))
        if found is None:
            return
        rows, columns = found
        mottle = view.mottle[rows, columns]
        z = view.z_mm[rows, None] + self.ragged_mm * mottle
        z = z + self.tilt * (view.frame.x_mm - 0.5 * view.frame.width_mm)
        inside = np.minimum(z - self.z_mm[0], self.z_mm[1] - z)
        share = cover(inside, view.frame.pitch_mm)
        planes = view.planes[:, rows, columns]
        if self.mask_class == MaskClass.FOAM:
            self._paint_foam(view, rows, share, inside)
            return
        tone = 1.0 + 0.10 * mottle + 0.06 * view.grit[rows, columns]
        tone *= 0.75 + 0.25 * np.clip(inside / 2.0, 0.0, 1.0).astype(np.float32)
        blend(planes, share, tuple(c * tone for c in self.colour))  # type: ignore[arg-type]
        view.mark(rows, columns, share, self.mask_class)

    def _paint_foam(
        self, view: View, rows: slice, share: NDArray[np.float32], inside: NDArray[np.float64]
    ) -> None:
        columns = slice(None)
        planes = view.planes[:, rows]
        blend(planes, share, _DARK)
        view.mark(rows, columns, share, MaskClass.VOID)
        x = view.frame.x_mm + 0.3 * view.mottle[rows]
        within = np.minimum(inside - 0.25, np.minimum(x - self.x_mm[0], self.x_mm[1] - x))
        share = cover(within, view.frame.pitch_mm)
        grit = view.grit[rows]
        tone = 1.0 + 0.02 * view.mottle[rows] + 0.025 * np.minimum(grit, 0.5)
        tone *= 0.86 + 0.14 * np.clip(within / 1.5, 0.0, 1.0).astype(np.float32)
        blend(planes, share, tuple(c * tone for c in self.colour))  # type: ignore[arg-type]
        view.mark(rows, columns, share, MaskClass.FOAM)


@dataclass(frozen=True, slots=True)
class Crack:
    """A thin dark opening across part of the core."""

    z_mm: float
    x_mm: float
    half_length_mm: float
    half_mm: float
    slope: float
    bends: tuple[float, ...]

    def paint(self, view: View) -> None:
        """Paint it."""
        rise = abs(self.slope) * self.half_length_mm + 4.5 + 4.0 * self.half_mm
        found = view.window(
            (self.z_mm - rise, self.z_mm + rise),
            (self.x_mm - self.half_length_mm, self.x_mm + self.half_length_mm),
        )
        if found is None:
            return
        rows, columns = found
        dx = view.frame.x_mm[columns] - self.x_mm
        along = dx / self.half_length_mm
        path = self.z_mm + self.slope * dx
        for k, bend in enumerate(self.bends):
            path = path + bend * np.sin((0.05 + 0.13 * k) * (1.0 + abs(bend)) * dx + 9.0 * bend)
        mottle = view.mottle[rows, columns]
        away = np.abs(view.z_mm[rows, None] - path + 0.07 * mottle)
        half = self.half_mm * np.sqrt(np.clip(1.0 - along**2, 0.0, 1.0)) * (1.0 + 0.6 * mottle)
        half = np.maximum(half, 0.0)
        share = cover(half - away, view.frame.pitch_mm)
        share *= np.minimum(1.0, 2.0 * half / view.frame.pitch_mm).astype(np.float32)
        planes = view.planes[:, rows, columns]
        planes *= 1.0 - 0.25 * np.exp(-np.maximum(away - half, 0.0) / 0.3).astype(np.float32)
        blend(planes, share, _DARK)
        view.mark(rows, columns, share, MaskClass.VOID)


@dataclass(frozen=True, slots=True)
class Hole:
    """A pit in the surface: lost sediment or a sample that was taken."""

    z_mm: float
    x_mm: float
    half_z_mm: float
    half_x_mm: float

    def paint(self, view: View) -> None:
        """Paint it."""
        found = view.window(
            (self.z_mm - 2.0 * self.half_z_mm, self.z_mm + 2.0 * self.half_z_mm),
            (self.x_mm - 2.0 * self.half_x_mm, self.x_mm + 2.0 * self.half_x_mm),
        )
        if found is None:
            return
        rows, columns = found
        far = np.hypot(
            (view.z_mm[rows, None] - self.z_mm) / self.half_z_mm,
            (view.frame.x_mm[columns] - self.x_mm) / self.half_x_mm,
        )
        mottle = view.mottle[rows, columns]
        inside = (1.0 + 0.3 * mottle - far) * min(self.half_z_mm, self.half_x_mm)
        share = cover(inside, view.frame.pitch_mm)
        planes = view.planes[:, rows, columns]
        floor = planes * (0.26 - 0.1 * np.clip(inside / 2.0, 0.0, 1.0)) * (1.0 + 0.2 * mottle)
        blend(planes, share, floor.astype(np.float32))
        view.mark(rows, columns, share, MaskClass.VOID)


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """A paper tag with writing, or the round head of a numbered pin."""

    z_mm: float
    x_mm: float
    half_z_mm: float
    half_x_mm: float
    angle: float
    is_pin: bool
    paper: tuple[float, ...]
    marks: NDArray[np.bool_]
    """Ink on a lattice of 0.35 mm."""

    def paint(self, view: View) -> None:
        """Paint it."""
        reach = math.hypot(self.half_z_mm, self.half_x_mm) + 1.0
        found = view.window(
            (self.z_mm - reach, self.z_mm + reach), (self.x_mm - reach, self.x_mm + reach)
        )
        if found is None:
            return
        rows, columns = found
        dz = view.z_mm[rows, None] - self.z_mm
        dx = view.frame.x_mm[columns] - self.x_mm
        u = dx * math.cos(self.angle) + dz * math.sin(self.angle)
        v = dz * math.cos(self.angle) - dx * math.sin(self.angle)
        if self.is_pin:
            far = np.hypot(u / self.half_x_mm, v / self.half_z_mm)
            inside = (1.0 - far) * self.half_z_mm
        else:
            inside = np.minimum(self.half_x_mm - np.abs(u), self.half_z_mm - np.abs(v))
        planes = view.planes[:, rows, columns]
        planes *= 1.0 - 0.35 * np.exp(-(((inside + 0.25) / 0.35) ** 2)).astype(np.float32)
        share = cover(inside, view.frame.pitch_mm)
        blend(planes, share, self.paper)
        row = ((v + self.half_z_mm) / 0.35).astype(np.intp) % self.marks.shape[0]
        column = ((u + self.half_x_mm) / 0.35).astype(np.intp) % self.marks.shape[1]
        ink = self.marks[row, column] & (inside > 0.8)  # noqa: PLR2004 -- the paper's margin, mm
        blend(planes, share * (0.85 * ink).astype(np.float32), _INK)
        view.mark(rows, columns, share, MaskClass.TAG)


@dataclass(frozen=True, slots=True)
class Glint:
    """A specular streak; it is added to light and not to the surface."""

    z_mm: float
    x_mm: float
    length_mm: float
    half_mm: float
    angle: float
    peak: float

    def paint(self, view: View) -> None:
        """Add it to lit planes; what it blows out becomes ``GLARE``."""
        reach = 2.2 * self.length_mm + 1.0
        found = view.window(
            (self.z_mm - reach, self.z_mm + reach), (self.x_mm - reach, self.x_mm + reach)
        )
        if found is None:
            return
        rows, columns = found
        dz = view.z_mm[rows, None] - self.z_mm
        dx = view.frame.x_mm[columns] - self.x_mm
        u = (dx * math.cos(self.angle) + dz * math.sin(self.angle)) / self.length_mm
        wide = math.hypot(self.half_mm, 0.4 * view.frame.pitch_mm)
        v = (dz * math.cos(self.angle) - dx * math.sin(self.angle)) / wide + u * u
        peak = self.peak * self.half_mm / wide
        light = (peak * np.exp(-(u**2) - v**2)).astype(np.float32)
        light *= np.maximum(1.0 + 0.35 * view.mottle[rows, columns], 0.0)
        planes = view.planes[:, rows, columns]
        planes += 255.0 * light
        blown = (planes.min(axis=0) > 250.0) & (light > 0.25)  # noqa: PLR2004 -- white by this light
        classes = view.classes[rows, columns]
        surface = np.isin(classes, (MaskClass.SEDIMENT, MaskClass.VOID, MaskClass.TRAY))
        classes[blown & surface] = MaskClass.GLARE


def _writing(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return rows of strokes with gaps between letters and between lines."""
    marks = rng.random((32, 72)) < 0.55  # noqa: PLR2004 -- share of ink in a letter
    marks[:, ::4] = False
    marks[np.arange(32) % 8 >= 5] = False  # noqa: PLR2004 -- letters are five strokes tall
    marks[:, rng.integers(24, 60) :] = False
    return marks


class Artefacts:
    """
    All that is in the way in one core.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where they come from.
    frame : Frame
        Where the pixels lie.
    core_mm : tuple of float
        Left and right edge of the sediment.
    bed : tuple of float
        Colour of what is seen where there is no core.
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
        """Paint what lies in the core."""
        for crack in self._openings:
            crack.paint(view)
        for band in self._bands:
            band.paint(view)

    def paint_tags(self, view: View) -> None:
        """Paint what lies on core and liner."""
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
            add(middle, middle + rng.uniform(3.0, 22.0), MaskClass.VOID, _DARK)
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
            for _ in range(int(rng.integers(2, 14))):
                glints.append(
                    Glint(
                        z_mm=z + rng.normal(0.0, 5.0),
                        x_mm=x + rng.normal(0.0, 6.0),
                        length_mm=float(rng.lognormal(math.log(1.2), 0.7)),
                        half_mm=rng.uniform(0.12, 0.5),
                        angle=angle + rng.normal(0.0, 0.3),
                        peak=rng.uniform(0.4, 2.2),
                    )
                )
        return tuple(glints)
