"""Where a region lies, how large it is and what form it has."""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RegionShape:
    """One region as far as it can be seen."""

    label: int
    """Its number."""
    area_um2: float
    """Area, in square micrometres."""
    linear_rgb: tuple[float, float, float]
    """Mean red, green and blue in linear light, 0 to 1."""
    line: float
    """Line of its centre, counted as labels were handed in."""
    column: float
    """Column of its centre."""
    major_um: float
    """Longer axis of the ellipse of the same second moments; 0 for a single pixel."""
    minor_um: float
    """Shorter axis of that ellipse; 0 for a line of pixels."""
    orientation_deg: float
    """
    Angle from the core's axis, pointing down, to the longer axis, counter-clockwise, above -90
    to 90; 0 where both axes are equal.
    """
    sphericity: float
    """Shorter over longer axis, 0 to 1; 1 for a single pixel."""
    perimeter_um: float
    """Length of its outline, inner ones included, by Crofton's formula."""
    roundness: float
    """Area over that of a circle of the same perimeter, 0 to 1."""
    is_cut: bool
    """Whether it touches what is no sediment, or the edge of the picture."""

    @property
    def diameter_um(self) -> float:
        """Diameter of a circle of the same area."""
        return 2.0 * math.sqrt(self.area_um2 / math.pi)

    @property
    def eccentricity(self) -> float:
        """Of the ellipse of the same second moments: 0 for a circle, towards 1 for a line."""
        return math.sqrt(1.0 - self.sphericity**2)


@dataclass(frozen=True, slots=True, eq=False)
class RegionShapes:
    """The regions of a picture, each field an array with one entry a region; see RegionShape."""

    label: NDArray[np.int32]
    area_um2: NDArray[np.float64]
    linear_rgb: NDArray[np.float64]
    """Shape (n, 3)."""
    line: NDArray[np.float64]
    column: NDArray[np.float64]
    major_um: NDArray[np.float64]
    minor_um: NDArray[np.float64]
    orientation_deg: NDArray[np.float64]
    sphericity: NDArray[np.float64]
    perimeter_um: NDArray[np.float64]
    roundness: NDArray[np.float64]
    is_cut: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many regions there are."""
        return self.label.size

    @property
    def diameter_um(self) -> NDArray[np.float64]:
        """Diameters of circles of the same areas."""
        return 2.0 * np.sqrt(self.area_um2 / np.pi)

    @property
    def eccentricity(self) -> NDArray[np.float64]:
        """Of the ellipses of the same second moments."""
        eccentricity: NDArray[np.float64] = np.sqrt(1.0 - self.sphericity**2)
        return eccentricity

    def one(self, index: int) -> RegionShape:
        """Return one region by its place in the arrays."""
        cells: dict[str, Any] = {
            f.name: getattr(self, f.name)[index].tolist() for f in fields(self)
        }
        cells["linear_rgb"] = tuple(cells["linear_rgb"])
        return RegionShape(**cells)
