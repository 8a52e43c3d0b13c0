"""A look at every scan of an inbox by its headers: what it is, its scale, its name, its doubles."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from downcore.ports import ScanDescription
from downcore.service.station_setup import ScanSettings
from downcore.sources import Reading
from downcore.sources.formats import one_look
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder, Unclaimed
from downcore.sources.inbox.leaving_out import LeftOut
from downcore.sources.inbox.listing import Listing, ListingLimits, list_inbox
from downcore.sources.inbox.naming import name_of_scan
from downcore.sources.inbox.rules import place_in
from downcore.sources.inbox.section_names import SectionName
from downcore.strata.errors import SegmentError, UnknownScaleError

_SAMPLE_BYTES = 4_096
_ANY_SCALE = Reading(px_per_cm="100")
"""What is wanted beside the scale does not depend on it."""

OnScan = Callable[[int, int], None]
"""Called with the number of scans looked at, and of all."""


@dataclass(frozen=True, slots=True)
class SurveyedScan:
    """One scan, as its headers and sidecars tell."""

    files: ScanFiles
    place: Path
    """Where its first file lies in the inbox."""
    name: SectionName
    description: ScanDescription | None
    """As it would be read; None where its scale is unknown or it cannot be opened."""
    reason: str
    """Why it would not be read; empty where it would."""
    needs_scale: bool
    """Whether a scale is all that it lacks."""
    top: str
    """Side of the image where the core's top is; empty where it cannot be opened."""
    may_repeat: bool
    """Whether a rule says that other folders have the same section, scanned again."""
    n_lines: int | None
    n_across: int
    """Scan lines, and pixels of each; 0 across where it cannot be opened."""

    @property
    def scale(self) -> Fraction | None:
        """Scan lines per centimetre, exact; None where that is unknown."""
        return None if self.description is None else Fraction(self.description.px_per_cm)

    @property
    def folder(self) -> str:
        """Its folder in the inbox; ``.`` for the inbox itself."""
        return self.place.parent.as_posix()


@dataclass(frozen=True, slots=True)
class Survey:
    """Every scan of an inbox, and what is none."""

    inbox: Path
    listing: Listing
    scans: tuple[SurveyedScan, ...]
    unclaimed: tuple[Unclaimed, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def unplaced(self) -> list[SurveyedScan]:
        """The scans that would not be read."""
        return [scan for scan in self.scans if scan.reason]

    def collisions(self) -> list[list[SurveyedScan]]:
        """Return the scans that share a section's name though their pixels differ."""
        by_name: dict[str, list[SurveyedScan]] = {}
        for scan in self.scans:
            if not scan.may_repeat:
                by_name.setdefault(scan.name.section_id, []).append(scan)
        return [
            scans
            for scans in by_name.values()
            if len(scans) > 1 and len({_sample(scan.files) for scan in scans}) > 1
        ]

    def copies(self) -> list[list[SurveyedScan]]:
        """Return the scans that seem to be byte for byte the same under different names."""
        by_size: dict[int, list[SurveyedScan]] = {}
        for scan in self.scans:
            by_size.setdefault(scan.files.size, []).append(scan)
        by_sample: dict[str, list[SurveyedScan]] = {}
        for scans in by_size.values():
            for scan in scans if len(scans) > 1 else ():
                by_sample.setdefault(_sample(scan.files), []).append(scan)
        return [
            scans
            for sample, scans in by_sample.items()
            if sample and len({scan.name.section_id for scan in scans}) > 1
        ]


def survey(inbox: Path, settings: ScanSettings, *, on_scan: OnScan | None = None) -> Survey:
    """
    Look at every scan of an inbox, without reading pixels and without changing anything.

    Parameters
    ----------
    inbox : Path
        The folder that the scanner writes to.
    settings : ScanSettings
        How scans are read, named and left out.
    on_scan : callable, optional
        Called after each scan.
    """
    listing = list_inbox(inbox, limits=ListingLimits(), leave_out=settings.leave_out)
    finder = ScanFilesFinder(settings.inbox_rules)
    with one_look():
        scans, unclaimed = finder.find(listing.files)
        surveyed: list[SurveyedScan] = []
        for n, scan_files in enumerate(scans, start=1):
            surveyed.append(_surveyed(scan_files, inbox, settings))
            if on_scan is not None:
                on_scan(n, len(scans))
    return Survey(
        inbox=inbox,
        listing=listing,
        scans=tuple(surveyed),
        unclaimed=tuple(unclaimed),
        left_out=(*listing.left_out, *finder.left_out),
    )


def _surveyed(scan_files: ScanFiles, inbox: Path, settings: ScanSettings) -> SurveyedScan:
    path = scan_files.paths[0]
    rule = settings.inbox_rules.rule_of(path)
    reading = settings.inbox_rules.reading_of(path, settings.reading)
    reason, needs_scale = "", False
    opened = _opened(scan_files, reading)
    if isinstance(opened, SegmentError):
        reason, needs_scale = str(opened), isinstance(opened, UnknownScaleError)
        opened = _opened(scan_files, _ANY_SCALE) if needs_scale else opened
    description, n_lines, n_across = (None, None, 0) if isinstance(opened, SegmentError) else opened
    name = name_of_scan(scan_files, description, settings.inbox_rules, settings.patterns)
    return SurveyedScan(
        files=scan_files,
        place=place_in(inbox, path),
        name=name,
        description=None if reason else description,
        reason=reason,
        needs_scale=needs_scale and description is not None,
        top="" if description is None else (reading.top or description.top),
        may_repeat=rule is not None and rule.ignores_folder,
        n_lines=n_lines,
        n_across=n_across,
    )


def _opened(
    scan_files: ScanFiles, reading: Reading
) -> tuple[ScanDescription, int | None, int] | SegmentError:
    """Return what is known of a scan, its lines and pixels across, or why it cannot be opened."""
    try:
        lines = scan_files.format.open(scan_files.paths, reading)
        with contextlib.closing(lines):
            return lines.description, lines.n_lines_expected, lines.n_across
    except SegmentError as error:
        return error


def _sample(scan_files: ScanFiles) -> str:
    """Return a digest of a few parts of a scan's files, which tells copies; empty where unread."""
    digest = hashlib.blake2b(digest_size=16)
    for path, file in zip(scan_files.paths, scan_files.files, strict=True):
        digest.update(f"{file.size}\0".encode())
        try:
            with path.open("rb") as opened:
                for start in _starts(file.size):
                    opened.seek(start)
                    digest.update(opened.read(_SAMPLE_BYTES))
        except OSError:
            return ""
    return digest.hexdigest()


def _starts(size: int) -> Iterable[int]:
    return sorted({0, size // 3, size // 2, max(size - _SAMPLE_BYTES, 0)})
