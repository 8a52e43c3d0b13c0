"""
Scanner formats: one module each, discovered in this package.

To add one, put a module here that defines ``FORMAT``, and its sample in
``tests/data/segments/<name>``; the contract tests do the rest. Modules
whose name starts with an underscore are not formats.
"""

from functools import cache
from pathlib import Path

from downcore.discovery import values_in
from downcore.sources.format import HEAD_BYTES, SegmentFormat
from downcore.sources.formats._beside import one_look
from downcore.sources.formats._geotek_sidecar import geotek_sidecar_path, read_geotek_tags
from downcore.sources.formats._itrax_document import read_itrax_document
from downcore.sources.readers.input_file import first_bytes

__all__ = [
    "format_of",
    "formats",
    "geotek_sidecar_path",
    "head_of",
    "one_look",
    "read_geotek_tags",
    "read_itrax_document",
]


@cache
def _formats() -> tuple[SegmentFormat, ...]:
    found = values_in(__name__, "FORMAT", SegmentFormat)
    return tuple(sorted(found, key=lambda fmt: (fmt.rank, fmt.name)))


def formats() -> dict[str, SegmentFormat]:
    """Return every scanner format in this package by name, the most specific first."""
    return {fmt.name: fmt for fmt in _formats()}


def format_of(path: Path, head: bytes) -> SegmentFormat | None:
    """
    Return the most specific format that claims a file, or None.

    Parameters
    ----------
    path : Path
        The file; the files beside it may be read, too.
    head : bytes
        Its first 64 bytes, or all of a shorter file; see :func:`head_of`.
    """
    return next((fmt for fmt in _formats() if fmt.claims(path, head)), None)


def head_of(path: Path) -> bytes:
    """
    Return the first 64 bytes of a file, fewer where it is shorter; they tell its format.

    Raises
    ------
    SegmentError
        If it cannot be read.
    HostileFileError
        If it is not a regular file.
    """
    return first_bytes(path, HEAD_BYTES)
