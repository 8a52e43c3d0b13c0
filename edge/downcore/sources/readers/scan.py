"""A raster with a scale and a direction: scan lines from the core's top down."""

from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from downcore.ports import ScanDescription
from downcore.sources.format import Reading
from downcore.sources.readers.packed import no_rows
from downcore.sources.readers.raster import Raster
from downcore.strata.depth import MAX_PX_PER_CM, MIN_PX_PER_CM, LineScale
from downcore.strata.errors import GrowingError, SegmentError, UnknownScaleError
from downcore.strata.input_text import exact_ratio, shown
from downcore.strata.scan_claims import (
    LengthClaim,
    ScaleClaim,
    ScanClaims,
    TopClaim,
    upside_down_in,
)
from downcore.strata.segment import Segment


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What the file beside an image says about it."""

    where: str
    """The sidecar's name."""

    px_per_cm: str | None = None
    core: str | None = None
    section: str | None = None
    section_top_um: int | None = None
    length_cm: float | None = None
    """Length of the section; None where it does not say."""
    top: str = ""
    """Side of the image where it says that the top is; empty where it does not say."""
    remarks: str = ""
    """What a person wrote about the scan."""
    warnings: tuple[str, ...] = ()


class Scan:
    """
    The scan lines of a raster; a :class:`downcore.ports.ScanLines`.

    Where the core lies along the rows of the image, scan line *k* is its column *k*
    counted from the core's top, and the pixels of a line run down the image. Such an
    image gives no line before it is complete.

    Parameters
    ----------
    raster : Raster
        The stored image; closed with the scan.
    description : ScanDescription
        Its scale and direction, and where these came from.
    """

    def __init__(self, raster: Raster, description: ScanDescription) -> None:
        self._raster = raster
        self.description = description
        self.scale = LineScale.of(description.px_per_cm)
        self._is_upright = description.top == "up"
        self._trusted = 0

    @property
    def n_across(self) -> int:
        """Pixels in a scan line."""
        across = self._raster.width if self._is_upright else self._raster.height
        return across or 0

    @property
    def n_lines_expected(self) -> int | None:
        """Scan lines the file promises, or None while that is unknown."""
        return self._raster.height if self._is_upright else self._raster.width

    def refresh(self, *, is_still: bool = False, is_closed: bool = False) -> tuple[int, bool]:
        """Read the file's state again; see :meth:`downcore.ports.ScanLines.refresh`."""
        n_lines, is_complete = self._raster.refresh(is_still=is_still, is_closed=is_closed)
        if not self._is_upright:
            n_lines = self._raster.width if is_complete else 0
        self._trusted = max(self._trusted, n_lines)
        return self._trusted, is_complete

    def read(self, first_line: int, n_lines: int) -> Segment:
        """
        Return lines ``[first_line, first_line + n_lines)``, core top first.

        Raises
        ------
        GrowingError
            If they were not trusted at the last ``refresh``.
        """
        if first_line < 0 or n_lines < 0:
            raise ValueError(f"expected lines of 0 or more, got {first_line} and {n_lines}")
        if first_line + n_lines > self._trusted:
            raise GrowingError(
                f"expected to read lines up to {first_line + n_lines}, but only {self._trusted} "
                f"are complete; look again later"
            )
        if n_lines == 0:
            return Segment(no_rows(self.n_across, self._raster.bits), first_line)
        if self._is_upright:
            return Segment(self._raster.rows(first_line, n_lines), first_line)
        if self.description.top == "left":
            return Segment(self._raster.columns(first_line, n_lines), first_line)
        first_column = self._raster.width - first_line - n_lines
        columns = self._raster.columns(first_column, n_lines)
        return Segment(columns[::-1].copy(), first_line)

    def close(self) -> None:
        """Close the files; harmless when called again."""
        self._raster.close()


def scan_of(
    raster: Raster,
    reading: Reading,
    *,
    format_name: str,
    place: object,
    default_top: Literal["up", "left", "right"] = "up",
    sidecar: Sidecar | None = None,
    todo: str = "set px_per_cm for this scanner in an [[inbox.rule]]",
) -> Scan:
    """
    Return the scan lines of a raster, and close the raster where that fails.

    A scale that was insisted on takes precedence over the sidecar, and the sidecar over one that
    is given for scans that say none; the DPI written in an image is never used,
    since scanners write a constant there.

    Parameters
    ----------
    raster : Raster
        The stored image.
    reading : Reading
        What the settings say.
    format_name : str
        Name of the format, for the description.
    place : object
        The file, for messages.
    default_top : {"up", "left", "right"}
        Side of the core's top in this format, where the settings give none.
    sidecar : Sidecar, optional
        What the file beside the image says.
    todo : str
        What a person can do where the scale is unknown.

    Raises
    ------
    UnknownScaleError
        If neither gives the pixels per centimetre, or not a number from 1 to 2000.
    SegmentError
        If the core lies along the rows, and their number is unknown.
    """
    with ExitStack() as undo:
        undo.callback(raster.close)
        if reading.px_per_cm is not None:
            px_per_cm, source = reading.px_per_cm, reading.px_per_cm_from
        elif (
            sidecar is not None
            and sidecar.px_per_cm is not None
            and (reading.px_per_cm_otherwise is None or _is_scale(sidecar.px_per_cm))
        ):
            px_per_cm, source = sidecar.px_per_cm, sidecar.where
        elif reading.px_per_cm_otherwise is not None:
            px_per_cm, source = reading.px_per_cm_otherwise, reading.px_per_cm_from
        else:
            raise UnknownScaleError(
                f"expected pixels per centimetre from the settings or a sidecar, got none: "
                f"{place}; {todo}"
            )
        _check_scale(px_per_cm, source, place)
        top = reading.top or default_top
        if top != "up" and raster.height is None:
            raise SegmentError(
                f"expected a known number of lines, as the core lies along them, got 0: {place}; "
                f"write it into the header"
            )
        undo.pop_all()
    sidecar = sidecar or Sidecar("")
    description = ScanDescription(
        format_name=format_name,
        px_per_cm=px_per_cm,
        px_per_cm_from=source,
        top=top,
        top_from=reading.top_from if reading.top else "format",
        bits=raster.bits,
        core=sidecar.core,
        section=sidecar.section,
        section_top_um=sidecar.section_top_um,
        warnings=sidecar.warnings + raster.notes + _disagreement(px_per_cm, sidecar),
        claims=_claims(reading, source, sidecar),
    )
    return Scan(raster, description)


def _claims(reading: Reading, px_per_cm_from: str, sidecar: Sidecar) -> ScanClaims:
    where, beside = sidecar.where, sidecar.px_per_cm
    # A rule that overrides sidecars, or a correction, was written by a person who knew of them.
    is_insisted = reading.px_per_cm is not None and reading.px_per_cm_from != "settings"
    is_scale = beside is not None and _is_scale(beside) and not is_insisted
    return ScanClaims(
        scale_from=px_per_cm_from,
        top_from=reading.top_from if reading.top else "format",
        sidecar_scales=(ScaleClaim(where, Fraction(beside or "")),) if is_scale else (),
        lengths=(LengthClaim(where, sidecar.length_cm),) if sidecar.length_cm else (),
        tops=(TopClaim(where, sidecar.top),) if sidecar.top else (),
        upside_down=tuple(upside_down_in(where, sidecar.remarks)),
    )


def _check_scale(px_per_cm: str, source: str, place: object) -> None:
    if not _is_scale(px_per_cm):
        raise UnknownScaleError(
            f"expected pixels per centimetre from 1 to 2000, got {shown(px_per_cm)} from "
            f"{source}: {place}; set px_per_cm for this scanner in an [[inbox.rule]]"
        )


def _is_scale(px_per_cm: str) -> bool:
    ratio = exact_ratio(px_per_cm)
    return ratio is not None and MIN_PX_PER_CM <= ratio <= MAX_PX_PER_CM


def _disagreement(px_per_cm: str, sidecar: Sidecar) -> tuple[str, ...]:
    beside = sidecar.px_per_cm
    if beside is None:
        return ()
    if not _is_scale(beside):
        return (f"the settings say {px_per_cm} px/cm, {sidecar.where} says {shown(beside)}",)
    if Fraction(beside) == Fraction(px_per_cm):
        return ()
    return (f"the settings say {px_per_cm} px/cm, {sidecar.where} says {beside}",)
