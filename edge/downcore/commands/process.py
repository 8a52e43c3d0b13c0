"""``downcore process``: finished files, one after the other, through the same journey."""

import contextlib
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.clock import SystemClock
from downcore.file_names import printable
from downcore.service.corrections import calibrated_station
from downcore.service.identity import refusal_key
from downcore.service.opening import open_station
from downcore.service.outcome import Outcome
from downcore.service.scan_ingest import ScanIngest
from downcore.service.station import Station
from downcore.settings import Settings
from downcore.sources import formats
from downcore.sources.inbox.completeness import Patience
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import SeenFile
from downcore.store import Reader
from downcore.strata.measured import MeasuredRows

SLICES_PER_STEP = 64
"""Slices between two commits."""

MAX_WAITS = 3
"""Looks at a file that is not complete before it is given up."""

OnSlices = Callable[[str, int, int | None], None]
"""Told section, slices kept, and slices expected if known."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file."""

    is_kept: bool
    sentence: str
    """What happened, for a person."""


def process_files(
    paths: Sequence[Path],
    settings: Settings,
    *,
    on_slices: OnSlices,
    measured: MeasuredRows | None = None,
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
        Told of the progress.
    measured : MeasuredRows, optional
        Of the one section that ``paths`` show; its predictions are kept as corrected by them,
        as a series of their own.

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
        settings, clock=SystemClock(), announce=None, slices_per_step=SLICES_PER_STEP
    ) as station:
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
    # Files handed over by a person are finished: nobody writes to them any more.
    station = replace(station, patience=Patience(settle_s=0.0, give_up_s=0.0))
    outcomes: list[FileOutcome] = []
    keys: set[str] = set()
    folders: dict[Path, _Folder] = {}
    # One file has one name, from whatever folder it is spoken of.
    for path in (named.parent.resolve() / named.name for named in paths):
        found = _scan_files_in(folders, path)
        if isinstance(found, str):
            station.store.quarantine_try(refusal_key(path), printable(path), found)
            outcomes.append(_refused(path, found))
        elif found.key not in keys:
            keys.add(found.key)
            outcomes.append(_process(found, station, on_slices))
    return outcomes


def _process(found: ScanFiles, station: Station, on_slices: OnSlices) -> FileOutcome:
    ingest = ScanIngest(station, found)
    outcome = Outcome.MORE
    n_waits = 0
    with contextlib.closing(ingest):
        while outcome is Outcome.MORE or (outcome is Outcome.WAITING and n_waits < MAX_WAITS):
            outcome = ingest.step(found, is_closed=True)
            n_waits += outcome is Outcome.WAITING
            on_slices(ingest.name.section_id, ingest.n_slices, ingest.n_expected)
    name = ingest.name.section_id
    if outcome is Outcome.DONE:
        notes = [ingest.reason, *_taken_over(station, ingest)]
        note = f" ({'; '.join(filter(None, notes))})" if any(notes) else ""
        return FileOutcome(is_kept=True, sentence=f"{name}: {ingest.n_slices} cm{note}")
    kept = f"; {ingest.n_slices} cm were kept" if ingest.n_slices else ""
    return _refused(found.paths[0], ingest.reason + kept)


def _taken_over(station: Station, ingest: ScanIngest) -> Iterator[str]:
    """Say which earlier scans of the section this one stands for now."""
    with Reader.open(station.store.path) as reader:
        for one in reader.scans(ingest.name.section_id):
            if one.status.superseded_by == ingest.scan_id:
                yield f"takes the place of the earlier scan {one.scan.path}"


def _refused(path: Path, reason: str) -> FileOutcome:
    return FileOutcome(is_kept=False, sentence=f"{printable(path)}: {reason}")


def scan_files_of(path: Path) -> ScanFiles | str:
    """Return the scan that a named file belongs to, or why there is none."""
    return _scan_files_in({}, path)


@dataclass(frozen=True, slots=True)
class _Folder:
    """The scans of one folder, by each of their files, and why the other images are none."""

    scan_of: dict[Path, ScanFiles]
    reason_of: dict[Path, str]


def _scan_files_in(folders: dict[Path, _Folder], path: Path) -> ScanFiles | str:
    """Return the scan of a named file; folders that were listed are in ``folders``."""
    try:
        path.lstat()
        if path.parent not in folders:
            folders[path.parent] = _listed(path.parent)
    except OSError as error:
        return f"cannot read it: {error.strerror}"
    if not path.is_file() or path.is_symlink():
        return "expected a regular file, got a folder, a link or a device"
    folder = folders[path.parent]
    if path in folder.scan_of:
        return folder.scan_of[path]
    known = ", ".join(fmt.title for fmt in formats().values())
    return folder.reason_of.get(path, f"no scanner format reads it; known: {known}")


def _listed(folder: Path) -> _Folder:
    scans_found, unclaimed = ScanFilesFinder().find(_seen_in(folder))
    return _Folder(
        scan_of={path: scan_files for scan_files in scans_found for path in scan_files.paths},
        reason_of={one.file.path: one.reason for one in unclaimed},
    )


def _seen_in(folder: Path) -> Iterator[SeenFile]:
    """Yield the regular files of a folder; one that just went away is left out."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            state = path.lstat()
            if stat.S_ISREG(state.st_mode):
                yield SeenFile(path, state.st_size, state.st_mtime_ns, state.st_ino, state.st_dev)
