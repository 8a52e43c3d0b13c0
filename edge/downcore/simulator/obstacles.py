"""Painting of artefacts: bands, cracks, holes, tags and glints."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downcore.simulator.appearance import Frame
from downcore.simulator.scenery import blend, cover
from downcore.strata.mask.classes import MaskClass

_INK = (34.0, 32.0, 44.0)
DARK = (27.0, 24.0, 19.0)
"""Colour of an opening, R, G, B in counts."""


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

    def around(
        self, z_mm: float, x_mm: float, reach_mm: tuple[float, float]
    ) -> tuple[slice, slice] | None:
        """Return the :meth:`window` that reaches so far down and across from a point."""
        down, across = reach_mm
        return self.window((z_mm - down, z_mm + down), (x_mm - across, x_mm + across))

    def mark(
        self, rows: slice, columns: slice, share: NDArray[np.float32], mask_class: MaskClass
    ) -> None:
        """Assign the class to pixels that are mostly covered."""
        self.classes[rows, columns][share > 0.5] = mask_class  # noqa: PLR2004 -- most of the pixel


@dataclass(frozen=True, slots=True)
class Band:
    """An artefact across the whole core: an end gap, foam or a void."""

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
        blend(planes, share, tuple(c * tone for c in self.colour))
        view.mark(rows, columns, share, self.mask_class)

    def _paint_foam(
        self, view: View, rows: slice, share: NDArray[np.float32], inside: NDArray[np.float64]
    ) -> None:
        columns = slice(None)
        planes = view.planes[:, rows]
        blend(planes, share, DARK)
        view.mark(rows, columns, share, MaskClass.VOID)
        x = view.frame.x_mm + 0.3 * view.mottle[rows]
        within = np.minimum(inside - 0.25, np.minimum(x - self.x_mm[0], self.x_mm[1] - x))
        share = cover(within, view.frame.pitch_mm)
        grit = view.grit[rows]
        tone = 1.0 + 0.02 * view.mottle[rows] + 0.025 * np.minimum(grit, 0.5)
        tone *= 0.86 + 0.14 * np.clip(within / 1.5, 0.0, 1.0).astype(np.float32)
        blend(planes, share, tuple(c * tone for c in self.colour))
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
        found = view.around(self.z_mm, self.x_mm, (rise, self.half_length_mm))
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
        blend(planes, share, DARK)
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
        found = view.around(self.z_mm, self.x_mm, (2.0 * self.half_z_mm, 2.0 * self.half_x_mm))
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
        found = view.around(self.z_mm, self.x_mm, (reach, reach))
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
    """A specular streak, added to the light and not to the surface."""

    z_mm: float
    x_mm: float
    length_mm: float
    half_mm: float
    angle: float
    peak: float

    def paint(self, view: View) -> None:
        """Add it to lit planes; over-exposed pixels become ``GLARE``."""
        reach = 2.2 * self.length_mm + 1.0
        found = view.around(self.z_mm, self.x_mm, (reach, reach))
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
