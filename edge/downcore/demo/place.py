"""The demo's own folder: what it may clear, and what it must not touch."""

import shutil
from pathlib import Path

from downcore.strata.errors import SettingsError

MARKER = ".downcore-demo"
"""A folder with this file in it was made by the demo."""

OWN = ("inbox", "downcore.db", "downcore.db-wal", "downcore.db-shm", "downcore.db.lock")


def prepare(folder: Path) -> Path:
    """
    Make the demo's folder, or clear what an earlier demo left in it; return its inbox.

    Raises
    ------
    SettingsError
        If there is a folder with other things in it, or it cannot be written.
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
