"""The output of ``downcore bench --json``, parsed strictly, for the model card."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from downcore.strata.errors import SettingsError
from downcore.strata.properties import property_named

FIGURES = ("r2", "rmse", "mae", "bias", "spearman", "coverage90", "width90", "abstained")
"""Figures that a card shows, as the bench names them."""


LEAKING = "random-slices"
"""Protocol with test slices between training slices."""

CALIBRATED = " + first "
"""Part of the name of every protocol that uses the first rows of the test core."""


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One model on one property under one protocol."""

    protocol: str
    network: str
    property: str
    unit: str
    figures: dict[str, float | None]
    """By the names of :data:`FIGURES`; ``None`` where a figure cannot be computed."""
    n_slices: int
    n_cores: int
    reads_core_log: bool = False
    """Whether the model was given the log of the core that it is asked about."""
    sensor: str = ""
    """Kind of sensor that measured it, where cores of several kinds are in one folder."""


@dataclass(frozen=True, slots=True)
class BenchFile:
    """The figures on one folder of cores."""

    title: str
    """Which cores, for a heading."""
    rows: tuple[BenchRow, ...]


def is_of_unseen_core(row: BenchRow) -> bool:
    """Return whether the model used neither slices nor rows of the test core."""
    is_not_new = row.protocol.startswith(LEAKING) or CALIBRATED in row.protocol
    return not (is_not_new or row.reads_core_log)


def read_bench(path: Path) -> BenchFile:
    """
    Return the rows of the file ``path``; its name is the title where it gives none.

    Raises
    ------
    SettingsError
        If it cannot be read, or is not what the bench writes.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(_row(row) for row in raw["rows"])
        title = _title(raw.get("data"), path.stem)
    except OSError as error:
        raise SettingsError(f"expected figures of the bench at {path}, got {error.strerror}") from (
            error
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"expected JSON of 'downcore bench --json' at {path}, got another: {error!r}"
        ) from error
    if not rows:
        raise SettingsError(f"expected rows of the bench in {path}, got none")
    return BenchFile(title, rows)


def _title(data: Any, otherwise: str) -> str:
    """Return the bench's folder and the number of its cores."""
    if not isinstance(data, dict) or "folder" not in data:
        return otherwise
    n_cores = len(data.get("cores", ()))
    return f"{data['folder']}, {n_cores} core{'' if n_cores == 1 else 's'}"


def _row(raw: dict[str, Any]) -> BenchRow:
    known = property_named(raw["property"])
    return BenchRow(
        protocol=str(raw["protocol"]),
        network=str(raw["network"]),
        property=known.name,
        unit=str(raw["unit"]),
        figures={name: _figure(raw[name]) for name in FIGURES},
        n_slices=int(raw["n_slices"]),
        n_cores=int(raw["n_cores"]),
        reads_core_log=bool(raw.get("uses_core_labels")),
        sensor=str(raw.get("sensor") or ""),
    )


def _figure(value: Any) -> float | None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return float(value)
