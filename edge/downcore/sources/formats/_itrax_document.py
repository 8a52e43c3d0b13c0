"""The ``document.txt`` that an Itrax scanner writes beside ``optical.tif``."""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from downcore.sources.readers.input_file import first_bytes
from downcore.strata.errors import GrowingError, HostileFileError
from downcore.strata.input_text import MAX_DECIMALS, MAX_DIGITS, exact_number, name_text, shown

_MAX_BYTES = 1 << 16
_NUMBER = r"\s{0,40}[\t:=;]?\s{0,40}([-+]?[0-9]+(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]{1,2})?)"
_RANGE_END = r"[ \t]{0,40}(?:mm)?[ \t]{0,40}(\r|\n|\t|;)"
_OPTICAL = re.compile(
    rf"Optical\s{{1,9}}Start{_NUMBER}\s{{0,40}}(?:mm)?[\s;]{{0,40}}"
    rf"Optical\s{{1,9}}End{_NUMBER}{_RANGE_END}",
    re.IGNORECASE,
)
_STEP = re.compile(rf"Step size{_NUMBER}", re.IGNORECASE)
_SAMPLE = re.compile(r"\A[^\n]*\n[^\n\t]*\t([^\t\n]*)\t([^\t\n]*)")
_UM_FROM = 10
"""A step of 10 or more is in micrometres, a smaller step in millimetres; the unit is ignored."""


@dataclass(frozen=True, slots=True)
class ItraxDocument:
    """The values of the document that concern the optical image."""

    path: Path
    start_mm: Fraction | None
    end_mm: Fraction | None
    """Where on the bed the image starts and ends; None when the document does not say."""

    step_mm: Fraction | None
    """Distance between scan lines of the image as it was taken."""

    core: str | None
    section: str | None


def read_itrax_document(path: Path) -> ItraxDocument:
    """
    Read an Itrax ``document.txt``.

    Raises
    ------
    GrowingError
        If it is empty.
    HostileFileError
        If it is far too long to be one, or a number in it is.
    """
    raw = first_bytes(path, _MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise HostileFileError(
            f"expected an Itrax document of at most {_MAX_BYTES} bytes, got a longer file: {path}"
        )
    text = _text(raw)
    if not text.strip("\0\r\n\t "):
        raise GrowingError(f"expected an Itrax document, got an empty file: {path}")
    optical = _OPTICAL.search(text)
    step = _STEP.search(text, optical.end()) if optical else None
    sample = _SAMPLE.search(text.replace("\r\n", "\n").replace("\r", "\n"))
    return ItraxDocument(
        path=path,
        start_mm=None if optical is None else _number(path, optical[1]),
        end_mm=None if optical is None else _number(path, optical[2]),
        step_mm=None if step is None else _step_mm(_number(path, step[1])),
        core=name_text(sample[1]) if sample else None,
        section=name_text(sample[2]) if sample else None,
    )


def _text(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw[: len(raw) & ~1].decode("utf-16", errors="replace")
    if raw[1:64:2].count(0) > len(raw[1:64:2]) // 2:
        return raw[: len(raw) & ~1].decode("utf-16-le", errors="replace")
    if raw[0:64:2].count(0) > len(raw[0:64:2]) // 2:
        return raw[: len(raw) & ~1].decode("utf-16-be", errors="replace")
    # The text may be UTF-8, Mac or Windows; what is searched is ASCII in all of them.
    return raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _number(path: Path, text: str) -> Fraction:
    digits, _, exponent = text.lower().lstrip("+-").partition("e")
    number = exact_number(digits)
    if number is not None:
        # Two digits of exponent at most, as the pattern has them.
        number *= Fraction(10) ** int(exponent or 0) * (-1 if text.startswith("-") else 1)
    if number is None:
        raise HostileFileError(
            f"expected numbers of at most {MAX_DIGITS} digits and {MAX_DECIMALS} decimals, got "
            f"{shown(text)}: {path}; export the document again"
        )
    return number


def _step_mm(step: Fraction) -> Fraction | None:
    return (step / 1000 if step >= _UM_FROM else step) or None
