"""
What libjpeg says on the standard error while OpenCV decodes a picture.

OpenCV gives pixels also where the compressed data are damaged: libjpeg fills the rest, and only
prints a warning. So standard error is led into memory for the time of the decoding; what others
write there meanwhile is passed on.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STANDARD_ERROR = 2
_LOCK = threading.Lock()
_WARNING = re.compile(rb"^(?:Corrupt JPEG data|Premature end of JPEG)[^\n]*\n?", re.MULTILINE)
_EXTRANEOUS = re.compile(rb"Corrupt JPEG data: ([0-9]+) extraneous bytes before marker 0xd9")
_MAX_PADDING = 2
"""Bytes before the end mark that some writers leave there, of no harm."""


@contextmanager
def jpeg_warnings() -> Iterator[list[str]]:
    """Give a list that holds, at the end of the block, what libjpeg warned of within it."""
    found: list[str] = []
    with _LOCK:
        kept = -1
        memory = os.memfd_create("jpeg-warnings")
        try:
            with suppress(OSError):  # a daemon may have no standard error
                kept = os.dup(_STANDARD_ERROR)
            os.dup2(memory, _STANDARD_ERROR)
            try:
                yield found
            finally:
                if kept >= 0:
                    os.dup2(kept, _STANDARD_ERROR)
                else:
                    os.close(_STANDARD_ERROR)
            text = os.pread(memory, os.fstat(memory).st_size, 0)
            found += [line.decode("ascii", "replace").strip() for line in _damage_in(text)]
            if kept >= 0 and (others := _WARNING.sub(b"", text)):
                os.write(_STANDARD_ERROR, others)
        finally:
            os.close(memory)
            if kept >= 0:
                os.close(kept)


def _damage_in(text: bytes) -> list[bytes]:
    lines = [match[0] for match in _WARNING.finditer(text)]
    padding = [_EXTRANEOUS.match(line) for line in lines]
    return [
        line
        for line, found in zip(lines, padding, strict=True)
        if found is None or int(found[1]) > _MAX_PADDING
    ]
