"""The kind of file system of a folder, and whether it reports changes made by other machines."""

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "prl_fs",
        "pvfs2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
"""File systems whose files another machine can change unnoticed by this kernel."""

LOCAL_FUSE = frozenset({"fuseblk", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuse-overlayfs"})
"""FUSE file systems on a local disk; any other is taken for a share."""


def file_system_of(folder: Path, mounts: str) -> str:
    """
    Return the kind of the file system on which a folder lies, as the kernel names it.

    Parameters
    ----------
    folder : Path
        An absolute path without links.
    mounts : str
        The text of ``/proc/self/mountinfo``.

    Returns
    -------
    str
        ``ext4``, ``nfs4``, ``fuse.sshfs`` and so on; "" if unknown.
    """
    kind, depth = "", -1
    for line in mounts.splitlines():
        fields, _, source = line.partition(" - ")
        words = fields.split(" ")
        if len(words) < 5 or not source:  # noqa: PLR2004 - the mount point is the fifth word
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[4]))
        # A later mount on the same point covers an earlier one.
        if folder.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = source.split(" ")[0], len(point.parts)
    return kind


def is_network_share(kind: str) -> bool:
    """Return whether files of this kind of file system may change unnoticed."""
    if kind.startswith("fuse"):
        return kind not in LOCAL_FUSE
    return kind in NETWORK_FILE_SYSTEMS


def file_system_here(folder: Path) -> str:
    """Return the kind of the file system on which a folder lies; "" if unknown."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        return file_system_of(Path(os.path.realpath(folder)), mounts)
    except OSError:
        return ""
