"""The text header of a raw image, as ENVI and the line-camera programs write it."""

import re
from dataclasses import dataclass
from pathlib import Path

from downcore.sources.readers.input_file import first_bytes
from downcore.strata.errors import GrowingError, HostileFileError, SegmentError
from downcore.strata.input_text import MAX_DIGITS, shown, whole_number

_MAX_BYTES = 1 << 20
_COUNTS = ("samples", "bands", "lines", "header offset")


@dataclass(frozen=True, slots=True)
class RawHeader:
    """What a text header says of the raw file beside it."""

    path: Path
    samples: int
    """Pixels in a line."""

    lines: int | None
    """Scan lines, or None while the header does not give their number."""

    bands: int
    bits: int
    byte_order: str
    """``<`` or ``>``."""

    is_by_line: bool
    """Whether a line is stored band by band (``bil``), rather than pixel by pixel (``bip``)."""

    header_bytes: int
    px_per_cm: str | None

    is_sure: bool
    """Whether the last line is finished; a number at its end may else get more digits."""


def read_raw_header(path: Path) -> RawHeader:
    """
    Read a raw image's header.

    Raises
    ------
    GrowingError
        If it is not whole yet.
    HostileFileError
        If it is far too long, or a number in it makes no sense.
    SegmentError
        If it describes an image that is not read.
    """
    raw = first_bytes(path, _MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise HostileFileError(
            f"expected a header of at most {_MAX_BYTES} bytes, got a longer file: {path}"
        )
    text = raw.decode("latin-1").rstrip("\0")
    values = {
        re.sub(r"\s+", " ", key.strip().lower()): value.strip()
        for key, _, value in (line.partition("=") for line in text.splitlines())
        if value
    }
    missing = [key for key in ("samples", "bands", "data type") if not values.get(key)]
    if missing:
        raise GrowingError(
            f"expected a header with samples, bands and data type, got none for "
            f"{', '.join(missing)} yet: {path}"
        )
    counts = {key: _count(path, key, values.get(key, "0")) for key in _COUNTS}
    interleave = values.get("interleave", "bip").lower()
    kind = values["data type"]
    if interleave not in {"bip", "bil"} or kind not in {"1", "12"} or counts["bands"] != 3:  # noqa: PLR2004 - RGB
        raise SegmentError(
            f"expected 3 bands, interleave bip or bil, data type 1 or 12, got {counts['bands']} "
            f"bands, {shown(interleave)}, type {shown(kind)}: {path}; export it so"
        )
    return RawHeader(
        path=path,
        samples=counts["samples"],
        lines=counts["lines"] or None,
        bands=counts["bands"],
        bits=8 if kind == "1" else 16,
        byte_order=">" if values.get("byte order", "0") == "1" else "<",
        is_by_line=interleave == "bil",
        header_bytes=counts["header offset"],
        px_per_cm=values.get("pixels per cm") or values.get("px per cm"),
        is_sure=text.endswith("\n"),
    )


def _count(path: Path, key: str, text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise HostileFileError(
            f"expected a whole number of at most {MAX_DIGITS} digits for {key}, got "
            f"{shown(text)}: {path}; write the header again"
        )
    return number
