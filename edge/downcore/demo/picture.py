"""The plate of the demo's core: its sections one below the other."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.composing.label_png import label_strip
from downcore.plate import SIMULATED_CAVEAT, PlateSection, PlateSlice, draw_plate
from downcore.simulator.image_lines import ImageLines
from downcore.store import Reader
from downcore.store.queries import StoredScan
from downcore.strata.composed import ComposedSlice
from downcore.strata.segment import Pixels

PICTURE_ROWS_PER_CM = 12


def draw_core(reader: Reader, out: Path, inbox: Path) -> Path:
    """Draw every stored section of the demo, top first, on one plate; return where it lies."""
    scans = sorted(reader.sections(), key=lambda one: one.scan.section_id)
    slices: list[PlateSlice] = []
    pictures: list[NDArray[np.uint8]] = []
    composed: list[list[ComposedSlice]] = []
    for stored in scans:
        top_um = slices[-1].bottom_um if slices else 0
        made = list(reader.composition_log(stored.scan.scan_id))
        own = list(_slices(reader, stored, top_um, made))
        slices += own
        composed.append(made)
        pictures.append(_picture(inbox / Path(stored.scan.path).name, len(own)))
    names = [one.scan.section_id for one in scans]
    bundles = sorted({e.bundle_id for s in slices for e in s.estimates})
    section = PlateSection(
        title=f"{names[0]} to {names[-1].rsplit('_', 1)[-1]}",
        scan=", ".join(one.scan.scan_id[:8] for one in scans),
        bundle=", ".join(bundles),
        caveat=SIMULATED_CAVEAT,
        slices=tuple(slices),
        picture=np.concatenate(pictures),
        labels=_labels(composed) if sum(map(len, composed)) == len(slices) else None,
        table=", ".join(dict.fromkeys(one.table for made in composed for one in made)),
    )
    draw_plate(section, out)
    return out


def _slices(
    reader: Reader, stored: StoredScan, top_um: int, composed: list[ComposedSlice]
) -> Iterator[PlateSlice]:
    groups = {one.index: one.composition.told for one in composed}
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


def _picture(path: Path, n_slices: int) -> NDArray[np.uint8]:
    lines = ImageLines(path)
    rows = n_slices * PICTURE_ROWS_PER_CM
    width = max(lines.n_across * rows // lines.n_lines, 1)
    whole: Pixels = lines.lines(0, lines.n_lines)
    return np.asarray(cv2.resize(whole, (width, rows), interpolation=cv2.INTER_AREA), np.uint8)
