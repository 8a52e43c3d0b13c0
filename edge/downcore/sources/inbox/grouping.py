"""Which scans the inbox holds: files that formats claim, grouped by scan."""

import bisect
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from downcore.sources.format import HEAD_BYTES, SegmentFormat
from downcore.sources.formats import format_of, formats, head_of, one_look
from downcore.sources.inbox.completeness import FileStability, observe
from downcore.sources.inbox.leaving_out import IMAGE_ENDINGS, LeftOut
from downcore.sources.inbox.listing import SeenFile
from downcore.sources.inbox.previews import PixelCounts, Twin, scan_among
from downcore.sources.inbox.rules import InboxRules
from downcore.strata.errors import SegmentError

SHARED_SIDECARS = frozenset({"document.txt"})
"""Names of sidecars that belong to every image in their folder, lower case."""

_SIDECAR = re.compile(r"([-_. ]?[^\W\d].*)?\.(xml|hdr|txt)", re.IGNORECASE | re.DOTALL)
"""What follows an image's stem in the name of its sidecar."""

MARKER_ENDING = ".done"
"""Ending of a file with which a writer marks the scan of the same name as finished."""

PREVIEWS = "previews of the same name as a scan beside them"
"""What the smaller or lossy ones of several images of one name are."""

EXCLUDED = "excluded by a rule of the settings"
"""What files are that a rule excludes."""


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """The files of one scan, as they were in one listing."""

    key: str
    """Identifies the scan while the daemon runs."""

    format: SegmentFormat
    files: tuple[SeenFile, ...]
    signature: str
    """Changes when any of the files, or a sidecar beside them, changes; 32 hex digits."""
    beside: str = ""
    """Changes when a sidecar beside the files changes, and only then; 32 hex digits."""
    is_marked: bool = False
    """Whether done markers lie beside the files."""

    @property
    def is_one_file(self) -> bool:
        """Whether the format has one file for each scan, not strips of which more may come."""
        return self.format.grouping(self.paths[0]) == str(self.paths[0])

    def continues(self, before: "ScanFiles") -> bool:
        """Return whether the files may only have grown, so that lines read before stay valid."""
        known = {(file.path, file.inode, file.device) for file in before.files}
        now = {(file.path, file.inode, file.device) for file in self.files}
        return known <= now and before.beside == self.beside and self.size >= before.size

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
    """An image that no format claims, or that cannot be opened."""

    file: SeenFile
    signature: str
    reason: str


class ScanFilesFinder:
    """
    Groups files into scans; remembers the format of a file, so that its head is read once.

    Parameters
    ----------
    rules : InboxRules, optional
        Which files are excluded or of what format, whatever they look like.
    with_previews : bool, default False
        Whether several images of one name are a scan each, rather than one scan and its previews.
    """

    def __init__(self, rules: InboxRules | None = None, *, with_previews: bool = False) -> None:
        self._rules = rules or InboxRules(Path())
        self._with_previews = with_previews
        self._formats: dict[Path, tuple[int, int, str, SegmentFormat]] = {}
        self._n_pixels = PixelCounts()
        self._last: tuple[tuple[SeenFile, ...], list[ScanFiles], list[Unclaimed]] = ((), [], [])
        self._has_unread = False
        """Whether a file could not be read the last time, which may pass unseen."""
        self.left_out: tuple[LeftOut, ...] = ()
        """Previews, and files that rules exclude, of the last call."""

    def find(self, files: Iterable[SeenFile]) -> tuple[list[ScanFiles], list[Unclaimed]]:
        """
        Return the scans among ``files``, the oldest first, and the images that no format claims.

        Files too short to recognise are left out until they have grown.
        """
        listed = tuple(files)
        # While a backlog is read nothing changes; permission to read a file changes nothing, too.
        if self._has_unread or (self._last[0] is not listed and self._last[0] != listed):
            with one_look():
                self._last = (listed, *self._find(listed))
        return self._last[1], self._last[2]

    def _find(self, listed: tuple[SeenFile, ...]) -> tuple[list[ScanFiles], list[Unclaimed]]:
        sidecars = _Sidecars(listed)
        claimed: list[Twin] = []
        unclaimed: list[Unclaimed] = []
        left_out: list[LeftOut] = []
        self._has_unread = False
        for file in listed:
            rule = self._rules.rule_of(file.path)
            if rule is not None and rule.exclude:
                left_out.append(LeftOut(file.path, is_folder=False, kind=EXCLUDED))
                continue
            try:
                fmt, reason = self._format_of(file, sidecars), _reason_unclaimed(file)
                if fmt is not None and rule is not None and rule.format:
                    fmt = formats()[rule.format]
            except SegmentError as error:
                fmt, reason = None, str(error)
                self._has_unread = True
            if fmt is not None:
                claimed.append(Twin(file, fmt))
            elif file.path.suffix.lower() in IMAGE_ENDINGS:
                unclaimed.append(Unclaimed(file, _scan_signature((file,), sidecars), reason))
        here = {file.path for file in listed}
        self._formats = {path: known for path, known in self._formats.items() if path in here}
        self._n_pixels.keep_only(here)
        scans = claimed if self._with_previews else self._without_previews(claimed, left_out)
        self.left_out = tuple(left_out)
        return sorted(_grouped(scans, sidecars, here), key=lambda c: (c.mtime_ns, c.key)), unclaimed

    def _without_previews(self, claimed: list[Twin], left_out: list[LeftOut]) -> list[Twin]:
        by_name: dict[tuple[Path, str], list[Twin]] = {}
        for twin in claimed:
            path = twin.file.path
            by_name.setdefault((path.parent, path.stem.lower()), []).append(twin)
        scans: list[Twin] = []
        for twins in by_name.values():
            endings = {twin.file.path.suffix.lower() for twin in twins}
            if len(endings) == 1:
                scans += twins
                continue
            scan = scan_among(twins, self._n_pixels.of)
            scans.append(scan)
            left_out += [
                LeftOut(twin.file.path, is_folder=False, kind=PREVIEWS)
                for twin in twins
                if twin is not scan
            ]
        return scans

    def _format_of(self, file: SeenFile, sidecars: "_Sidecars") -> SegmentFormat | None:
        beside = _signature(sidecars.of((file,)))
        known = self._formats.get(file.path)
        # A file that only grew keeps its head; one that was replaced has another inode.
        if known is not None and known[::2] == (file.inode, beside) and file.size >= known[1]:
            return known[3]
        fmt = format_of(file.path, head_of(file.path))
        if fmt is not None and file.size >= HEAD_BYTES:
            self._formats[file.path] = (file.inode, file.size, beside, fmt)
        return fmt


def _grouped(claimed: list[Twin], sidecars: "_Sidecars", here: set[Path]) -> Iterator[ScanFiles]:
    """Yield the scans of files, those of one scan together."""
    groups: dict[str, tuple[SegmentFormat, list[SeenFile]]] = {}
    for one in claimed:
        key = f"{one.format.name}:{one.format.grouping(one.file.path)}"
        groups.setdefault(key, (one.format, []))[1].append(one.file)
    for key, (fmt, group) in groups.items():
        files = tuple(group)
        yield ScanFiles(
            key,
            fmt,
            files,
            signature=_scan_signature(files, sidecars),
            beside=_signature(sidecars.of(files)),
            is_marked=all(_is_marked(file.path, here) for file in files),
        )


class _Sidecars:
    """The files of a listing that may be sidecars of images."""

    def __init__(self, files: Iterable[SeenFile]) -> None:
        self._by_folder: dict[Path, list[tuple[str, SeenFile]]] = {}
        self._shared: dict[Path, list[SeenFile]] = {}
        for file in files:
            name = file.path.name
            if _SIDECAR.search(name):
                self._by_folder.setdefault(file.path.parent, []).append((name, file))
            if name.lower() in SHARED_SIDECARS:
                self._shared.setdefault(file.path.parent, []).append(file)
        for listed in self._by_folder.values():
            listed.sort(key=lambda named: named[0])

    def of(self, files: tuple[SeenFile, ...]) -> set[SeenFile]:
        """Return the sidecars of ``files``."""
        found: set[SeenFile] = set()
        for file in files:
            folder, stem = file.path.parent, file.path.stem
            found.update(self._shared.get(folder, ()))
            listed = self._by_folder.get(folder, [])
            # Sorted names that begin with the stem are neighbours; a full folder costs little.
            for name, other in listed[bisect.bisect_left(listed, stem, key=lambda n: n[0]) :]:
                if not name.startswith(stem):
                    break
                if _SIDECAR.fullmatch(name, len(stem)):
                    found.add(other)
        return found


def observe_again(
    before: FileStability | None, scan_files: ScanFiles, *, now_s: float, is_closed: bool
) -> FileStability:
    """Return the stability of a scan's files, all together, after one more listing."""
    return observe(
        before,
        size=scan_files.size,
        mtime_ns=scan_files.mtime_ns,
        now_s=now_s,
        # That a strip was closed tells nothing about later strips.
        is_closed=(is_closed or scan_files.is_marked) and scan_files.is_one_file,
    )


def _is_marked(path: Path, here: set[Path]) -> bool:
    names = (path.stem + MARKER_ENDING, path.name + MARKER_ENDING)
    return any(path.with_name(name) in here for name in names)


def _scan_signature(files: tuple[SeenFile, ...], sidecars: _Sidecars) -> str:
    return _signature({*files, *sidecars.of(files)})


def _signature(files: set[SeenFile]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(files, key=lambda f: os.fsencode(f.path)):
        digest.update(os.fsencode(file.path))
        digest.update(f"\0{file.size}\0{file.mtime_ns}\0".encode())
    return digest.hexdigest()


def _reason_unclaimed(file: SeenFile) -> str:
    if file.size == 0:
        return "expected an image, got an empty file; it is looked at again when it grows"
    return "expected the first bytes of a TIFF, BMP, PNG, JPEG or raw image, got something else"
