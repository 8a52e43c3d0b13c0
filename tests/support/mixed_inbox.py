"""An inbox of several scanners on a NAS: small scans, and what lies between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

ITRAX_RANGES_MM = tuple(Fraction(mm, 10) for mm in range(594, 612, 2))
"""Optical ranges of nine images of 124 columns, which makes 20.39 to 20.88 px/cm."""


@dataclass(frozen=True)
class Numbers:
    """How many scans there are of each kind."""

    geotek_cores: int
    geotek_sections: int
    without_sidecar: int
    iodp: int
    strip_sections: int
    named: int


MANY = Numbers(9, 40, 12, 100, 30, 95)
"""600 scans, with those of Itrax and of two expeditions."""

FEW = Numbers(2, 6, 2, 4, 3, 4)
"""Enough of each kind for a run to its end in seconds."""


@dataclass(frozen=True)
class Written:
    """One real scan, and what is true of it."""

    place: str
    section_id: str
    px_per_cm: Fraction
    top: str


def core_pixels(seed: int, n_lines: int, n_across: int) -> Pixels:
    """Return mud of its own grain, shape (n_lines, n_across, 3)."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 40, n_lines)[:, None, None]
    noise = rng.normal(0, 8, (n_lines, n_across, 3))
    return (110 + slope + noise).clip(0, 255).astype(np.uint8)


def write_tiff(path: Path, pixels: Pixels) -> None:
    """Write a TIFF as scanners do, in strips and without tags of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, photometric="rgb", metadata=None, rowsperstrip=16)


def write_jpeg(path: Path, pixels: Pixels) -> None:
    """Write a preview."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels[..., ::-1])[1].tobytes())


def write_xml(path: Path, *, core: str, section: int, px_per_cm: int, n_lines: int) -> None:
    """Write a Geotek sidecar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"<?xml version='1.0'?><geotek-image><coreID> {core}</coreID>"
        f"<section-number> {section}</section-number><pixels-per-CM> {px_per_cm}</pixels-per-CM>"
        f"<physical-height> {n_lines / px_per_cm}</physical-height></geotek-image>"
    )


def write_itrax(folder: Path, pixels: Pixels, *, range_mm: Fraction, step_mm: str) -> None:
    """Write an Itrax folder; the core's top is at the left."""
    write_tiff(folder / "optical.tif", pixels.transpose(1, 0, 2)[:, ::1].copy())
    (folder / "document.txt").write_text(
        "Base path:\tSample name:\tSection name\tUser ID\r\nC:\\D\tX1\tX1\tAB\r\n"
        f"Optical Start\t0.0\tOptical End\t{float(range_mm):.1f}\t\r\n"
        f"Step size\t{step_mm}\tmicrons\t\r\n"
    )


def write_mixed_inbox(inbox: Path, numbers: Numbers) -> list[Written]:
    """Write the inbox, and return the real scans in it."""
    written = [
        *_itrax(inbox),
        *_geotek(inbox, numbers),
        *_iodp(inbox, numbers.iodp),
        *_strips(inbox, numbers.strip_sections),
        *_named(inbox, numbers.named),
        *_two_expeditions(inbox),
    ]
    _leftovers(inbox)
    return written


def _itrax(inbox: Path) -> Iterator[Written]:
    for n, range_mm in enumerate(ITRAX_RANGES_MM):
        folder = f"Itrax/LP16{n}A"
        pixels = core_pixels(n, 124, 90)
        write_itrax(inbox / folder, pixels, range_mm=range_mm, step_mm="188")
        yield Written(f"{folder}/optical.tif", f"LP16{n}A", 1240 / range_mm, "left")


def _geotek(inbox: Path, numbers: Numbers) -> Iterator[Written]:
    for core in range(numbers.geotek_cores):
        px_per_cm = 20 + core
        for section in range(1, numbers.geotek_sections + 1):
            name = f"2026_005_FA_GC{core:02d}_{section:02d}"
            place = f"MSCL/GC{core:02d}/{name}.tif"
            pixels = core_pixels(1000 + 50 * core + section, 40, 100 + core)
            write_tiff(inbox / place, pixels)
            write_jpeg(inbox / f"MSCL/GC{core:02d}/{name}.jpg", pixels[::4, ::4])
            # Some were lost; the scanner is that of the others in the folder.
            if not (core == 1 and section <= numbers.without_sidecar):
                xml = (inbox / place).with_suffix(".xml")
                write_xml(
                    xml, core=f"GC{core:02d}", section=section, px_per_cm=px_per_cm, n_lines=40
                )
            yield Written(place, name, Fraction(px_per_cm), "up")


def _iodp(inbox: Path, n_scans: int) -> Iterator[Written]:
    for n in range(n_scans):
        name = f"379-U1533B-{1 + n // 8}H-{1 + n % 8}-A"
        write_tiff(inbox / f"{name}.tif", core_pixels(5000 + n, 210, 640))
        yield Written(f"{name}.tif", name, Fraction(200), "up")


def _strips(inbox: Path, n_scans: int) -> Iterator[Written]:
    for n in range(n_scans):
        pixels = core_pixels(6000 + n, 90, 120)
        for k in range(3):
            place = f"linescan_30ppcm/PC{n:02d}_01_strip_{k + 1:04d}.tif"
            write_tiff(inbox / place, pixels[30 * k : 30 * k + 30])
        first = f"linescan_30ppcm/PC{n:02d}_01_strip_0001.tif"
        yield Written(first, f"PC{n:02d}_01", Fraction(30), "up")


def _named(inbox: Path, n_scans: int) -> Iterator[Written]:
    for n in range(n_scans):
        scale = "24.5" if n % 2 else "40"
        place = f"own scanner/KC{n:02d}_01_linescan_{scale}ppcm.png"
        write_jpeg(inbox / place, core_pixels(7000 + n, 50, 130))
        yield Written(place, f"KC{n:02d}_01", Fraction(scale), "up")


def _two_expeditions(inbox: Path) -> Iterator[Written]:
    for expedition in ("Exp401", "Exp402"):
        for section in (1, 2, 3):
            place = f"{expedition}/GC77_{section:02d}.tif"
            pixels = core_pixels(8000 + 10 * int(expedition[-1]) + section, 50, 110)
            write_tiff(inbox / place, pixels)
            xml = (inbox / place).with_suffix(".xml")
            write_xml(xml, core="GC77", section=section, px_per_cm=25, n_lines=50)
            yield Written(place, f"{expedition}-GC77_{section:02d}", Fraction(25), "up")


def _leftovers(inbox: Path) -> None:
    """Write what NAS systems, sync clients, people and scanners leave between scans."""
    old = core_pixels(9999, 40, 100)
    name = "2026_005_FA_GC01_01"
    beside = inbox / "MSCL" / "GC01"
    for place in (
        f"#recycle/{name}.tif",
        "@Recycle/2026_005_FA_GC91_01.tif",
        "$RECYCLE.BIN/S-1-5-21-1/$RK3J2H1.tif",
        f"#snapshot/GMT-2026.11.01/{name}.tif",
        f"~snapshot/daily.0/{name}.tif",
        f".Trash-1000/files/{name}.tif",
        f".stversions/{name}~20260101-120000.tif",
        f"lost+found/{name}.tif",
    ):
        write_tiff(inbox / place, old)
    for copy in (
        f"{name} (1).tif",
        f"{name} - Copy.tif",
        f"Copy of {name}.tif",
        f"{name}.sync-conflict-20260101-120000-ABCDEFG.tif",
        f"{name} (conflicted copy 2026-01-01).tif",
        f"{name}_preview.png",
        f"thumbs/{name}_thumb.jpg",
        f"._{name}.tif",
    ):
        if copy.endswith(".tif") and not copy.startswith("._"):
            write_tiff(beside / copy, old)
        else:
            write_jpeg(beside / copy, old[::4, ::4])
    for junk in ("Thumbs.db", ".DS_Store", "desktop.ini", "~$notes.docx", "new.tif.part"):
        (inbox / junk).write_bytes(b"\0" * 100)
