"""Gives every scan of the inbox its turn; the listing is the truth, events are only hints."""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.service.backlog import Backlog, BacklogPace
from downcore.service.expected_reading import expected_reading, is_as_expected
from downcore.service.identity import made_with, refusal_key
from downcore.service.learned_station import LearnedStation
from downcore.service.live_status import MAX_UNDER_WAY, ScanUnderWay
from downcore.service.scan_ingest import ScanIngest
from downcore.service.scan_step import Outcome
from downcore.service.station import Station
from downcore.sources.inbox.completeness import FileStability, observe
from downcore.sources.inbox.emptied import EmptiedInbox
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder, Unclaimed, observe_again
from downcore.sources.inbox.leaving_out import LeftOut
from downcore.sources.inbox.listing import Listing, ListingProblem, Trouble
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import Correction, Verb

logger = logging.getLogger(__name__)

MAX_OPEN = 8
"""Scans that hold their files open at a time."""

RETRY_S = 60.0
"""After which a file that the operating system would not let us read is tried again."""

OnStep = Callable[[ScanIngest], None]
"""Called after every step of a scan."""


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """What is left to do in the inbox."""

    has_more: bool
    """Whether a scan has more to do at once."""
    n_waiting: int
    """Scans that wait for bytes or time."""


class Scheduler:
    """
    Bring every scan of an inbox into the store.

    Scans that change or have just come are live: a person waits for them, so each gets
    its turn first. Of the others one gets a turn each time, the oldest first, once it has
    been still for long enough to be final; so a long backlog never keeps a live scan
    waiting. Few scans hold files open at a time; the others go on from what is stored.

    Parameters
    ----------
    station : Station
        Store, predictors and rules.
    on_step : callable, optional
        Called with each scan that was stepped.
    is_stopping : callable, optional
        Asked between steps whether the remaining scans are to be left for the next start.
    """

    def __init__(
        self,
        station: Station,
        on_step: OnStep | None = None,
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._learned = LearnedStation(station)
        self._station = station
        self._is_stopping = is_stopping
        self._on_step = on_step
        self._finder = ScanFilesFinder(station.rules_by_place)
        self._emptied = EmptiedInbox(station.patience.give_up_s)
        self.doubt = ""
        """Why the last listing, though empty, says nothing of the files that were there."""
        self._ingests: dict[str, ScanIngest] = {}
        self._stability: dict[str, FileStability] = {}
        self._live: set[str] = set()
        self._signatures: dict[str, str] | None = None
        """Of every scan in the listing before; ``None`` before the first."""
        self._ended: dict[str, str] = {}
        """Signature of each scan or image that was done or refused."""
        self._retry_at_s: dict[str, float] = {}
        self._corrections: list[Correction] = []
        """Those that were taken up and not yet acted on."""
        self._read_otherwise: set[str] = set()
        """Keys of scans that are read again, because they are now to be read another way."""
        self._unclaimed: dict[Path, tuple[str, FileStability]] = {}
        self.questioned: dict[str, str] = {}
        """Question by path of what waits for an answer."""
        self._pace = BacklogPace()
        self.backlog = Backlog(n_done=0, n_left=0, seconds_left=None)
        """How far the scans of the inbox have come."""
        self.refused: dict[str, str] = {}
        """Reason by path of what was set aside in this run."""

    def run_once(self, listing: Listing, closed: frozenset[Path]) -> RemainingWork:
        """
        Take scans further, each as far as one turn goes.

        Parameters
        ----------
        listing : Listing
            The inbox as it is now.
        closed : frozenset of Path
            Files that were closed or renamed into place since the last time.

        Raises
        ------
        StoreError
            If the record can no longer be kept, or is not the one that was opened any more.
        """
        self._station.store.refuse_replaced()
        self._station = self._learned.now()
        self._take_corrections()
        self.doubt = self._emptied.doubt(listing, self._station.clock.monotonic_s())
        if not listing.is_listed or self.doubt:
            return RemainingWork(has_more=False, n_waiting=len(self._ingests))
        scans, unclaimed = self._finder.find(listing.files)
        self._forget_missing(listing, scans)
        self._look_again_at_corrected(scans)
        for image in unclaimed:
            self._refuse_when_settled(image)
        for problem in listing.problems:
            self._report(problem)
        changed = self._follow_changes(scans, closed)
        n_known = len(self._read_otherwise)
        waiting = {scan.key: scan for scan in scans if not self._is_ended(scan)}
        if n_again := len(self._read_otherwise) - n_known:
            logger.info(
                "%d scans that were done are read again: scale, top or section is another now",
                n_again,
            )
        self._live &= waiting.keys()
        n_unclaimed = len(self._unclaimed)
        self._measure_pace(waiting)
        if self._step_live(waiting, changed):
            return RemainingWork(has_more=True, n_waiting=len(waiting) + n_unclaimed)
        has_more = self._step_backlog(waiting)
        waiting = {key: scan for key, scan in waiting.items() if not self._is_ended(scan)}
        self._measure_pace(waiting)
        n_waiting = len(waiting)
        return RemainingWork(has_more=has_more, n_waiting=n_waiting + n_unclaimed)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Previews, and files that rules exclude, in the last listing."""
        return self._finder.left_out

    @property
    def out_of_reach(self) -> str:
        """A file of a scan under way that the last listing lacks; empty where there is none."""
        known = self._signatures or {}
        for key, ingest in self._ingests.items():
            if key not in known:
                return printable(ingest.scan_files.paths[0])
        return ""

    @property
    def under_way(self) -> tuple[ScanUnderWay, ...]:
        """The scans that have begun and are not done."""
        return tuple(
            ScanUnderWay(
                section_id=ingest.name.section_id,
                path=printable(ingest.scan_files.paths[0]),
                n_slices=ingest.n_slices,
                n_expected=ingest.n_expected,
                reason=printable(ingest.reason),
            )
            for ingest in itertools.islice(reversed(self._ingests.values()), MAX_UNDER_WAY)
        )

    def _measure_pace(self, waiting: dict[str, ScanFiles]) -> None:
        bytes_left = 0
        for key, scan in waiting.items():
            ingest = self._ingests.get(key)
            share = ingest.n_slices / ingest.n_expected if ingest and ingest.n_expected else 0.0
            bytes_left += round(scan.size * max(1.0 - share, 0.0))
        now_s = self._station.clock.monotonic_s()
        self.backlog = self._pace.update(len(waiting), bytes_left, now_s)

    def close(self) -> None:
        """Close every file, as the program ends."""
        for ingest in self._ingests.values():
            ingest.leave()

    def has_requests(self) -> bool:
        """Return whether a correction waits to be taken up."""
        return self._station.store.has_requests()

    def _follow_changes(self, scans: list[ScanFiles], closed: frozenset[Path]) -> set[str]:
        """Note how stable every scan is; return those that changed since the listing before."""
        now_s = self._station.clock.monotonic_s()
        changed: set[str] = set()
        stability: dict[str, FileStability] = {}
        known = self._signatures
        for scan in scans:
            is_closed = not closed.isdisjoint(scan.paths)
            stability[scan.key] = observe_again(
                self._stability.get(scan.key), scan, now_s=now_s, is_closed=is_closed
            )
            if is_closed or (known is not None and known.get(scan.key) != scan.signature):
                changed.add(scan.key)
        self._stability = stability
        self._signatures = {scan.key: scan.signature for scan in scans}
        self._live |= changed
        return changed

    def _step_live(self, waiting: dict[str, ScanFiles], changed: set[str]) -> bool:
        """Give live scans a turn each; return whether one has more to do at once."""
        # Those being written come first, and as many at once as may hold files open.
        order = sorted(
            self._live, key=lambda k: (k not in changed, not self._is_open(k), waiting[k].mtime_ns)
        )
        has_more = len(order) > MAX_OPEN
        for key in order[:MAX_OPEN]:
            if self._is_stopping():
                return True
            if self._step(waiting[key]) is Outcome.MORE:
                has_more = True
            else:
                self._live.discard(key)
        return has_more

    def _step_backlog(self, waiting: dict[str, ScanFiles]) -> bool:
        """Give one scan that nobody waits for a turn; return whether there was one."""
        now_s, patience = self._station.clock.monotonic_s(), self._station.patience
        order = sorted(
            (scan for scan in waiting.values() if not self._is_ended(scan)),
            key=lambda scan: (not self._is_open(scan.key), scan.mtime_ns, scan.key),
        )
        for scan in order:
            if self._is_stopping():
                return True
            stability = self._stability[scan.key]
            is_still = stability.is_closed or stability.has_settled(now_s, patience)
            if scan.key not in self._ingests and not is_still:
                continue
            ingest = self._ingest_of(scan)
            if self._step(scan) is Outcome.MORE or ingest.has_worked:
                return True
        return False

    def _is_open(self, key: str) -> bool:
        return key in self._ingests and self._ingests[key].is_open

    def _ingest_of(self, scan: ScanFiles) -> ScanIngest:
        if scan.key not in self._ingests:
            self._ingests[scan.key] = ScanIngest(self._station, scan)
        return self._ingests[scan.key]

    def _step(self, scan: ScanFiles) -> Outcome:
        key, ingest = scan.key, self._ingest_of(scan)
        outcome = ingest.step(scan, self._stability[key])
        if self._on_step is not None:
            self._on_step(ingest)
        # The last one stepped is the last in order, and so the last to close its files.
        self._ingests[key] = self._ingests.pop(key)
        shown = printable(scan.paths[0])
        if outcome in (Outcome.DONE, Outcome.REFUSED, Outcome.QUESTIONED):
            self._ended[key] = scan.signature
            del self._ingests[key]
        if outcome is Outcome.DONE:
            self.refused.pop(shown, None)
        if outcome is Outcome.QUESTIONED:
            self.questioned[shown] = ingest.reason
            if ingest.is_newly_questioned:
                logger.warning("section %s waits: %s", ingest.name.section_id, ingest.reason)
        else:
            self.questioned.pop(shown, None)
        if outcome is Outcome.REFUSED:
            self.refused[shown] = ingest.reason
            if ingest.is_refused_by_system:
                self._retry_at_s[key] = self._station.clock.monotonic_s() + RETRY_S
        holders = [other for other in self._ingests.values() if other.is_open]
        for holder in holders[:-MAX_OPEN]:
            holder.close()
        return outcome

    def _is_ended(self, scan: ScanFiles) -> bool:
        key = scan.key
        if key in self._ingests:
            return False
        retry_at_s = self._retry_at_s.get(key)
        if retry_at_s is not None and self._station.clock.monotonic_s() >= retry_at_s:
            # Permission to read a file is given without changing the file.
            del self._retry_at_s[key]
            self._ended.pop(key, None)
        if self._ended.get(key) == scan.signature:
            return True
        finished = self._station.store.finished(scan.signature, made_with(self._station))
        if finished is None:
            return False
        expected = expected_reading(self._station, scan, finished.content_digest)
        if not is_as_expected(finished, expected):
            self._read_otherwise.add(key)
            return False
        self._ended[key] = scan.signature
        return True

    def _take_corrections(self) -> None:
        """Take up what people corrected since the last look."""
        for one in self._station.store.take_requests():
            which = one.section_id or one.path
            logger.info("%s: %s by %s: %s", which, one.verb, one.made_by, one.effect)
            self._corrections.append(one)

    def _look_again_at_corrected(self, scans: list[ScanFiles]) -> None:
        """Take up again the files that were corrected, and whatever may be a copy of them."""
        made, self._corrections = self._corrections, []
        if not made:
            return
        self._read_otherwise.clear()
        released = {one.path for one in made if one.verb in (Verb.RELEASE, Verb.REDO)}
        for scan in scans:
            shown = printable(scan.paths[0])
            if shown in self.refused and shown not in released:
                continue
            self.refused.pop(shown, None)
            self._ended.pop(scan.key, None)
            ingest = self._ingests.get(scan.key)
            if ingest is not None and _is_about(made, ingest):
                ingest.leave()
                del self._ingests[scan.key]
        for path in released:
            self._ended.pop(path, None)

    def _forget_missing(self, listing: Listing, scans: list[ScanFiles]) -> None:
        keys = {scan.key for scan in scans}
        paths = {file.path for file in listing.files}
        for key in [key for key in self._ingests if key not in keys]:
            ingest = self._ingests[key]
            if not all(listing.can_tell_missing(path) for path in ingest.scan_files.paths):
                continue
            ingest.leave()
            del self._ingests[key]
            if not paths.isdisjoint(ingest.scan_files.paths):
                # Its sidecar came, so that it is a scan of another format now.
                continue
            if ingest.scan_id:
                self._station.store.set_scan_state(
                    ingest.scan_id, ScanState.MISSING, "its file went away"
                )
            logger.warning("%s went away", printable(ingest.scan_files.paths[0]))
        if not listing.problems:
            self._ended = {
                key: signature
                for key, signature in self._ended.items()
                if key in keys or Path(key) in paths
            }
            self._unclaimed = {p: seen for p, seen in self._unclaimed.items() if p in paths}

    def _refuse_when_settled(self, image: Unclaimed) -> None:
        path, signature = image.file.path, image.signature
        if self._ended.get(str(path)) == signature:
            return
        known, stability = self._unclaimed.get(path, ("", None))
        now_s = self._station.clock.monotonic_s()
        stability = observe(
            stability if known == signature else None,
            size=image.file.size,
            mtime_ns=image.file.mtime_ns,
            now_s=now_s,
        )
        self._unclaimed[path] = (signature, stability)
        if stability.has_settled(now_s, self._station.patience):
            self._set_aside(path, image.reason)
            self._ended[str(path)] = signature
            del self._unclaimed[path]

    def _report(self, problem: ListingProblem) -> None:
        """Say once what lies in the inbox and is not read."""
        shown = printable(problem.path)
        if shown in self.refused:
            return
        if problem.trouble is Trouble.NOT_REGULAR:
            self._set_aside(problem.path, problem.reason)
        else:
            logger.warning("%s: %s", shown, problem.reason)
            self.refused[shown] = problem.reason

    def _set_aside(self, path: Path, reason: str) -> None:
        shown, reason = printable(path), printable(reason)
        self._station.store.quarantine_try(refusal_key(path), shown, reason)
        logger.warning("%s: set aside: %s", shown, reason)
        self.refused[shown] = reason


def _is_about(made: list[Correction], ingest: ScanIngest) -> bool:
    """Return whether a correction is about a scan that is under way."""
    path = printable(ingest.scan_files.paths[0])
    return any(one.path == path or one.scan_id == ingest.scan_id for one in made)
