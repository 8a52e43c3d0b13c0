"""Where a store may live."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from downcore.strata.errors import StoreError

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


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
