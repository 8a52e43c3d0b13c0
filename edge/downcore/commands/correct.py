"""``downcore redo``, ``rename``, ``exclude`` and so on: a person corrects what scans are."""

import os
import pwd
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from downcore.clock import SystemClock
from downcore.commands.correction_targets import Targets
from downcore.commands.process import (
    SLICES_PER_STEP,
    FileOutcome,
    OnSlices,
    announcer_of,
    process_at,
    process_scans,
)
from downcore.commands.section_lookup import listed, quoted
from downcore.file_names import printable
from downcore.service.station import Station
from downcore.service.station_setup import open_station
from downcore.settings import Settings
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.store import Reader, Store, requests
from downcore.strata.errors import SectionError, StoreBusyError
from downcore.strata.scan_corrections import (
    AS_SETTINGS_SAY,
    AskedReading,
    Correction,
    CorrectionRequest,
    Verb,
)

PATIENCE_S = 5.0
"""How long a command waits for the daemon to take up its request."""
LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of a request."""

    sentences: tuple[str, ...]
    is_by_daemon: bool
    """Whether a daemon runs, which does the rest."""


def user_name() -> str:
    """Return who gives a command: the user's name, after that of who became it by sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    before = printable(os.environ.get("SUDO_USER", ""))
    return f"{before} as {name}" if before and before != name else name


def request_of(
    verb: Verb,
    asked: str,
    targets: Targets | None = None,
    *,
    reading: AskedReading = AS_SETTINGS_SAY,
    why: str = "",
) -> CorrectionRequest:
    """Return a new request of the person who gives the command."""
    targets = targets or Targets()
    return CorrectionRequest(
        request_id=uuid.uuid4().hex,
        verb=verb,
        made_by=user_name(),
        made_utc=SystemClock().utc_rfc3339(),
        asked=printable(asked),
        scan_ids=targets.scan_ids,
        paths=(*targets.paths, *([targets.pattern] if targets.pattern else [])),
        reading=reading,
        why=printable(why),
    )


def correct(db: Path, request: CorrectionRequest) -> Corrected:
    """
    Write a correction into the store, or hand it to the daemon that runs.

    Raises
    ------
    StoreError
        If neither can be done.
    """
    try:
        with Store.open(db, clock=SystemClock(), announce=announcer_of(db)) as store:
            store.take_requests()
            made = store.correct(request)
    except StoreBusyError:
        return Corrected(
            (wait_for_daemon(requests.hand_over(db.absolute(), request)),), is_by_daemon=True
        )
    return Corrected(tuple(_grouped(made)), is_by_daemon=False)


def redo_now(settings: Settings, targets: Targets, *, on_slices: OnSlices) -> Iterator[FileOutcome]:
    """
    Read the files of corrected scans again, those that are still there.

    A scan in the inbox is read as the daemon would read it. What is cut off goes on with the next
    run, or with the same command.
    """
    wanted = (*targets.scan_paths, *targets.paths)
    with open_station(
        settings,
        clock=SystemClock(),
        announce=announcer_of(settings.store.path),
        slices_per_step=SLICES_PER_STEP,
    ) as station:
        in_inbox = _in_inbox(station, frozenset(wanted))
        yield from process_scans(station, in_inbox, on_slices=on_slices)
        known = {printable(scan.paths[0]) for scan in in_inbox}
        for text in wanted:
            if text in known:
                continue
            if Path(text).is_file():
                yield from process_at(station, [Path(text)], on_slices=on_slices)
            else:
                yield FileOutcome(
                    is_stored=False,
                    sentence=f"{text}: not there; it is read again as corrected when it is back "
                    "in the inbox, or by `downcore process`",
                )


def refuse_taken(db: Path, section: str) -> None:
    """
    Check that no section has a name yet that is to be given to another one.

    Raises
    ------
    SectionError
        If one has.
    """
    with Reader.open(db) as reader:
        standing = reader.standing_scan(section)
    if standing is not None:
        raise SectionError(
            f"expected a name that no section has, got {section!r}, which shows "
            f"{standing.scan.path}; `downcore rename {quoted(section)} NAME` or `downcore "
            f"exclude {quoted(section)}` makes it free"
        )


def _in_inbox(station: Station, wanted: frozenset[str]) -> list[ScanFiles]:
    listing = list_inbox(station.inbox, limits=ListingLimits())
    found, _ = ScanFilesFinder().find(listing.files)
    return [scan for scan in found if printable(scan.paths[0]) in wanted]


def _grouped(made: Iterable[Correction]) -> Iterator[str]:
    by_effect: dict[str, list[str]] = {}
    for one in made:
        by_effect.setdefault(one.effect, []).append(one.section_id or one.path)
    for effect, names in by_effect.items():
        yield f"{listed(list(dict.fromkeys(names)))}: {effect}"
    if not by_effect:
        yield "nothing to correct: it is so already"


def wait_for_daemon(path: Path) -> str:
    """Wait for a moment until a request that was handed over is gone; say how that ended."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while clock.monotonic_s() < until_s:
        if not path.exists():
            return "the daemon that runs took it up and does the rest"
        threading.Event().wait(LOOK_AGAIN_S)
    return "another downcore has the store open and takes it up at its next look"
