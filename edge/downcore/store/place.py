"""Where a store may live, and the lock that keeps a second daemon out of it."""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from downcore.strata.errors import StoreBusyError, StoreError

FilesystemOf: TypeAlias = Callable[[Path], str]
"""Answers the type of the file system that holds a path, as Linux names it; empty if unknown."""

NETWORK_FILESYSTEMS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.davfs2", "fuse.glusterfs",
        "fuse.gvfsd-fuse", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs", "gfs2",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb2", "smb3", "smbfs",
    }
)  # fmt: skip
"""File systems on which SQLite's locks or its shared memory cannot be trusted."""

_MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(path: Path) -> str:
    """Return the type of the file system that holds ``path``; empty where Linux does not say."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    return filesystem_in(lines, path.resolve())


def filesystem_in(mountinfo: list[str], path: Path) -> str:
    """
    Return the type of the file system that holds an absolute ``path``.

    Parameters
    ----------
    mountinfo : list of str
        Lines as in ``/proc/self/mountinfo``; a later mount hides an earlier one.
    path : Path
        Absolute, without links.

    Returns
    -------
    str
        The type, empty if no mount holds the path.

    Notes
    -----
    Source: proc(5), section on mountinfo.

    """
    best, answer = -1, ""
    for line in mountinfo:
        mount, _, rest = line.partition(" - ")
        fields = mount.split(" ")
        kind = rest.split(" ")[0]
        if len(fields) < 5 or not kind:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = Path(_unescaped(fields[4]))
        if len(point.parts) >= best and path.is_relative_to(point):
            best, answer = len(point.parts), kind
    return answer


def refuse_network_place(path: Path, filesystem: FilesystemOf) -> None:
    """
    Check that a database at ``path`` would lie on a local file system.

    Raises
    ------
    StoreError
        If it lies on a network file system.
    """
    kind = filesystem(path.parent)
    if kind in NETWORK_FILESYSTEMS:
        raise StoreError(
            f"expected a local disk for the database {path}, got a network file system ({kind}); "
            "move the database to a local disk and leave only the inbox on the share"
        )


class DaemonLock:
    """
    The one daemon's claim on a store, held until ``release`` or the end of the process.

    The lock file also remembers the newest epoch, so that a database made anew
    in the same place never announces under an epoch that was used before.

    Raises
    ------
    StoreBusyError
        If another process holds the lock.
    StoreError
        If the lock file cannot be made.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreError(
                f"expected to make the lock file {self._path}, got {error.strerror}; "
                "check that the folder exists and may be written"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise StoreBusyError(
                f"expected to own {database}, got a lock held by another downcore; "
                "stop that one first, or give this one a database of its own"
            ) from error

    def last_epoch(self) -> int:
        """Return the newest epoch used here, 0 where there was none."""
        text = os.pread(self._fd, 32, 0).decode("ascii", errors="replace").strip()
        return int(text) if text.isdecimal() else 0

    def remember_epoch(self, epoch: int) -> None:
        """Keep ``epoch`` as used, durably."""
        os.pwrite(self._fd, f"{epoch}\n".encode(), 0)
        os.fsync(self._fd)

    def release(self) -> None:
        """Give the claim up; the file stays, since removing it would let two daemons in."""
        with contextlib.suppress(OSError):
            os.close(self._fd)


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
