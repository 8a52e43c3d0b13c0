"""``downcore mask``: what every pixel of a finished image is, as a palette PNG."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.palette_png import is_palette_png, write_palette_png
from downcore.commands.process import scan_files_of
from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.service.station import reading_of
from downcore.settings import Settings
from downcore.strata.errors import GrowingError, HostileFileError, SettingsError
from downcore.strata.mask.classes import CLASS_LABELS, MASK_PALETTE, MaskClass
from downcore.strata.mask.masker import MASK_HALO_UM, SectionMasker
from downcore.strata.section import SectionBuffer, SliceLines


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
    found = scan_files_of(image)
    if isinstance(found, str):
        raise HostileFileError(f"{printable(image)}: {found}")
    lines = found.format.open(found.paths, reading_of(settings))
    try:
        classes = classes_of(lines)
    finally:
        lines.close()
    palette = [MASK_PALETTE[one] for one in MaskClass]
    try:
        write_palette_png(out, as_stored(classes, lines.description.top), palette)
    except OSError as error:
        raise SettingsError(f"cannot write {printable(out)}: {error.strerror}") from None
    counts = np.bincount(classes.ravel(), minlength=len(MaskClass))
    shares = [
        f"{CLASS_LABELS[one]} {100 * counts[one] / classes.size:.1f} %"
        for one in MaskClass
        if counts[one]
    ]
    return f"{printable(image)}: {', '.join(shares)}"


def classes_of(lines: ScanLines) -> NDArray[np.uint8]:
    """
    Return what every pixel of a finished scan is, shape (n_lines, n_across).

    Raises
    ------
    GrowingError
        If the scan is not complete.
    """
    n_lines, is_complete = lines.refresh(is_still=True)
    if not is_complete:
        raise GrowingError(
            f"expected a complete image, got {n_lines} of {lines.n_lines_expected} lines"
        )
    buffer = SectionBuffer(lines.scale, halo_um=MASK_HALO_UM)
    masker = SectionMasker(lines.scale)
    classes = np.empty((n_lines, lines.n_across), np.uint8)

    def mask(released: list[SliceLines]) -> None:
        for one in released:
            classes[one.first_line : one.first_line + one.n_lines] = masker.mask(one)

    step = lines.scale.first_line_of_slice(1)
    for first in range(0, n_lines, step):
        mask(buffer.push(lines.read(first, min(step, n_lines - first))))
    mask(buffer.finish())
    return classes


def as_stored(classes: NDArray[np.uint8], top: str) -> NDArray[np.uint8]:
    """Return a mask of scan lines as the image is stored, whose core top is at ``top``."""
    if top == "up":
        return classes
    across = classes.T
    return across if top == "left" else across[:, ::-1]
