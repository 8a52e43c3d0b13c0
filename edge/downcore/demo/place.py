"""The demo's own folder: what it may clear, and what it must not touch."""

import shutil
from pathlib import Path

from downcore.store.daemon_lock import DaemonLock
from downcore.strata.errors import SettingsError

MARKER = ".downcore-demo"
"""A folder with this file in it was made by the demo."""

CORE_NAME = "2026_000_FA_SIM01"
"""What the names of the demo's own scans begin with."""

OWN = ("inbox", "downcore.db", "downcore.db-wal", "downcore.db-shm", "downcore.db.lock")


def prepare(folder: Path) -> Path:
    """
    Make the demo's folder, or clear what an earlier demo left in it; return its inbox.

    Raises
    ------
    SettingsError
        If there is a folder with other things in it, or it cannot be written.
    StoreBusyError
        If another demo runs in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / MARKER
        if not marker.exists() and any(folder.iterdir()):
            raise SettingsError(
                f"expected an empty folder or one of an earlier demo, got {folder}; "
                "choose another with --folder"
            )
        marker.touch()
        _refuse_foreign(folder / "inbox")
        DaemonLock(folder / "downcore.db").release()
        for name in OWN:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        inbox = folder / "inbox"
        inbox.mkdir()
    except OSError as error:
        raise SettingsError(f"cannot prepare {folder}: {error.strerror}") from None
    return inbox


def _refuse_foreign(inbox: Path) -> None:
    """Refuse to clear an inbox into which somebody put images of their own."""
    inside = inbox.iterdir() if inbox.is_dir() else ()
    foreign = sorted(path.name for path in inside if not path.name.startswith(CORE_NAME))
    if foreign:
        raise SettingsError(
            f"expected nothing but the demo's own scans in {inbox}, got {foreign[0]!r}; "
            "move it away, or choose another folder with --folder"
        )
