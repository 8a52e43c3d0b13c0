"""Whether the end of a file was never written."""

from pathlib import Path

from downcore.sources.readers.input_file import InputFile
from downcore.strata.errors import SegmentError

TAIL_BYTES = 4096
"""Bytes at the end of a file that are all zero where the end was never written."""


def is_tail_blank(path: Path) -> bool:
    """Return whether a file's last 4 KiB hold nothing but zeros; False for an empty one."""
    try:
        with InputFile(path) as file:
            tail = file.read_at(max(file.size() - TAIL_BYTES, 0), TAIL_BYTES)
    except SegmentError:
        return False
    return bool(tail) and not any(tail)
