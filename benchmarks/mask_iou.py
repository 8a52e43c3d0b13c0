"""
How well the mask tells sediment from everything else.

``python benchmarks/mask_iou.py [--json FILE] [--pictures DIR] [--real DIR]``

Intersection over union of what is not sediment, and of sediment, against scans marked
by hand (``tests/data/mask_references``) and generated cores with their own truth; of
photographs of core tables also the share of the sediment that is lost and the share of the
rest that is found, with and without the pixels at the border of the two. Scans that the
mask was fitted to and scans kept apart are reported apart. Two baselines: everything is
sediment; everything neither very dark nor very bright is.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from reporting import arguments, report

from downcore.simulator.generator import CoreRecipe, generate
from downcore.strata.colour import lab_of_counts
from downcore.strata.depth import LineScale
from downcore.strata.mask.classes import CLASS_LABELS, MASK_PALETTE, MaskClass
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer
from downcore.strata.segment import Segment
from downcore_training.mask.references import (
    UNSCORED,
    Reference,
    labels_of,
    lines_first,
    read_references,
)

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ((9001, 20.0), (9002, 20.0), (9003, 13.7), (9004, 4.7), (9005, 1.84), (9006, 100.0))
"""Seed and px/cm of the generated cores; no other program uses these seeds."""
TABLES = "odp887/"
"""Folder of the photographs of core tables."""
DARK_L, BRIGHT_L = 15.0, 80.0
PICTURE_GAMMA = 0.6
"""Scans of dark mud are drawn brighter than they are, so that a person sees something."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One scan with its truth, as scan lines."""

    name: str
    group: str
    lines: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    px_per_cm: float


def real_folder(given: Path | None) -> Path:
    """Return where the real scans are, whether or not they are there."""
    named = os.environ.get("DOWNCORE_REAL_DATA")
    return given or (Path(named) if named else ROOT.parent / "shared" / "data" / "real")


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the RGB pixels of a picture as stored, shape (rows, columns, 3)."""
    if path.suffix == ".tif":
        return np.ascontiguousarray(tifffile.imread(path)[..., :3])
    return np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1])


def marked_cases(folder: Path) -> Iterator[Case]:
    """Yield the scans marked by hand; say why where one is left out."""
    for reference in read_references(ROOT / "tests" / "data" / "mask_references"):
        path = folder / reference.image
        if not path.exists():
            print(f"left out {reference.name}: no {reference.image} in the folder of real scans")
            continue
        yield marked_case(reference, read_picture(path))


def marked_case(reference: Reference, picture: NDArray[np.uint8]) -> Case:
    """Return a marked scan as scan lines."""
    table = "tables_" if reference.image.startswith(TABLES) else ""
    return Case(
        name=reference.name,
        group=table + ("fitted" if reference.is_fitted else "kept_apart"),
        lines=lines_first(picture, reference.top),
        truth=lines_first(labels_of(reference, picture), reference.top),
        px_per_cm=reference.px_per_cm,
    )


def generated_cases() -> Iterator[Case]:
    """Yield generated cores with their own truth."""
    for seed, px_per_cm in GENERATED:
        length_cm = 100.0 if px_per_cm <= 20.0 else 20.0
        core = generate(CoreRecipe(seed=seed, length_cm=length_cm, px_per_cm=px_per_cm))
        yield Case(
            name=f"core{seed}_{px_per_cm:g}ppcm",
            group="generated",
            lines=core.lines(0, core.n_lines),
            truth=core.classes(0, core.n_lines),
            px_per_cm=px_per_cm,
        )


def masked(case: Case) -> NDArray[np.uint8]:
    """Return the mask of a whole scan, shape (n_lines, n_across)."""
    scale = LineScale.of(case.px_per_cm)
    buffer = SectionBuffer(scale, halo_um=MASK_HALO_UM)
    slices = buffer.push(Segment(case.lines, 0)) + buffer.finish()
    masker = SectionMasker(scale)
    return np.concatenate([masker.mask(one) for one in slices])


def by_brightness(case: Case) -> NDArray[np.uint8]:
    """Return the baseline that calls everything sediment but the very dark and the very bright."""
    light = lab_of_counts(case.lines)[..., 0]
    return np.where((light > DARK_L) & (light < BRIGHT_L), MaskClass.SEDIMENT, MaskClass.OUTSIDE)


def overlap(mask: NDArray[np.uint8], truth: NDArray[np.uint8], *, of_sediment: bool) -> float:
    """Return intersection over union, 0 to 1; 1 where there is nothing to find and none found."""
    scored = truth != UNSCORED
    found = (mask[scored] == MaskClass.SEDIMENT) == of_sediment
    there = (truth[scored] == MaskClass.SEDIMENT) == of_sediment
    union = int(np.count_nonzero(found | there))
    return float(np.count_nonzero(found & there)) / union if union else 1.0


def shares(
    mask: NDArray[np.uint8], truth: NDArray[np.uint8], *, without_border: bool = False
) -> tuple[float, float]:
    """
    Return the share of the sediment that is lost, and the share of the rest that is found.

    Without the border, pixels that touch the other kind are left out: a photograph
    spreads the edge of the core over about two of them.
    """
    is_sediment = truth == MaskClass.SEDIMENT
    scored = truth != UNSCORED
    if without_border:
        kind, touching = is_sediment.astype(np.uint8), np.ones((3, 3), np.uint8)
        scored &= cv2.dilate(kind, touching) == cv2.erode(kind, touching)
    found = mask != MaskClass.SEDIMENT
    sediment, rest = found[scored & is_sediment], found[scored & ~is_sediment]
    return float(sediment.mean()), float(rest.mean())


def picture_of(case: Case, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return scan, mask over scan, and legend, one above the other, core top left."""
    palette = np.array([MASK_PALETTE[one] for one in MaskClass], np.float64)
    bright = 255.0 * (case.lines / 255.0) ** PICTURE_GAMMA
    over = np.where(
        (mask == MaskClass.SEDIMENT)[..., None], bright, 0.3 * bright + 0.7 * palette[mask]
    )
    zoom = 2 if case.lines.shape[0] < 900 else 1
    strips = [
        cv2.resize(
            lines_first(strip.astype(np.uint8), "left"),
            None,
            fx=zoom,
            fy=zoom,
            interpolation=cv2.INTER_NEAREST,
        )
        for strip in (bright, over)
    ]
    width = strips[0].shape[1]
    gap = np.full((8, width, 3), 255, np.uint8)
    return np.concatenate([strips[0], gap, strips[1], gap, _legend(width)])


def _legend(width: int) -> NDArray[np.uint8]:
    legend = np.full((26, width, 3), 255, np.uint8)
    pitch = width // len(MaskClass)
    for one in MaskClass:
        x = one * pitch
        colour = MASK_PALETTE[one] if one != MaskClass.SEDIMENT else (255, 255, 255)
        cv2.rectangle(legend, (x + 4, 6), (x + 18, 20), colour, -1)
        cv2.rectangle(legend, (x + 4, 6), (x + 18, 20), (0, 0, 0), 1)
        label = CLASS_LABELS[one] if one != MaskClass.SEDIMENT else "sediment (untinted)"
        cv2.putText(legend, label, (x + 24, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    return legend


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw every mask here")
    parser.add_argument("--real", type=Path, metavar="DIR", help="folder of the real scans")
    given = parser.parse_args()
    metrics: dict[str, float] = {}
    groups: dict[str, list[tuple[float, float, float, float]]] = {}
    for case in (*marked_cases(real_folder(given.real)), *generated_cases()):
        mask = masked(case)
        row = (
            overlap(mask, case.truth, of_sediment=False),
            overlap(mask, case.truth, of_sediment=True),
            overlap(by_brightness(case), case.truth, of_sediment=False),
            overlap(np.zeros_like(mask), case.truth, of_sediment=True),
        )
        groups.setdefault(case.group, []).append(row)
        metrics[f"{case.group}.{case.name}.non_sediment_iou"] = row[0]
        metrics[f"{case.group}.{case.name}.sediment_iou"] = row[1]
        if case.group.startswith("tables"):
            for border, suffix in ((False, ""), (True, "_without_border")):
                lost, recall = shares(mask, case.truth, without_border=border)
                metrics[f"{case.group}.{case.name}.sediment_lost{suffix}"] = lost
                metrics[f"{case.group}.{case.name}.non_sediment_recall{suffix}"] = recall
        if given.pictures:
            given.pictures.mkdir(parents=True, exist_ok=True)
            drawn = picture_of(case, mask)[..., ::-1]
            cv2.imwrite(str(given.pictures / f"mask-{case.name}.png"), drawn)
    for group, rows in groups.items():
        means = np.mean(rows, axis=0)
        metrics[f"mean.{group}.non_sediment_iou"] = float(means[0])
        metrics[f"mean.{group}.sediment_iou"] = float(means[1])
        metrics[f"baseline.brightness.{group}.non_sediment_iou"] = float(means[2])
        metrics[f"baseline.all_sediment.{group}.sediment_iou"] = float(means[3])
        metrics[f"baseline.all_sediment.{group}.non_sediment_iou"] = 0.0
        metrics[f"worst.{group}.non_sediment_iou"] = float(min(row[0] for row in rows))
    report("mask against marked scans and generated cores", metrics, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
