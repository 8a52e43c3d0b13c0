"""The lock that keeps a second daemon out of a store, and which store was run under it last."""

import contextlib
import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from downcore.strata.errors import StoreBusyError, StoreError
from downcore.strata.record import StoreOrigin

_MAX_BYTES = 256
_WIDTH = 128
"""Bytes of the lock file's one line, so that a shorter one replaces a longer one whole."""

_NS = 1_000_000_000
_STAMP_SLACK_NS = _NS
"""How far the file system's times may lie from the time that is written in the file."""

_TRIES = 5
_BETWEEN_TRIES_S = 0.02
"""A look at whether a daemon runs holds the lock for a moment, and must not keep one out."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """Which store was written last, and how far it had come."""

    epoch: int
    """0 where none was."""
    instance_id: str
    """Empty where an older version, which kept the epoch alone, wrote the lock file."""
    head_seq: int
    """Its newest announcement."""

    def is_continued_by(self, origin: StoreOrigin) -> bool:
        """Return whether a store is the one that was written last, and lacks nothing of it."""
        if self.epoch != origin.epoch:
            return False
        is_same = self.instance_id in {"", origin.instance_id}
        return is_same and origin.head_seq >= self.head_seq


NEVER = LastRun(epoch=0, instance_id="", head_seq=0)
"""Nothing is known of an earlier run."""


class DaemonLock:
    """
    The one daemon's claim on a store, held until ``release`` or the end of the process.

    The lock file also says which store was written last under it and up to which announcement,
    so that another one in its place, or an older copy of it, gets an epoch of its own.

    Raises
    ------
    StoreBusyError
        If another process holds the lock.
    StoreError
        If the lock file cannot be made, locked or read.
    """

    def __init__(self, database: Path) -> None:
        self.path = lock_file_of(database)
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreError(
                f"expected to make the lock file {self.path}, got {error.strerror}; "
                "check that the folder exists and may be written"
            ) from error
        try:
            self._lock(database)
            self.warned_of = ""
            """The version of SQLite that people were warned of; no more than one word."""
            self.last_run, self.last_epoch = self._read()
        except BaseException:
            os.close(self._fd)
            raise

    def remember(self, origin: StoreOrigin, *, durably: bool) -> None:
        """
        Keep which store is written, and its newest announcement.

        Parameters
        ----------
        origin : StoreOrigin
            The store.
        durably : bool
            Whether it must outlast a loss of power; what the system was given outlasts a kill.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        words = (str(origin.epoch), origin.instance_id, str(origin.head_seq))
        more = (self.warned_of,) if self.warned_of else ()
        try:
            # The first time makes the file system stamp the file, the second keeps that stamp.
            for _ in range(2):
                written_ns = os.fstat(self._fd).st_mtime_ns
                line = " ".join((*words, str(written_ns), *more)).ljust(_WIDTH - 1) + "\n"
                os.pwrite(self._fd, line.encode(), 0)
            if durably:
                os.fsync(self._fd)
        except OSError as error:
            raise self._fault("write", error) from error

    def release(self) -> None:
        """Give the claim up; the file stays, since removing it would let two daemons in."""
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            os.close(fd)

    def _lock(self, database: Path) -> None:
        for n_left in reversed(range(_TRIES)):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if n_left == 0:
                    raise StoreBusyError(
                        f"expected to own {database}, got a lock held by another downcore; "
                        "stop that one first, or give this one a database of its own"
                    ) from error
            except OSError as error:
                raise self._fault("lock", error) from error
            else:
                return
            threading.Event().wait(_BETWEEN_TRIES_S)

    def _read(self) -> tuple[LastRun, int]:
        """Return what was written last, and its epoch, which counts where the rest does not."""
        try:
            text = os.pread(self._fd, _MAX_BYTES, 0).decode("ascii", errors="replace")
            state = os.fstat(self._fd)
        except OSError as error:
            raise self._fault("read", error) from error
        words = text.split()
        numbers = [int(word) if word.isdecimal() else 0 for word in words]
        if len(words) == 1:
            return LastRun(numbers[0], "", 0), numbers[0]
        if len(words) not in {4, 5}:
            return NEVER, 0
        epoch, _, head_seq, written_ns = numbers[:4]
        self.warned_of = words[4] if words[4:] else ""
        # A copy of the file that was put back says what was true when the copy was made.
        times_ns = (state.st_mtime_ns, state.st_ctime_ns)
        if any(abs(time_ns - written_ns) > _STAMP_SLACK_NS for time_ns in times_ns):
            return NEVER, epoch
        return LastRun(epoch, words[1], head_seq), epoch

    def _fault(self, doing: str, error: OSError) -> StoreError:
        return StoreError(
            f"expected to {doing} the lock file {self.path}, got {error.strerror}; "
            "check the disk, and that it is a local one"
        )


def lock_file_of(database: Path) -> Path:
    """Return where the lock file of a database lies."""
    return database.with_name(database.name + ".lock")


def is_in_use(database: Path) -> bool:
    """Return whether another process has a database open for writing; False if none ever did."""
    try:
        fd = os.open(lock_file_of(database), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
