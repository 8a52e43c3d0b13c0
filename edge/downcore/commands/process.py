"""``downcore process``: finished files, one after the other, as the daemon would read them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.clock import SystemClock
from downcore.commands.image_files import ImageFolders
from downcore.file_names import printable
from downcore.publish import payloads
from downcore.service.backlog import Backlog, BacklogPace
from downcore.service.identity import refusal_key
from downcore.service.measured_series import calibrated_station
from downcore.service.scan_ingest import ScanIngest
from downcore.service.scan_step import Outcome
from downcore.service.station import Station
from downcore.service.station_setup import open_station
from downcore.settings import Settings
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder, observe_again
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.store import Announcer, Reader
from downcore.strata.measured import MeasuredRows
from downcore.strata.reasons import grouped, shape_of, such_as
from downcore.strata.scan_corrections import CorrectionRequest

SLICES_PER_STEP = 64
"""Slices between two commits."""

MAX_WAITS = 3
"""Times that a file is found incomplete before it is given up."""

MAX_NAMED = 3
"""Files refused for one reason that are named one by one."""

OnSlices = Callable[[str, int, int | None], None]
"""Called with the section, its slices stored, and its slices expected if known."""

OnBacklog = Callable[[Backlog], None]
"""Called with how many scans are done, and how long the others will take."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file."""

    is_stored: bool
    sentence: str
    """What happened, for a person."""
    path: str = ""
    """The file that was refused; empty where it was not."""
    reason: str = ""
    """Why; empty where it was not."""
    abstained: tuple[tuple[str, int], ...] = ()
    """Reasons for which rows have no value, each with the number of centimetres."""


def process_files(
    paths: Sequence[Path],
    settings: Settings,
    *,
    on_slices: OnSlices,
    on_backlog: OnBacklog = lambda _: None,
    measured: MeasuredRows | None = None,
    said: CorrectionRequest | None = None,
    insists: CorrectionRequest | None = None,
) -> list[FileOutcome]:
    """
    Bring finished files into the store.

    Parameters
    ----------
    paths : sequence of Path
        Images; strips of one section are taken together when any of them is named. Of a folder
        every scan in it and below is taken, as of an inbox.
    settings : Settings
        Scale, orientation, bundles and store.
    on_slices : callable
        Called with the progress of a scan.
    on_backlog : callable, optional
        Called with the progress of all.
    measured : MeasuredRows, optional
        Of the one section that ``paths`` show; its predictions are stored as corrected by them,
        as a series of their own.
    said : CorrectionRequest, optional
        The scale or side that the person gave, who gave it, and when; it is kept.
    insists : CorrectionRequest, optional
        The person's acceptance where a question would be asked; without it the scan waits.

    Returns
    -------
    list of FileOutcome
        In the order of ``paths``, one a scan; a refused file does not keep the others from
        being read.

    Raises
    ------
    StoreError, BundleError, SettingsError
        If nothing can be read at all.
    """
    with open_station(
        settings,
        clock=SystemClock(),
        announce=announcer_of(settings.store.path),
        slices_per_step=SLICES_PER_STEP,
    ) as station:
        station = replace(station, said=said, insists=insists)  # noqa: PLW2901 - the same station
        if measured is not None:
            station = calibrated_station(station, measured)  # noqa: PLW2901 - the same station
        return process_at(station, paths, on_slices=on_slices, on_backlog=on_backlog)


def process_at(
    station: Station,
    paths: Sequence[Path],
    *,
    on_slices: OnSlices,
    on_backlog: OnBacklog = lambda _: None,
) -> list[FileOutcome]:
    """
    Bring finished files into the store of a station that is open.

    Parameters and result are those of :func:`process_files`.
    """
    station = _of_finished_files(station)
    asked = list(_asked_for(paths))
    bytes_left = sum(one.scan.size for one in asked if isinstance(one, _Asked))
    n_left, pace = len(asked), BacklogPace()
    outcomes: list[FileOutcome] = []
    for one in asked:
        station.store.take_requests()
        on_backlog(pace.update(n_left, bytes_left, station.clock.monotonic_s()))
        if isinstance(one, _Asked):
            inbox = station.inbox if one.folder is None else one.folder
            outcomes.append(_process(one.scan, replace(station, inbox=inbox), on_slices))
            bytes_left -= one.scan.size
        else:
            path, reason = one
            station.store.quarantine_try(refusal_key(path), printable(path), reason)
            outcomes.append(_refused(path, reason))
        n_left -= 1
    on_backlog(pace.update(n_left, bytes_left, station.clock.monotonic_s()))
    return outcomes


@dataclass(frozen=True, slots=True)
class _Asked:
    """A scan that a person asked for."""

    scan: ScanFiles
    folder: Path | None
    """The folder that was named, ``None`` where the file itself was."""


def _asked_for(paths: Sequence[Path]) -> Iterator[_Asked | tuple[Path, str]]:
    """Yield each scan of files and folders once, and what is none with the reason."""
    keys: set[str] = set()
    folders = ImageFolders()
    # One file has one name, from whatever folder it is named.
    for path in (named.parent.resolve() / named.name for named in paths):
        if path.is_dir() and not path.is_symlink():
            in_folder = path.resolve()
            found = list(_scans_below(in_folder))
        else:
            in_folder, found = None, [_or_reason(path, folders.find(path))]
        for one in found:
            if isinstance(one, tuple):
                yield one
            elif one.key not in keys:
                keys.add(one.key)
                yield _Asked(one, in_folder)


def _scans_below(folder: Path) -> Iterator[ScanFiles | tuple[Path, str]]:
    listing = list_inbox(folder, limits=ListingLimits())
    if not listing.is_listed:
        yield folder, "cannot list it; may it be read?"
        return
    scans, unclaimed = ScanFilesFinder().find(listing.files)
    yield from scans
    yield from ((image.file.path, image.reason) for image in unclaimed)
    yield from ((problem.path, problem.reason) for problem in listing.problems)
    if not (scans or unclaimed or listing.problems):
        yield folder, "expected scans in the folder or below, got none"


def _or_reason(path: Path, found: ScanFiles | str) -> ScanFiles | tuple[Path, str]:
    return (path, found) if isinstance(found, str) else found


def process_scans(
    station: Station, scans: Sequence[ScanFiles], *, on_slices: OnSlices
) -> Iterator[FileOutcome]:
    """Bring finished scans into the store of a station that is open, one after the other."""
    station = _of_finished_files(station)
    for found in scans:
        yield _process(found, station, on_slices)


def announcer_of(db: Path) -> Announcer | None:
    """Return what writes announcements for a store, where a daemon has announced from it."""
    if not db.exists():
        return None
    with Reader.open(db) as reader:
        return payloads if reader.origin().head_seq else None


def _of_finished_files(station: Station) -> Station:
    # Files handed over by a person are finished: nobody writes to them any more.
    return replace(station, patience=Patience(settle_s=0.0, give_up_s=0.0))


def _process(found: ScanFiles, station: Station, on_slices: OnSlices) -> FileOutcome:
    ingest = ScanIngest(station, found)
    outcome, stability = Outcome.MORE, None
    n_waits = 0
    with contextlib.closing(ingest):
        while outcome is Outcome.MORE or (outcome is Outcome.WAITING and n_waits < MAX_WAITS):
            now_s = station.clock.monotonic_s()
            stability = observe_again(stability, found, now_s=now_s, is_closed=True)
            outcome = ingest.step(found, stability)
            n_waits += outcome is Outcome.WAITING
            on_slices(ingest.name.section_id, ingest.n_slices, ingest.n_expected)
    name = ingest.name.section_id
    if outcome is Outcome.DONE:
        notes = [ingest.reason, *_superseded(station, ingest)]
        note = f" ({'; '.join(filter(None, notes))})" if any(notes) else ""
        return FileOutcome(
            is_stored=True,
            sentence=f"{name}: {ingest.n_slices} cm{note}",
            abstained=_abstained(station, ingest.scan_id),
        )
    if outcome is Outcome.QUESTIONED:
        return _refused(found.paths[0], f"waits, no rows: {ingest.reason}")
    stored = f"; {ingest.n_slices} cm were kept" if ingest.n_slices else ""
    return _refused(found.paths[0], ingest.reason + stored)


def _superseded(station: Station, ingest: ScanIngest) -> Iterator[str]:
    """Say which scans of the section this one supersedes."""
    with Reader.open(station.store.path) as reader:
        for earlier in reader.scans(ingest.name.section_id):
            if earlier.status.superseded_by == ingest.scan_id:
                scan = earlier.scan
                how = f"{float(scan.px_per_cm):.4g} px/cm, top {scan.top}"
                yield f"takes the place of scan {scan.scan_id[:8]}, {how}, {scan.path}"


def _abstained(station: Station, scan_id: str) -> tuple[tuple[str, int], ...]:
    with Reader.open(station.store.path) as reader:
        return tuple(reader.abstained(scan_id))


def _refused(path: Path, reason: str) -> FileOutcome:
    shown = printable(path)
    return FileOutcome(is_stored=False, sentence=f"{shown}: {reason}", path=shown, reason=reason)


def sentences(outcomes: Sequence[FileOutcome]) -> Iterator[tuple[bool, str]]:
    """
    Yield what happened, for a person: whether a line tells of what was stored, and the line.

    Many files that were refused for one reason are one line, and so are abstentions.
    """
    for outcome in outcomes:
        if outcome.is_stored:
            yield True, outcome.sentence
    refused = [(one.path, one.reason) for one in outcomes if not one.is_stored]
    for group in grouped(refused):
        if group.n <= MAX_NAMED:
            kind = shape_of(group.reason)
            alike = (one for one in outcomes if not one.is_stored and shape_of(one.reason) == kind)
            yield from ((False, one.sentence) for one in alike)
        else:
            yield False, f"{group.n} files: {group.reason} ({such_as(group.subjects)})"
    by_shape: dict[str, list[tuple[str, int]]] = {}
    for outcome in outcomes:
        for reason, n_cm in outcome.abstained:
            by_shape.setdefault(shape_of(reason), []).append((reason, n_cm))
    for counted in by_shape.values():
        n_cm = sum(n for _, n in counted)
        of = f" of {len(counted)} sections" if len(counted) > 1 else ""
        yield True, f"{n_cm:,} cm{of} abstained: {counted[0][0]}"
