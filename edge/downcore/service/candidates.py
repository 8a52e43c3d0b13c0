"""Which scans lie in the inbox: files that formats claim, grouped into one scan each."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from downcore.sources import SegmentFormat, format_of, head_of
from downcore.sources._format import HEAD_BYTES
from downcore.sources._reconcile import SeenFile
from downcore.strata.errors import SegmentError

SHARED_SIDECARS = frozenset({"document.txt"})
"""Files that say something of every image in their folder, lower case."""

IMAGE_ENDINGS = frozenset({".tif", ".tiff", ".bmp", ".png", ".jpg", ".jpeg", ".raw", ".img"})
"""Endings of files that a technician would expect to be read, lower case."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The files of one scan, as they stood at one look."""

    key: str
    """Tells one scan of the inbox from another while the daemon runs."""

    format: SegmentFormat
    files: tuple[SeenFile, ...]
    signature: str
    """Changes when any of the files, or a sidecar beside them, changes; 32 hex digits."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files' paths, in order."""
        return tuple(file.path for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def mtime_ns(self) -> int:
        """Latest change of any file; compared for sameness only."""
        return max(file.mtime_ns for file in self.files)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """An image that no format reads, or that cannot be opened."""

    file: SeenFile
    signature: str
    reason: str


class CandidateFinder:
    """Group files into scans; remembers which format a file has, so heads are read once."""

    def __init__(self) -> None:
        self._formats: dict[Path, tuple[int, int, SegmentFormat]] = {}

    def find(self, files: Iterable[SeenFile]) -> tuple[list[Candidate], list[Unclaimed]]:
        """
        Return the scans among ``files``, the oldest first, and the images nobody reads.

        Files too short to tell are left out until they have grown.
        """
        every = tuple(files)
        beside = _by_folder(every)
        grouped: dict[str, tuple[SegmentFormat, list[SeenFile]]] = {}
        unclaimed: list[Unclaimed] = []
        for file in every:
            try:
                fmt = self._format_of(file)
            except SegmentError as error:
                if file.path.suffix.lower() in IMAGE_ENDINGS:
                    unclaimed.append(Unclaimed(file, signature_of((file,), beside), str(error)))
                continue
            if fmt is not None:
                key = f"{fmt.name}:{fmt.grouping(file.path)}"
                grouped.setdefault(key, (fmt, []))[1].append(file)
            elif file.path.suffix.lower() in IMAGE_ENDINGS:
                unclaimed.append(
                    Unclaimed(file, signature_of((file,), beside), _nobody_reads(file))
                )
        found = [
            Candidate(key, fmt, tuple(group), signature_of(tuple(group), beside))
            for key, (fmt, group) in grouped.items()
        ]
        return sorted(found, key=lambda c: (c.mtime_ns, c.key)), unclaimed

    def _format_of(self, file: SeenFile) -> SegmentFormat | None:
        known = self._formats.get(file.path)
        # A file that only grew keeps its head; one that was replaced has another inode.
        if known is not None and known[0] == file.inode and file.size >= known[1]:
            return known[2]
        fmt = format_of(file.path, head_of(file.path))
        if fmt is not None and file.size >= HEAD_BYTES:
            self._formats[file.path] = (file.inode, file.size, fmt)
        return fmt


def signature_of(files: tuple[SeenFile, ...], beside: dict[Path, list[SeenFile]]) -> str:
    """Return what changes whenever ``files``, or what lies beside them for them, change."""
    members: set[SeenFile] = set(files)
    for file in files:
        members.update(
            other
            for other in beside.get(file.path.parent, ())
            if other.path.stem == file.path.stem or other.path.name.lower() in SHARED_SIDECARS
        )
    digest = hashlib.blake2b(digest_size=16)
    for one in sorted(members, key=lambda f: os.fsencode(f.path)):
        digest.update(os.fsencode(one.path))
        digest.update(f"\0{one.size}\0{one.mtime_ns}\0".encode())
    return digest.hexdigest()


def _by_folder(files: Iterable[SeenFile]) -> dict[Path, list[SeenFile]]:
    folders: dict[Path, list[SeenFile]] = {}
    for file in files:
        folders.setdefault(file.path.parent, []).append(file)
    return folders


def _nobody_reads(file: SeenFile) -> str:
    if file.size == 0:
        return "expected an image, got an empty file; it is looked at again when it grows"
    return "expected the first bytes of a TIFF, BMP, PNG, JPEG or raw image, got something else"
