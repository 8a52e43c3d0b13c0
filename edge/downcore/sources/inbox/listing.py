"""
The files in the inbox, listed from the file system; events are only hints that it changed.

A listing never raises. What could not be read is listed as a problem, so that a share that
fails for a moment is not mistaken for an inbox that was emptied.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Protocol

from downcore.sources.inbox.leaving_out import LeaveOut, LeftOut

HIDDEN = "hidden folders"
"""What folders are whose names begin with a dot."""

NOT_YET_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".temp", "~")
"""Endings that copying programs use until they rename the file, lower case."""


class Trouble(Enum):
    """Why an entry of the inbox is not among the files."""

    UNREADABLE = "unreadable"
    """It could not be listed or read this time; nothing is known of it or of what it holds."""

    NOT_REGULAR = "not a regular file"
    """A symbolic link, pipe, socket or device; never followed and never opened."""

    BEYOND_LIMITS = "beyond the limits"
    """Deeper, or more files, than the limits allow; what is beyond was not listed."""


@dataclass(frozen=True, slots=True)
class ListingLimits:
    """How much of an inbox is listed."""

    max_entries: int = 2_000_000
    """Entries in one listing, folders included; at least 1."""

    max_depth: int = 12
    """Levels of folders below the inbox; 0 lists the inbox alone."""


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A regular file as it was when listed."""

    path: Path
    """The inbox joined with the file's path in it."""

    size: int
    """Bytes."""

    mtime_ns: int
    """The file system's time of the last change; compared for sameness only, never ordered."""

    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class ListingProblem:
    """An entry that is not among the files of a listing."""

    path: Path
    trouble: Trouble
    reason: str
    """A sentence to show to people."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of one listing, each part in the order of its paths' bytes."""

    files: tuple[SeenFile, ...]
    """Files under their final names."""

    not_yet: tuple[SeenFile, ...]
    """Hidden files and those under a copying program's temporary name."""

    problems: tuple[ListingProblem, ...]

    is_listed: bool
    """Whether the inbox itself could be listed; False says nothing about any file."""

    left_out: tuple[LeftOut, ...] = ()
    """What its name tells to be no scan of this inbox; folders among it were not looked into."""

    device: int | None = None
    """On which file system the inbox lies; None where it could not be told."""

    def can_tell_missing(self, path: Path) -> bool:
        """Return whether the folder of ``path`` was listed, so that a missing file is gone."""
        blind = (p.path for p in self.problems if p.trouble is not Trouble.NOT_REGULAR)
        return self.is_listed and not any(path.is_relative_to(b) for b in blind)


class Entry(Protocol):
    """The part of ``os.DirEntry`` that a listing uses."""

    @property
    def name(self) -> str:
        """The entry's name, undecodable bytes kept as lone surrogates."""
        ...

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the entry's state."""
        ...


ListFolder = Callable[[Path], AbstractContextManager[Iterable[Entry]]]
"""Opens a folder for listing, as ``os.scandir`` does."""


def list_inbox(
    inbox: Path,
    *,
    limits: ListingLimits,
    list_folder: ListFolder = os.scandir,
    leave_out: LeaveOut | None = None,
) -> Listing:
    """
    List every file below the inbox, without following a link and without opening a file.

    Parameters
    ----------
    inbox : Path
        The folder that the scanner writes to.
    limits : ListingLimits
        How many entries and levels of folders are listed.
    list_folder : callable, default ``os.scandir``
        How a folder is listed; tests pass one that fails.
    leave_out : LeaveOut, optional
        Which names are left out; by default what is left out of any inbox.

    Returns
    -------
    Listing
        The files, and what could not be read as problems. An entry that vanished between
        being listed and read is in neither.
    """
    walk = _Walk(limits, list_folder, leave_out or _by_default())
    is_listed = walk.folder(inbox, 0)
    return Listing(
        files=tuple(sorted(walk.files, key=_by_bytes)),
        not_yet=tuple(sorted(walk.not_yet, key=_by_bytes)),
        problems=tuple(sorted(walk.problems, key=_by_bytes)),
        is_listed=is_listed,
        left_out=tuple(sorted(walk.left_out, key=_by_bytes)),
        device=_device_of(inbox) if is_listed else None,
    )


def is_not_yet(name: str) -> bool:
    """Return whether a file's name is hidden or a copying program's temporary one."""
    return name.startswith((".", "~")) or name.lower().endswith(NOT_YET_SUFFIXES)


class _Walk:
    def __init__(self, limits: ListingLimits, list_folder: ListFolder, leave_out: LeaveOut) -> None:
        self.files: list[SeenFile] = []
        self.not_yet: list[SeenFile] = []
        self.problems: list[ListingProblem] = []
        self.left_out: list[LeftOut] = []
        self._leave_out = leave_out
        self._limits = limits
        self._list_folder = list_folder
        self._n_entries = 0

    def folder(self, folder: Path, depth: int) -> bool:
        try:
            with self._list_folder(folder) as entries:
                listed = self._listed(folder, entries)
        except OSError as error:
            # A folder that was moved away during the walk is not listed, but a missing
            # inbox is a share that is not mounted.
            if depth == 0 or not _is_gone(error):
                self._note(folder, Trouble.UNREADABLE, f"cannot list it: {error.strerror}")
            return False
        stems = self._leave_out.stems_of(entry.name for entry in listed)
        for entry in listed:
            self._entry(folder / entry.name, entry, depth, stems)
        return True

    def _listed(self, folder: Path, entries: Iterable[Entry]) -> list[Entry]:
        listed: list[Entry] = []
        for entry in entries:
            if self._n_entries >= self._limits.max_entries:
                limit = f"more than {self._limits.max_entries} entries in the inbox"
                self._note(folder, Trouble.BEYOND_LIMITS, limit)
                break
            self._n_entries += 1
            listed.append(entry)
        return listed

    def _entry(self, path: Path, entry: Entry, depth: int, stems: frozenset[str]) -> None:
        try:
            state = entry.stat(follow_symlinks=False)
        except OSError as error:
            if not _is_gone(error):
                self._note(path, Trouble.UNREADABLE, f"cannot look at it: {error.strerror}")
            return
        if stat.S_ISDIR(state.st_mode):
            self._subfolder(path, entry.name, depth)
        elif stat.S_ISREG(state.st_mode):
            if kind := self._leave_out.file_kind(entry.name, stems):
                self.left_out.append(LeftOut(path, is_folder=False, kind=kind))
                return
            seen = SeenFile(path, state.st_size, state.st_mtime_ns, state.st_ino, state.st_dev)
            (self.not_yet if is_not_yet(entry.name) else self.files).append(seen)
        else:
            kind = "a symbolic link" if stat.S_ISLNK(state.st_mode) else "a pipe, socket or device"
            self._note(path, Trouble.NOT_REGULAR, f"expected a regular file, got {kind}")

    def _subfolder(self, path: Path, name: str, depth: int) -> None:
        if kind := self._leave_out.folder_kind(name):
            self.left_out.append(LeftOut(path, is_folder=True, kind=kind))
            return
        if name.startswith("."):
            self.left_out.append(LeftOut(path, is_folder=True, kind=HIDDEN))
            return
        if depth >= self._limits.max_depth:
            limit = f"more than {self._limits.max_depth} folders deep"
            self._note(path, Trouble.BEYOND_LIMITS, limit)
            return
        self.folder(path, depth + 1)

    def _note(self, path: Path, trouble: Trouble, reason: str) -> None:
        self.problems.append(ListingProblem(path, trouble, reason))


def _is_gone(error: OSError) -> bool:
    return error.errno in (errno.ENOENT, errno.ENOTDIR)


@cache
def _by_default() -> LeaveOut:
    return LeaveOut()


def _device_of(inbox: Path) -> int | None:
    try:
        return inbox.stat().st_dev
    except OSError:
        return None


def _by_bytes(found: SeenFile | ListingProblem | LeftOut) -> bytes:
    return os.fsencode(found.path)
