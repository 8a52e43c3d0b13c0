"""A small picture of a stored scan, from its files, where these are still what was scanned."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.process import scan_files_of
from downcore.plate import thumbnail
from downcore.ports import ScanLines
from downcore.service.identity import content_of
from downcore.sources import Limits, Reading
from downcore.sources.turns import at_once
from downcore.store.queries import StoredScan
from downcore.strata.errors import SegmentError


@dataclass(frozen=True, slots=True, eq=False)
class ScanPicture:
    """A whole scan made small."""

    pixels: NDArray[np.uint8]
    """Shape (n_rows, n_across, 3), sRGB, core top first."""
    bottom_um: int
    """Where the scan ends, below the section's top."""


def picture_of_scan(stored: StoredScan, limits: Limits) -> ScanPicture | str:
    """
    Return a picture of a scan, or why there is none, in words.

    Nothing is written, and nothing is read but the folder of the scan that the record names.

    Parameters
    ----------
    stored : StoredScan
        Scan of the record.
    limits : Limits
        How large an image may be.
    """
    scan = stored.scan
    if not scan.content_digest:
        return f"the scan of {scan.section_id} is not complete, its state is {stored.status.state}"
    found = scan_files_of(Path(scan.path))
    if isinstance(found, str):
        return f"{scan.path}: {found}"
    reading = Reading(px_per_cm=str(scan.px_per_cm), top=scan.top, limits=limits)  # type: ignore[arg-type] # the record allows no other
    try:
        if at_once(content_of(found)) != scan.content_digest:
            return f"{scan.path} holds other content than was scanned"
        with contextlib.closing(found.format.open(found.paths, reading)) as lines:
            n_lines, _ = lines.refresh(is_still=True)
            pixels = np.concatenate(list(_thumbnails(lines, n_lines)))
            return ScanPicture(pixels, lines.scale.depth_um(n_lines))
    except (SegmentError, OSError) as error:
        return f"{scan.path}: {error}"


def _thumbnails(lines: ScanLines, n_lines: int) -> Iterator[NDArray[np.uint8]]:
    step = lines.scale.first_line_of_slice(1)
    for first in range(0, n_lines, step):
        yield thumbnail(lines.read(first, min(step, n_lines - first)).lines, n_lines)
