"""Scan lines of an image file, for a simulated scanner."""

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

N_RGB = 3


class ImageLines:
    """
    The scan lines of an image file, held in memory.

    Parameters
    ----------
    path : Path
        TIFF, BMP, PNG or JPEG; 16 bits are cut to the upper 8, grey becomes RGB.
    top : {"up", "left", "right"}, default "up"
        Side of the image where the core's top is.

    Raises
    ------
    ValueError
        If the file is not an image that can be read.
    """

    def __init__(self, path: Path, *, top: Literal["up", "left", "right"] = "up") -> None:
        # The image is decoded from memory since OpenCV cannot open every file name.
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
        flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        try:
            stored = np.asarray(cv2.imdecode(encoded, flags))
        except cv2.error as error:
            raise ValueError(f"expected an image, got {path}: it cannot be decoded") from error
        if stored.ndim != N_RGB or stored.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"expected an image of 8 or 16 bit, got {path}: it cannot be decoded")
        if stored.dtype == np.uint16:
            stored = (stored.astype(np.uint16) >> 8).astype(np.uint8)
        rgb = stored[:, :, ::-1]
        turned = {"up": rgb, "left": rgb.transpose(1, 0, 2), "right": rgb.transpose(1, 0, 2)[::-1]}
        self._pixels: NDArray[np.uint8] = np.ascontiguousarray(turned[top], dtype=np.uint8)

    @property
    def n_lines(self) -> int:
        """Scan lines from top to end."""
        return len(self._pixels)

    @property
    def n_across(self) -> int:
        """Pixels in a scan line."""
        return int(self._pixels.shape[1])

    def lines(self, first_line: int, n_lines: int) -> NDArray[np.uint8]:
        """Return lines from ``first_line`` on, shape (n_lines, n_across, 3), RGB."""
        return self._pixels[first_line : first_line + n_lines]
