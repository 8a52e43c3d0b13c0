"""The sidecars in a folder by their stems; each folder is listed once for many images."""

import bisect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_XML = ".xml"


class _Look(threading.local):
    """The folders that were listed in the look under way; None outside one."""

    folders: dict[Path, list[Path]] | None = None


_look = _Look()


@contextmanager
def one_look() -> Iterator[None]:
    """Within the block each folder is listed at most once, so that many images cost little."""
    before = _look.folders
    if before is None:
        _look.folders = {}
    try:
        yield
    finally:
        _look.folders = before


def xml_files_from(image: Path) -> list[Path]:
    """
    Return the XML files of an image's folder whose names begin with the image's stem.

    Raises
    ------
    OSError
        If the folder cannot be listed.
    """
    folder, stem = image.parent, image.stem
    listed = None if _look.folders is None else _look.folders.get(folder)
    if listed is None:
        listed = sorted(
            (path for path in folder.iterdir() if path.name.lower().endswith(_XML)),
            key=lambda path: path.name,
        )
        if _look.folders is not None:
            _look.folders[folder] = listed
    found: list[Path] = []
    for path in listed[bisect.bisect_left(listed, stem, key=lambda p: p.name) :]:
        if not path.name.startswith(stem):
            break
        found.append(path)
    return found
