"""A small picture of a stored scan, from its files, where these are still what was scanned."""

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.image_files import scan_files_of
from downcore.pipeline import segments_by_slice
from downcore.plate import thumbnail
from downcore.ports import ScanLines
from downcore.sources import Limits, Reading
from downcore.sources.inbox.digests import PrefixDigest
from downcore.store.stored_values import StoredScan
from downcore.strata.errors import SegmentError


def picture_of_scan(
    stored: StoredScan, prefix_digest: str, limits: Limits
) -> NDArray[np.uint8] | str:
    """
    Return a picture of the lines that a scan's rows were made from, or why there is none.

    Nothing is written, and nothing is read but the folder that the record names.

    Parameters
    ----------
    stored : StoredScan
        Scan of the record, finished or growing.
    prefix_digest : str
        Digest of those lines; with other lines there is no picture.
    limits : Limits
        How large an image may be.

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_across, 3), or str
        sRGB, core top first; else the reason, in words.
    """
    scan = stored.scan
    found = scan_files_of(Path(scan.path))
    if isinstance(found, str):
        return f"{scan.path}: {found}"
    reading = Reading(px_per_cm=str(scan.px_per_cm), top=scan.top, limits=limits)  # type: ignore[arg-type] # the record allows no other
    try:
        with contextlib.closing(found.format.open(found.paths, reading)) as lines:
            lines.refresh(is_still=True, is_closed=True)
            picture, digest = _read(lines, stored.status.n_lines_done)
    except (SegmentError, OSError) as error:
        return f"{scan.path}: {error}"
    return picture if digest == prefix_digest else f"{scan.path} has other lines than were scanned"


def _read(lines: ScanLines, n_lines: int) -> tuple[NDArray[np.uint8], str]:
    pictures: list[NDArray[np.uint8]] = []
    digest = PrefixDigest()
    for segment in segments_by_slice(lines, n_lines):
        digest.add(segment)
        pictures.append(thumbnail(segment.lines, n_lines))
    return np.concatenate(pictures), digest.hexdigest()
