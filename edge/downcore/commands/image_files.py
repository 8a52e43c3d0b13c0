"""Finished images that a person names: which scan each belongs to, opened whole."""

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.sources import Reading, formats
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import SeenFile
from downcore.strata.errors import GrowingError, HostileFileError


class ImageFolders:
    """Finds the scans of named files; lists each folder once."""

    def __init__(self) -> None:
        self._folders: dict[Path, _Folder] = {}

    def find(self, path: Path) -> ScanFiles | str:
        """Return the scan that a named file belongs to, or why there is none."""
        try:
            path.lstat()
            if path.parent not in self._folders:
                self._folders[path.parent] = _listed(path.parent)
        except OSError as error:
            return f"cannot read it: {error.strerror}"
        if not path.is_file() or path.is_symlink():
            return "expected a regular file, got a folder, a link or a device"
        folder = self._folders[path.parent]
        if path in folder.scan_of:
            return folder.scan_of[path]
        known = ", ".join(fmt.title for fmt in formats().values())
        return folder.reason_of.get(path, f"no scanner format reads it; known: {known}")


@dataclass(frozen=True, slots=True)
class _Folder:
    scan_of: dict[Path, ScanFiles]
    """The scans of one folder, by each of their files."""
    reason_of: dict[Path, str]
    """Why the other images are none."""


def scan_files_of(path: Path) -> ScanFiles | str:
    """Return the scan that a named file belongs to, or why there is none."""
    return ImageFolders().find(path)


def readable_scan(path: Path) -> ScanFiles:
    """
    Return the scan that a named file belongs to.

    Raises
    ------
    HostileFileError
        If there is none; says why.
    """
    found = scan_files_of(path)
    if isinstance(found, str):
        raise HostileFileError(f"{printable(path)}: {found}")
    return found


@contextlib.contextmanager
def open_complete(scan_files: ScanFiles, reading: Reading) -> Iterator[tuple[ScanLines, int]]:
    """
    Open a scan and give its lines and how many there are.

    Raises
    ------
    SegmentError
        If it cannot be read, its scale is unknown, or it is not complete.
    """
    with contextlib.closing(scan_files.format.open(scan_files.paths, reading)) as lines:
        n_lines, is_complete = lines.refresh(is_still=True, is_closed=True)
        if not is_complete:
            raise GrowingError(
                f"expected a complete image, got {n_lines} of {lines.n_lines_expected} lines"
            )
        yield lines, n_lines


def _listed(folder: Path) -> _Folder:
    # What a person names is read, even if it is a preview of another image.
    scans, unclaimed = ScanFilesFinder(with_previews=True).find(_regular_files(folder))
    return _Folder(
        scan_of={path: scan_files for scan_files in scans for path in scan_files.paths},
        reason_of={image.file.path: image.reason for image in unclaimed},
    )


def _regular_files(folder: Path) -> Iterator[SeenFile]:
    """Yield the regular files of a folder; one that just went away is left out."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode):
                yield SeenFile(path, state.st_size, state.st_mtime_ns, state.st_ino, state.st_dev)
