"""One finished scan of a section, read from a notebook: its mask and its slices."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from downcore.commands.image_files import scan_files_of
from downcore.commands.mask import mask_classes
from downcore.file_names import printable
from downcore.notebook.reading import read_rows
from downcore.pipeline import SliceRules
from downcore.ports import ScanDescription, ScanLines
from downcore.service.station_setup import scan_settings
from downcore.settings import load_settings
from downcore.sources import Reading, SegmentFormat, section_name
from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM
from downcore.strata.errors import GrowingError, SegmentError, UnknownScaleError
from downcore.strata.input_text import exact_ratio
from downcore.strata.mask.classes import CLASS_LABELS, MASK_PALETTE, MaskClass
from downcore.strata.slices import CoreSlice

Top = Literal["up", "left", "right"]
"""Side of the image where the core's top is."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SectionMask:
    """
    What every pixel of a scan is.

    Examples
    --------
    >>> mask = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").mask()
    >>> mask.classes.shape, mask.labels[0]
    ((800, 600), 'sediment')
    """

    classes: NDArray[np.uint8]
    """Class of each pixel, shape (n_lines, n_across); the core's top first, whichever side of the
    image it is on. 0 is sediment."""
    labels: tuple[str, ...]
    """What each class is called; its index is the class."""
    colours: tuple[tuple[int, int, int], ...]
    """Colour of each class, 8-bit sRGB, that any common colour vision tells apart."""

    def __repr__(self) -> str:
        return f"<SectionMask {self.classes.shape[0]} x {self.classes.shape[1]} pixels>"

    def share(self, label: str) -> float:
        """
        Return the share of pixels of a class, 0 to 1.

        Parameters
        ----------
        label : str
            One of ``labels``.

        Raises
        ------
        ValueError
            If there is no such class.

        Examples
        --------
        >>> mask = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").mask()
        >>> 0 < mask.share("sediment") <= 1
        True
        """
        if label not in self.labels:
            raise ValueError(f"expected one of {', '.join(self.labels)}, got {label!r}")
        return float(np.mean(self.classes == self.labels.index(label)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FinishedScan:
    """
    A finished image of a section, read anew by each method and never kept open.

    Examples
    --------
    >>> scan = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up")
    >>> scan
    <FinishedScan GC01_01: 4 cm at 200 px/cm by settings, core top up>
    """

    path: Path
    """The image; of several strips the first."""
    section: str
    """Name of the section, from the file's name."""
    n_lines: int
    """Scan lines, down the core."""
    n_across: int
    """Pixels in a scan line."""
    description: ScanDescription
    """Scale and direction, and who said so."""
    _format: SegmentFormat
    _paths: tuple[Path, ...]
    _reading: Reading

    def __repr__(self) -> str:
        told = self.description
        return (
            f"<FinishedScan {self.section}: {self.length_cm:g} cm at {told.px_per_cm} px/cm by "
            f"{told.px_per_cm_from}, core top {told.top}>"
        )

    @property
    def length_cm(self) -> float:
        """
        Length of core in the image, centimetres.

        Examples
        --------
        >>> downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").length_cm
        4.0
        """
        return float(self.n_lines / Fraction(self.description.px_per_cm))

    @contextlib.contextmanager
    def opened(self) -> Iterator[ScanLines]:
        """
        Open the scan's lines for as long as the block lasts.

        Raises
        ------
        SegmentError
            If the image cannot be read any more, or has become another one.

        Examples
        --------
        >>> with downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").opened() as lines:
        ...     lines.read(0, 10).lines.shape
        (10, 600, 3)
        """
        with contextlib.closing(self._format.open(self._paths, self._reading)) as lines:
            n_lines = _n_lines_of(lines, self.path)
            if (n_lines, lines.n_across) != (self.n_lines, self.n_across):
                raise SegmentError(
                    f"expected {self.n_lines} lines of {self.n_across} px in "
                    f"{printable(self.path)}, got {n_lines} of {lines.n_across}: it was replaced; "
                    "read it again with downcore.read_scan"
                )
            yield lines

    def mask(self) -> SectionMask:
        """
        Return what every pixel is: sediment, or what hides it.

        Raises
        ------
        SegmentError
            If the image cannot be read any more.

        Examples
        --------
        >>> mask = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").mask()
        >>> mask.labels
        ('sediment', 'tray or liner', 'void or crack', 'foam or spacer', 'tag, card or ruler', \
'glare', 'outside the core')
        """
        with self.opened() as lines:
            classes = mask_classes(lines, self.n_lines)
        return SectionMask(
            classes,
            labels=tuple(CLASS_LABELS[one] for one in MaskClass),
            colours=tuple(MASK_PALETTE[one] for one in MaskClass),
        )

    def slices(self) -> tuple[CoreSlice, ...]:
        """
        Return depth, colour, mask and flags of each centimetre, without a prediction.

        Returns
        -------
        tuple of CoreSlice
            Top first; ``colour`` is ``None`` where no pixel is sediment.

        Raises
        ------
        SegmentError
            If the image cannot be read any more.

        Examples
        --------
        >>> slices = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up").slices()
        >>> len(slices), slices[0].top_um, len(slices[0].colour.lab_mean)
        (4, 0, 3)
        """
        with self.opened() as lines:
            rows = read_rows(lines, self.n_lines, (), SliceRules()).rows
        return tuple(row.core_slice for row in rows)


def read_scan(
    path: str | Path,
    *,
    px_per_cm: float | str | Fraction | None = None,
    top: Top | None = None,
) -> FinishedScan:
    """
    Look at a finished image of a section, of any format that downcore reads.

    Parameters
    ----------
    path : str or Path
        The image; of strips, any of them.
    px_per_cm : number or str, optional
        Pixels per centimetre **along** the core; a sidecar says it unless it is given.
        A ratio such as ``"1000/3"`` is exact.
    top : {"up", "left", "right"}, optional
        Side of the image where the core's top is; the format's own unless given.

    Returns
    -------
    FinishedScan

    Warns
    -----
    UserWarning
        If something is odd: a sidecar that says another scale, a channel that is passed over.

    Raises
    ------
    UnknownScaleError
        If neither ``px_per_cm`` nor a sidecar says the scale.
    SegmentError
        If there is no such image, or it cannot be read or is not complete.
    ValueError
        If ``px_per_cm`` or ``top`` cannot be used.

    Examples
    --------
    >>> scan = downcore.read_scan("GC01_01.tif", px_per_cm=200, top="up")
    >>> scan.section, scan.length_cm, scan.n_across
    ('GC01_01', 4.0, 600)
    >>> downcore.read_scan("GC01_01.tif")
    Traceback (most recent call last):
    ...
    downcore.strata.errors.UnknownScaleError: expected pixels per centimetre for GC01_01.tif, \
got none, and no sidecar says it; give it along the core: \
downcore.read_scan('GC01_01.tif', px_per_cm=200)
    """
    image = Path(path).expanduser()
    settings = scan_settings(load_settings(None, inbox=_inbox(px_per_cm, top)))
    named = image.parent.resolve() / image.name
    found = scan_files_of(named)
    if isinstance(found, str):
        raise SegmentError(f"{printable(image)}: {found}")
    reading = settings.reading
    try:
        lines = found.format.open(found.paths, reading)
    except UnknownScaleError as error:
        if px_per_cm is not None or "got none" not in str(error):
            raise
        raise UnknownScaleError(
            f"expected pixels per centimetre for {printable(image)}, got none, and no sidecar says "
            f"it; give it along the core: downcore.read_scan({str(path)!r}, px_per_cm=200)"
        ) from error
    with contextlib.closing(lines):
        n_lines, description = _n_lines_of(lines, image), lines.description
        for warning in description.warnings:
            warnings.warn(f"{printable(image)}: {printable(warning)}", stacklevel=2)
        return FinishedScan(
            path=found.paths[0],
            section=section_name(found.paths[0], patterns=settings.patterns).section_id,
            n_lines=n_lines,
            n_across=lines.n_across,
            description=description,
            _format=found.format,
            _paths=found.paths,
            _reading=reading,
        )


def _inbox(px_per_cm: float | str | Fraction | None, top: Top | None) -> dict[str, str | bool]:
    """Return what was said of an image, as the settings have it."""
    ratio = None if px_per_cm is None else exact_ratio(str(px_per_cm))
    is_scale = ratio is not None and MIN_PX_PER_CM <= ratio <= MAX_PX_PER_CM
    if px_per_cm is not None and not is_scale:
        raise ValueError(
            f"expected px_per_cm from {MIN_PX_PER_CM} to {MAX_PX_PER_CM}, such as 200, 98.4 or "
            f"'1000/3', got {px_per_cm!r}"
        )
    if top is not None and top not in get_args(Top):
        raise ValueError(f"expected top 'up', 'left' or 'right', got {top!r}")
    return {
        **(
            {"px_per_cm": str(px_per_cm), "overrides_sidecar": True}
            if px_per_cm is not None
            else {}
        ),
        **({"top": top} if top is not None else {}),
    }


def _n_lines_of(lines: ScanLines, path: Path) -> int:
    """Return the number of lines of a scan that is complete."""
    n_lines, is_complete = lines.refresh(is_still=True, is_closed=True)
    if not is_complete or not n_lines:
        raise GrowingError(
            f"expected a complete image in {printable(path)}, got {n_lines} of "
            f"{lines.n_lines_expected or 'an unknown number of'} lines; wait until it is written, "
            "or copy it again from the scanner"
        )
    return n_lines
