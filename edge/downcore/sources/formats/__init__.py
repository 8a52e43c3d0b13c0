"""
Scanner formats: one module each, found by looking in this package.

To add one, put a module here that defines ``FORMAT``, and its sample in
``tests/data/segments/<name>``; the contract tests do the rest. Modules
whose name starts with an underscore are not formats.
"""

from functools import cache
from pathlib import Path

from downcore.discovery import values_in
from downcore.sources.format import SegmentFormat
from downcore.sources.formats._geotek_sidecar import geotek_sidecar_path, read_geotek_tags

__all__ = ["format_of", "formats", "geotek_sidecar_path", "read_geotek_tags"]


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
        The file; its neighbours may be looked at.
    head : bytes
        Its first 64 bytes, fewer where there are fewer; see :func:`downcore.sources.head_of`.
    """
    return next((fmt for fmt in _formats() if fmt.claims(path, head)), None)
