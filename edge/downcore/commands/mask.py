"""``downcore mask``: what every pixel of a finished image is, as a palette PNG."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.image_files import open_complete, readable_scan
from downcore.commands.palette_png import is_palette_png, write_palette_png
from downcore.file_names import printable
from downcore.pipeline import masked_slices
from downcore.ports import ScanLines
from downcore.service.station_setup import scan_settings
from downcore.settings import Settings
from downcore.strata.errors import SettingsError
from downcore.strata.mask.classes import CLASS_LABELS, MASK_PALETTE, MaskClass


def write_mask(image: Path, out: Path, settings: Settings) -> str:
    """
    Mask a finished image and write the result; return what was found, in a sentence.

    Parameters
    ----------
    image : Path
        Any image that a format reads.
    out : Path
        PNG to write, of the image's own size and orientation; index 0 is sediment.
    settings : Settings
        Scale and orientation.

    Raises
    ------
    SegmentError
        If the image cannot be read, is not complete, or its scale is unknown.
    SettingsError
        If ``out`` is the image itself, another file than an earlier mask, or cannot be written.
    """
    if out.exists() and image.exists() and out.samefile(image):
        raise SettingsError(f"expected another file than the image for --out, got {printable(out)}")
    if out.suffix.lower() != ".png" or (out.exists() and not is_palette_png(out)):
        raise SettingsError(
            f"expected a new .png, or an earlier mask to replace, for --out, got {printable(out)}"
        )
    with open_complete(readable_scan(image), scan_settings(settings).reading) as (lines, n_lines):
        classes = mask_classes(lines, n_lines)
    palette = [MASK_PALETTE[mask_class] for mask_class in MaskClass]
    try:
        write_palette_png(out, as_stored(classes, lines.description.top), palette)
    except OSError as error:
        raise SettingsError(f"cannot write {printable(out)}: {error.strerror}") from None
    counts = np.bincount(classes.ravel(), minlength=len(MaskClass))
    shares = [
        f"{CLASS_LABELS[mask_class]} {100 * counts[mask_class] / classes.size:.1f} %"
        for mask_class in MaskClass
        if counts[mask_class]
    ]
    return f"{printable(image)}: {', '.join(shares)}"


def mask_classes(lines: ScanLines, n_lines: int) -> NDArray[np.uint8]:
    """Return what every pixel of a complete scan is, shape (n_lines, n_across), core top first."""
    classes = np.empty((n_lines, lines.n_across), np.uint8)
    for masked, slice_classes in masked_slices(lines, n_lines):
        classes[masked.first_line : masked.first_line + masked.n_lines] = slice_classes
    return classes


def as_stored(classes: NDArray[np.uint8], top: str) -> NDArray[np.uint8]:
    """Return a mask of scan lines as the image is stored, whose core top is at ``top``."""
    if top == "up":
        return classes
    across = classes.T
    return across if top == "left" else across[:, ::-1]
