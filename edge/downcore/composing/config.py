"""With what a station composes: tables, superpixels, regions, and whose values count."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from downcore.ports import RegionRefiner
from downcore.strata.depth import LineScale
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.unmixing.identifiability import most_groups
from downcore.strata.unmixing.mixing_calibration import MixingCalibration
from downcore.strata.unmixing.observations import ROWS

ALGORITHM = 3
"""Goes up when the same settings give other numbers, so that old and new rows stay apart."""

EXACT = "exact"
"""The solver of compositions whose description names none."""

if TYPE_CHECKING:
    # Loads the compiler of the kernels, which nobody pays who composes nothing.
    from downcore.strata.superpixels.stream import SuperpixelStream

CutSuperpixels: TypeAlias = "Callable[[SuperpixelSettings, LineScale, int], SuperpixelStream]"
"""Begins the superpixels of a section of so many pixels across."""


@dataclass(frozen=True, slots=True, eq=False)
class TableInUse:
    """An end-member table with the model that uses it."""

    name: str
    sha256: str
    """Of the table's text."""
    calibration: MixingCalibration
    known_sha256: str = ""
    """Of the rows of known composition that it was calibrated on; empty for none."""

    @property
    def description(self) -> dict[str, str | int | float | None]:
        """What the store keeps of the table."""
        calibration = self.calibration
        known: dict[str, str | int | float | None] = {
            "known_slices": calibration.n_known,
            "known_sha256": self.known_sha256,
            "areal_weight": calibration.model.mixing.areal_weight,
            "error_left_out": calibration.error if calibration.n_known else None,
            "error_of_mean": calibration.mean_error if calibration.n_known else None,
        }
        return {"name": self.name, "sha256": self.sha256, **known}

    def holds(self, rows: tuple[str, ...]) -> bool:
        """Return whether these observations can hold the table's groups at all."""
        return len(self.calibration.model.library.groups) <= most_groups(rows)


@dataclass(frozen=True, slots=True, eq=False)
class CompositionConfig:
    """Everything that a composition depends on beside the core."""

    tables: tuple[TableInUse, ...]
    """In order of preference: the first whose groups a slice's observations can hold is used."""
    bundle_ids: tuple[str, ...]
    """
    Bundles that run, each of which judges whether a slice is like its cores. The first one's
    density, vp and ms count; measured ones always do.
    """
    superpixels: SuperpixelSettings
    superpixel_backend: str
    """Name of what cuts superpixels."""
    cut: CutSuperpixels
    refiner: RegionRefiner
    """Joins superpixels to regions."""
    refiner_version: str = ""
    """What tells the refiner from others of its name: its settings and its network."""
    solver: str = EXACT
    """Name of what solves for the fractions of minerals."""
    measured_sha256: str = ""
    """Of the measured rows that stand before predictions; empty for none."""

    def __post_init__(self) -> None:
        if not self.tables:
            raise ValueError("expected one end-member table or more, got none")
        names = [one.name for one in self.tables]
        if len(set(names)) != len(names):
            raise ValueError(f"expected tables of different names, got {', '.join(names)}")

    @property
    def composer_id(self) -> str:
        """Identity of all of it, 16 hex digits."""
        return hashlib.sha256(self.description.encode()).hexdigest()[:16]

    @property
    def description(self) -> str:
        """What the store keeps of it, as JSON."""
        content: dict[str, Any] = {
            "algorithm": ALGORITHM,
            "tables": [table.description for table in self.tables],
            "bundle_ids": list(self.bundle_ids),
            "measured_sha256": self.measured_sha256,
            "superpixels": asdict(self.superpixels),
            "superpixel_backend": self.superpixel_backend,
            "regions": self.refiner.name,
            "regions_version": self.refiner_version,
        }
        # Rows from before there was a choice keep their composer.
        if self.solver != EXACT:
            content["solver"] = self.solver
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    def table_for(self, rows: tuple[str, ...]) -> TableInUse:
        """
        Return the first table that these observations can hold, else the last.

        Of a slice without any, the first table says that nothing is known.
        """
        if not rows:
            return self.tables[0]
        return next((one for one in self.tables if one.holds(rows)), self.tables[-1])


def rows_present(is_known: tuple[bool, ...]) -> tuple[str, ...]:
    """Return the names of the observations that there are."""
    return tuple(name for name, known in zip(ROWS, is_known, strict=True) if known)
