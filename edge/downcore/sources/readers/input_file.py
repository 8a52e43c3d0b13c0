"""An input file, opened so that links, pipes and devices are refused."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Self

from downcore.strata.errors import HostileFileError, SegmentError

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class InputFile:
    """
    A regular file, read only, read at given places.

    It is never mapped into memory, since mapped pages count as the process's own
    and a file that shrinks would end the process.

    Parameters
    ----------
    path : Path
        The file; its last part must not be a symbolic link.

    Raises
    ------
    HostileFileError
        If it is a link, a folder, a pipe, a socket or a device.
    SegmentError
        If it is not there, or may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        try:
            self._fd = os.open(path, _FLAGS)
        except OSError as error:
            raise _refused(path, error) from error
        except ValueError as error:
            raise HostileFileError(f"expected a file name, got {path!r}: {error}") from error
        kind = self._state().st_mode
        if not stat.S_ISREG(kind):
            self.close()
            raise HostileFileError(
                f"expected a regular file, got {_kind_of(kind)}: {path}; put the file itself there"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.name

    def size(self) -> int:
        """
        Return its size now, in bytes.

        Raises
        ------
        SegmentError
            If the disk or the share fails.
        """
        return self._state().st_size

    def end_of_data(self) -> int:
        """Return a place, in bytes, after which the file is a hole; at most its size."""
        first, last = 0, self.size()
        while first < last:
            middle = (first + last) // 2
            try:
                first = os.lseek(self._fd, middle, os.SEEK_DATA) + 1
            except OSError as error:
                if error.errno != errno.ENXIO:
                    return last  # this file system does not tell
                last = middle
        return first

    def read_at(self, offset: int, n_bytes: int) -> bytes:
        """
        Return up to ``n_bytes`` from ``offset``; fewer where the file ends.

        Raises
        ------
        SegmentError
            If the disk or the share fails.
        """
        parts: list[bytes] = []
        while n_bytes > 0:
            try:
                part = os.pread(self._fd, min(n_bytes, 1 << 30), offset)
            except OSError as error:
                raise SegmentError(
                    f"expected to read {n_bytes} bytes at {offset} of {self.path}, got "
                    f"{error.strerror}; look at the disk or the network share"
                ) from error
            if not part:
                break
            parts.append(part)
            offset += len(part)
            n_bytes -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file; harmless when called again."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            # A share that went away may raise here; nothing was written that could be lost.
            with contextlib.suppress(OSError):
                os.close(fd)

    def _state(self) -> os.stat_result:
        try:
            return os.fstat(self._fd)
        except OSError as error:
            raise SegmentError(
                f"expected the state of {self.path}, got {error.strerror}; "
                f"look at the disk or the network share"
            ) from error


def first_bytes(path: Path, n_bytes: int) -> bytes:
    """
    Return the first ``n_bytes`` of a file, fewer where it is shorter.

    Raises
    ------
    SegmentError
        If it cannot be read.
    HostileFileError
        If it is not a regular file.
    """
    with InputFile(path) as file:
        return file.read_at(0, n_bytes)


def _refused(path: Path, error: OSError) -> SegmentError:
    if error.errno == errno.ELOOP:
        return HostileFileError(
            f"expected a regular file, got a symbolic link: {path}; put the file itself there"
        )
    if error.errno in {errno.ENXIO, errno.ENODEV}:
        return HostileFileError(f"expected a regular file, got a socket or a device: {path}")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SegmentError(
            f"expected a readable file, got {error.strerror}: {path}; "
            f"let the user that runs downcore read it"
        )
    return SegmentError(f"expected a readable file, got {error.strerror}: {path}")


def _kind_of(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((words for is_kind, words in kinds if is_kind(mode)), "something else")
