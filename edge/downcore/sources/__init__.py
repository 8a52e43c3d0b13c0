"""
What the scanner writes: formats, readers of image files, and the inbox they lie in.

``formats`` holds one module for each scanner format, ``readers`` what reads TIFF, BMP, PNG, JPEG
and raw images line by line, ``inbox`` the listing, grouping and completeness of files.
"""

from pathlib import Path

from downcore.sources.format import HEAD_BYTES, Limits, Reading, SegmentFormat
from downcore.sources.formats import (
    format_of,
    formats,
    geotek_sidecar_path,
    read_geotek_tags,
)
from downcore.sources.inbox.listing import is_not_yet
from downcore.sources.inbox.section_names import SectionName, section_name
from downcore.sources.readers.input_file import InputFile

__all__ = [
    "HEAD_BYTES",
    "Limits",
    "Reading",
    "SectionName",
    "SegmentFormat",
    "format_of",
    "formats",
    "geotek_sidecar_path",
    "head_of",
    "is_not_yet",
    "read_geotek_tags",
    "section_name",
]


def head_of(path: Path) -> bytes:
    """
    Return the first 64 bytes of a file, fewer where there are fewer.

    Raises
    ------
    SegmentError
        If it cannot be read.
    HostileFileError
        If it is not a regular file.
    """
    with InputFile(path) as file:
        return file.read_at(0, HEAD_BYTES)
