"""A small folder in the form of ODP's archive: section photographs, and a log a property."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

PX_PER_CM = 20
BEYOND_CM = 2
"""Length of tray below each section in its image."""


@dataclass(frozen=True)
class ArchiveCore:
    """A core of the archive."""

    hole: str = "A"
    number: str = "1"
    site: str = "887"
    lengths_cm: tuple[int, ...] = (40, 40, 16)

    @property
    def name(self) -> str:
        return f"145-{self.site}{self.hole}-{self.number}H"


def density_of(depth_cm: float) -> float:
    """Return the density that the log says at a depth in the core, g/cm3."""
    return round(1.4 + 0.2 * float(np.sin(depth_cm / 5.0)), 3)


def write_archive(
    folder: Path, cores: Sequence[ArchiveCore] = (ArchiveCore(),), *, with_summary: bool = True
) -> None:
    """Write images, density every 2.2 cm, susceptibility every 5, and a section summary."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    start = ("leg", "site", "hole", "core", "type", "section")
    tables: dict[str, list[tuple[object, ...]]] = {
        "density.csv": [(*start, "top_cm", "depth_mbsf", "density_g_cm3")],
        "magsus.csv": [(*start, "top_cm", "depth_mbsf", "mag_sus_loop_instr")],
        "colour.csv": [(*start, "top_cm", "depth_mbsf", "L*", "a*", "b*")],
        "summary.csv": [(*start, "liner_length_m", "curated_length_m", "top_mbsf", "comment")],
    }
    for core in cores:
        top_cm = 0
        for number, length in enumerate(core.lengths_cm, start=1):
            first = ("145", core.site, core.hole, core.number, "H", number)
            for at in np.arange(0.6, length, 2.2):
                depth = top_cm + float(at)
                tables["density.csv"].append(
                    (*first, f"{at:.1f}", f"{depth / 100:.3f}", density_of(depth))
                )
            for at in np.arange(2.6, length, 5.0):
                ms = round(60 + 20 * float(np.cos((top_cm + at) / 9.0)))
                tables["magsus.csv"].append(
                    (*first, f"{at:.1f}", f"{(top_cm + float(at)) / 100:.3f}", ms)
                )
            tables["colour.csv"].append((*first, 1.0, 0.01, 40.0, 1.0, 3.0))
            metres = length / 100
            tables["summary.csv"].append((*first, metres, metres, top_cm / 100, "PAL, 2 cm"))
            write_section(folder / f"{core.name}-{number}.png", length, top_cm)
            top_cm += length
    for name, rows in tables.items():
        if with_summary or name != "summary.csv":
            with (logs / name).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)


def write_section(path: Path, length_cm: int, top_cm: int, *, width_cm: int = 7) -> None:
    """Write the photograph of a section: mud as dark as dense, white tray below and beside."""
    rng = np.random.default_rng(top_cm + length_cm)
    shape = ((length_cm + BEYOND_CM) * PX_PER_CM, width_cm * PX_PER_CM, 3)
    image = np.full(shape, 235, np.uint8)
    for row in range(length_cm * PX_PER_CM):
        level = 250 - 100 * density_of(top_cm + row / PX_PER_CM)
        mud = level + rng.normal(0.0, 4.0, (shape[1] - 16, 3)) * np.array([1.0, 0.9, 0.8])
        image[row, 8:-8] = np.clip(mud, 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), image)
