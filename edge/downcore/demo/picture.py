"""The plate of the demo's core: its sections one below the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.composing.label_png import label_strip
from downcore.demo.place import CORE_NAME
from downcore.plate import SIMULATED_CAVEAT, PlateSection, PlateSlice, draw_plate
from downcore.simulator.image_lines import ImageLines
from downcore.store import Reader
from downcore.store.queries import StoredScan
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale
from downcore.strata.segment import Pixels

PICTURE_ROWS_PER_CM = 12


@dataclass(frozen=True, slots=True)
class CorePlate:
    """A plate that was drawn."""

    path: Path
    drawn_cm: int
    """Slices on it."""


def draw_core(reader: Reader, out: Path, inbox: Path) -> CorePlate | None:
    """
    Draw every stored section of the demo, top first, on one plate.

    A section takes the length of its image, so that centimetres without rows stay blank. None if
    no section has a row.
    """
    scans = sorted(
        (one for one in reader.sections() if one.scan.section_id.startswith(CORE_NAME)),
        key=lambda one: one.scan.section_id,
    )
    slices: list[PlateSlice] = []
    pictures: list[NDArray[np.uint8]] = []
    composed: list[list[ComposedSlice]] = []
    bottom_um = 0
    for stored in scans:
        lines = ImageLines(inbox / Path(stored.scan.path).name)
        made = list(reader.composition_log(stored.scan.scan_id))
        own = list(_slices(reader, stored, bottom_um, made))
        slices += own
        composed.append(made)
        pictures.append(_picture(lines, stored.scan.px_per_cm))
        bottom_um += LineScale(stored.scan.px_per_cm).depth_um(lines.n_lines)
    if not slices:
        return None
    is_composed = sum(map(len, composed)) == len(slices)
    is_whole = sum(one.bottom_um - one.top_um for one in slices) == bottom_um
    names = [one.scan.section_id for one in scans]
    bundles = sorted({e.bundle_id for s in slices for e in s.estimates})
    section = PlateSection(
        title=f"{names[0]} to {names[-1].rsplit('_', 1)[-1]}",
        scan=", ".join(one.scan.scan_id[:8] for one in scans),
        bundle=", ".join(bundles),
        caveat=SIMULATED_CAVEAT,
        slices=tuple(slices),
        bottom_um=bottom_um,
        picture=np.concatenate(pictures),
        # A strip of regions has no rows for centimetres that were not composed.
        labels=_labels(composed) if is_composed and is_whole else None,
        table=", ".join(dict.fromkeys(one.table for made in composed for one in made)),
    )
    return CorePlate(draw_plate(section, out), len(slices))


def _slices(
    reader: Reader, stored: StoredScan, top_um: int, composed: list[ComposedSlice]
) -> Iterator[PlateSlice]:
    groups = {one.index: one.composition.resolved_groups for one in composed}
    for one in reader.scan_log(stored.scan.scan_id):
        core_slice = one.row.core_slice
        yield PlateSlice(
            top_um=top_um + core_slice.top_um,
            bottom_um=top_um + core_slice.bottom_um,
            class_fractions=core_slice.class_fractions,
            estimates=one.row.estimates,
            composition=groups.get(core_slice.index, ()),
        )


def _labels(sections: Sequence[Sequence[ComposedSlice]]) -> NDArray[np.int32] | None:
    """Return the regions of all sections as one strip; ``None`` where a slice has none."""
    strips: list[NDArray[np.int32]] = []
    n_before = 0
    for composed in sections:
        strip = label_strip([one.labels for one in composed])
        if strip is None:
            return None
        # Labels count anew in each section.
        strips.append(np.where(strip > 0, strip + np.int32(n_before), strip))
        n_before = max(n_before, int(strips[-1].max()))
    return np.concatenate(strips)


def _picture(lines: ImageLines, px_per_cm: Fraction) -> NDArray[np.uint8]:
    """Return a section's image, small; all of the demo's sections are equally wide."""
    rows = max(round(lines.n_lines * PICTURE_ROWS_PER_CM / px_per_cm), 1)
    width = max(lines.n_across * PICTURE_ROWS_PER_CM // px_per_cm, 1)
    whole: Pixels = lines.lines(0, lines.n_lines)
    return np.asarray(cv2.resize(whole, (width, rows), interpolation=cv2.INTER_AREA), np.uint8)
