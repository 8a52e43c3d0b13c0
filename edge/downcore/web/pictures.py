"""Pictures of scans for the page: the scan's own lines as JPEG, kept beside the store."""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from downcore.commands.scan_picture import picture_of_scan
from downcore.sources import Limits
from downcore.store.stored_values import StoredScan
from downcore.strata.colour import counts_of_linear
from downcore.strata.record import ScanState

BUDGET_BYTES = 200 * 1024 * 1024
"""What previews may take on the disk; the oldest go first."""
JPEG_QUALITY = 85


def colour_hex(linear: Sequence[tuple[float | None, float | None, float | None]]) -> str | None:
    """Return the sRGB colour of the mean of linear colours; ``None`` where there is none."""
    known = [one for one in linear if None not in one]
    if not known:
        return None
    mean = np.clip(np.array(known, dtype=np.float64).mean(axis=0), 0.0, 1.0)
    red, green, blue = counts_of_linear(mean).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


class Previews:
    """
    Pictures of scans, made when they are asked for first.

    Parameters
    ----------
    database : Path
        The store; the folder of previews lies beside it.
    limits : Limits
        How large an image may be.
    """

    def __init__(self, database: Path, limits: Limits) -> None:
        self._folder = database.with_name(database.name + ".previews")
        self._limits = limits

    def jpeg(self, stored: StoredScan, prefix_digest: str) -> bytes | str:
        """Return a scan as JPEG, core top first; else why there is none, in words."""
        key = f"{stored.scan.scan_id} {stored.status.n_lines_done} {prefix_digest}"
        place = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.jpg"
        with contextlib.suppress(OSError):
            return place.read_bytes()
        picture = picture_of_scan(stored, prefix_digest, self._limits)
        if isinstance(picture, str):
            return picture
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        is_made, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not is_made:
            return "the picture cannot be coded as JPEG"
        data = coded.tobytes()
        if stored.status.state is ScanState.DONE:
            self._keep(place, data)
        return data

    def _keep(self, place: Path, data: bytes) -> None:
        # A preview that cannot be kept is made again the next time.
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            part = place.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(data)
            part.replace(place)
            kept = sorted(self._folder.glob("*.jpg"), key=lambda one: one.stat().st_mtime)
            total = sum(one.stat().st_size for one in kept)
            for one in kept:
                if total <= BUDGET_BYTES or one == place:
                    break
                total -= one.stat().st_size
                one.unlink()
