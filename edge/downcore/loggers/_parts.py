"""
A logger's file in parts of bounded size, so that a long one needs little memory and grows cheaply.

A part is the file's head with some of its rows: a whole file of its own. All files but very long
ones are one part, and read as :func:`~downcore.loggers.read_log` reads them.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from downcore.loggers._log import HEAD_BYTES, LogError, LogFormat

PART_LINES = 20_000
"""Lines of data in a part; reading one takes a second and 40 MB."""
MAX_LINE_BYTES = 1 << 20
"""Longest line that is read, and the longest file that has no lines of bytes, as UTF-16."""
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class LogPart:
    """Some rows of a file below its head."""

    index: int
    """Number of the part, from 0."""
    first_line: int
    """Number of its first line among the file's lines of data, from 0."""
    n_lines: int
    raw: bytes
    """Head and rows."""
    is_last: bool
    """Whether the file ends here."""

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, and of whether the file ends here."""
        return hashlib.sha256(bytes([self.is_last]) + self.raw).hexdigest()


def n_whole_bytes(path: Path) -> int:
    """
    Return how many bytes of a file are whole lines; what follows may be half of a row.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        wide = 1 if _is_wide(path) else 0
        end = size
        while end > 0:
            start = max(end - HEAD_BYTES, 0)
            file.seek(start)
            found = _after_last_line(file.read(end - start))
            if found:
                return min(start + found + wide, size) if wide else start + found
            end = start
    return 0


def _after_last_line(raw: bytes) -> int:
    # A carriage return at the very end may be half of the end of a line; it still ends it.
    return max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1


def _is_wide(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(HEAD_BYTES)


def log_parts(path: Path, fmt: LogFormat, n_bytes: int) -> Iterator[LogPart]:
    """
    Yield the parts of a file, from its top.

    Parameters
    ----------
    path : Path
        The file.
    fmt : LogFormat
        Its format.
    n_bytes : int
        How much of it is read.

    Raises
    ------
    LogError
        If it is too long, or has a line that is.
    OSError
        If it cannot be read.
    """
    if n_bytes > _MAX_BYTES:
        raise LogError(f"expected a log of at most {_MAX_BYTES} bytes, got {n_bytes}: {path}")
    with path.open("rb") as file:
        start = file.read(min(HEAD_BYTES, n_bytes))
        if b"\0" in start:
            if n_bytes > 16 * MAX_LINE_BYTES:
                raise LogError(
                    f"expected a log in UTF-8 or Latin letters where it is long, got {n_bytes} "
                    f"bytes of another encoding: {path}"
                )
            yield LogPart(0, 0, 1, start + file.read(n_bytes - len(start)), is_last=True)
            return
        file.seek(0)
        lines = _lines(file.readline, n_bytes, path)
        head: list[bytes] = []
        n_rows = fmt.n_head_rows(start)
        while sum(1 for line in head if line.strip()) < n_rows:
            line = next(lines, b"")
            if not line:
                break
            head.append(line)
        top = b"".join(head)
        index = first_line = 0
        ahead = next(lines, b"")
        while ahead or index == 0:
            rows = [ahead]
            while len(rows) < PART_LINES and (line := next(lines, b"")):
                rows.append(line)
            ahead = next(lines, b"")
            yield LogPart(index, first_line, len(rows), top + b"".join(rows), is_last=not ahead)
            index, first_line = index + 1, first_line + len(rows)


def _lines(readline: Callable[[int], bytes], n_bytes: int, path: Path) -> Iterator[bytes]:
    """Yield the lines of a file's first ``n_bytes``."""
    left = n_bytes
    while left > 0:
        line = readline(min(left, MAX_LINE_BYTES))
        if not line:
            return
        if len(line) == MAX_LINE_BYTES:
            raise LogError(f"expected lines of at most {MAX_LINE_BYTES} bytes, got longer: {path}")
        left -= len(line)
        yield line
