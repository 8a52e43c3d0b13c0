"""``downcore process``: finished files, one after the other, as the daemon would read them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.clock import SystemClock
from downcore.commands.image_files import ImageFolders
from downcore.file_names import printable
from downcore.publish import payloads
from downcore.service.corrections import calibrated_station
from downcore.service.identity import refusal_key
from downcore.service.scan_ingest import ScanIngest
from downcore.service.scan_step import Outcome
from downcore.service.station import Station
from downcore.service.station_setup import open_station
from downcore.settings import Settings
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.grouping import ScanFiles, observe_again
from downcore.store import Announcer, Reader
from downcore.strata.measured import MeasuredRows
from downcore.strata.scan_corrections import CorrectionRequest

SLICES_PER_STEP = 64
"""Slices between two commits."""

MAX_WAITS = 3
"""Times that a file is found incomplete before it is given up."""

OnSlices = Callable[[str, int, int | None], None]
"""Called with the section, its slices stored, and its slices expected if known."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file."""

    is_stored: bool
    sentence: str
    """What happened, for a person."""


def process_files(
    paths: Sequence[Path],
    settings: Settings,
    *,
    on_slices: OnSlices,
    measured: MeasuredRows | None = None,
    said: CorrectionRequest | None = None,
    insists: CorrectionRequest | None = None,
) -> list[FileOutcome]:
    """
    Bring finished files into the store.

    Parameters
    ----------
    paths : sequence of Path
        Images; strips of one section are taken together when any of them is named.
    settings : Settings
        Scale, orientation, bundles and store.
    on_slices : callable
        Called with the progress.
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
        return process_at(station, paths, on_slices=on_slices)


def process_at(
    station: Station, paths: Sequence[Path], *, on_slices: OnSlices
) -> list[FileOutcome]:
    """
    Bring finished files into the store of a station that is open.

    Parameters and result are those of :func:`process_files`.
    """
    station = _of_finished_files(station)
    outcomes: list[FileOutcome] = []
    keys: set[str] = set()
    folders = ImageFolders()
    # One file has one name, from whatever folder it is named.
    for path in (named.parent.resolve() / named.name for named in paths):
        station.store.take_requests()
        found = folders.find(path)
        if isinstance(found, str):
            station.store.quarantine_try(refusal_key(path), printable(path), found)
            outcomes.append(_refused(path, found))
        elif found.key not in keys:
            keys.add(found.key)
            outcomes.append(_process(found, station, on_slices))
    return outcomes


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
        return FileOutcome(is_stored=True, sentence=f"{name}: {ingest.n_slices} cm{note}")
    if outcome is Outcome.QUESTIONED:
        return _refused(found.paths[0], f"waits, no rows: {ingest.reason}")
    stored = f"; {ingest.n_slices} cm were kept" if ingest.n_slices else ""
    return _refused(found.paths[0], ingest.reason + stored)


def _superseded(station: Station, ingest: ScanIngest) -> Iterator[str]:
    """Say which earlier scans of the section this one supersedes."""
    with Reader.open(station.store.path) as reader:
        for earlier in reader.scans(ingest.name.section_id):
            if earlier.status.superseded_by == ingest.scan_id:
                yield f"takes the place of the earlier scan {earlier.scan.path}"


def _refused(path: Path, reason: str) -> FileOutcome:
    return FileOutcome(is_stored=False, sentence=f"{printable(path)}: {reason}")
