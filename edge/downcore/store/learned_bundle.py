"""Which learned bundle is in use: a small file beside the store, replaced whole."""

import os
from pathlib import Path

from downcore.strata.errors import StoreError

FOLDER = "learned"
"""Folder beside the store that learned bundles lie in."""

_IN_USE = "in-use"
_MAX_CHARACTERS = 200


def learned_folder(db: Path) -> Path:
    """Return the folder of the learned bundles of a store."""
    return db.parent / FOLDER


def use_learned(db: Path, bundle: Path) -> None:
    """
    Let the daemon answer with a learned bundle from the next section on.

    Raises
    ------
    StoreError
        If that cannot be written down.
    """
    place = learned_folder(db) / _IN_USE
    beside = place.with_suffix(".new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(bundle.name + "\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except OSError as error:
        raise StoreError(f"expected to write {place}, got: {error.strerror}") from error


def learned_in_use(db: Path) -> Path | None:
    """Return the learned bundle that is in use; ``None`` for none."""
    folder = learned_folder(db)
    try:
        with (folder / _IN_USE).open(encoding="utf-8", errors="replace") as file:
            name = file.read(_MAX_CHARACTERS).strip()
    except OSError:
        return None
    is_plain = bool(name) and Path(name).name == name and name not in {".", ".."}
    return folder / name if is_plain else None
