"""What the daemon tells systemd, and when the disk is about to keep it from working."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

MIN_FREE_BYTES = 200_000_000
"""Free space of the store's disk below which the station says that it is degraded."""


def notify_systemd(message: str) -> bool:
    """
    Send one datagram to the service manager, such as ``READY=1`` or ``STATUS=...``.

    Returns
    -------
    bool
        Whether it was told; False outside systemd, or where the manager does not listen.

    Notes
    -----
    Source: sd_notify(3).

    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(message.encode(), address)
    except OSError:
        # The record does not depend on being heard.
        return False
    return True


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def lack_of_room(store: Path, free_bytes: Callable[[Path], int] = _free_bytes) -> str:
    """
    Return what to tell people of the disk that the store lies on; empty while all is well.

    Parameters
    ----------
    store : Path
        The store's file.
    free_bytes : callable, optional
        Tells the bytes that are free where a folder lies; the file system's by default.
    """
    try:
        free = free_bytes(store.parent)
    except OSError:
        # A disk that cannot be asked fails the store itself, which says so better.
        return ""
    if free >= MIN_FREE_BYTES:
        return ""
    return f"less than {MIN_FREE_BYTES // 1_000_000} MB are free in {store.parent}; make room"
