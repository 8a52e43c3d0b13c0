"""Every scan of the inbox, each getting its turn; a folder look is the truth, events only hints."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.service.identity import made_with, refusal_key
from downcore.service.outcome import Outcome
from downcore.service.scan_ingest import ScanIngest
from downcore.service.station import Station
from downcore.sources.inbox.completeness import FileStability, observe
from downcore.sources.inbox.grouping import ScanFiles, ScanFilesFinder, Unclaimed, observe_again
from downcore.sources.inbox.listing import Listing, ListingProblem, Trouble
from downcore.strata.record import ScanState

logger = logging.getLogger(__name__)

MAX_OPEN = 8
"""Scans that hold their files open at a time."""

RETRY_S = 60.0
"""After which a file that the operating system would not let us read is tried again."""

SliceWatcher = Callable[[ScanIngest], None]
"""Told after every step of a scan, for progress on a terminal."""


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """What one round over the inbox left to do."""

    has_more: bool
    """A scan has more to do at once."""
    n_waiting: int
    """Scans that wait for bytes or time."""


class Scheduler:
    """
    Bring every scan of an inbox into the store.

    Scans that change or have just come are live: a person waits for them, so each gets
    its turn first. Of the others one gets a turn in each round, the oldest first, once it
    has been still for long enough to be final; so a long backlog never keeps a live scan
    waiting. Few scans hold files open at a time; the others begin again from what is kept.

    Parameters
    ----------
    station : Station
        Store, predictors and rules.
    on_step : callable, optional
        Told of each scan that was stepped.
    is_stopping : callable, optional
        Asked between steps whether the rest of a round is to be left for the next start.
    """

    def __init__(
        self,
        station: Station,
        on_step: SliceWatcher | None = None,
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._station = station
        self._is_stopping = is_stopping
        self._on_step = on_step or _nobody
        self._finder = ScanFilesFinder()
        self._ingests: dict[str, ScanIngest] = {}
        self._still: dict[str, FileStability] = {}
        self._live: set[str] = set()
        self._seen: dict[str, str] | None = None
        """Signature of every scan at the look before; ``None`` before the first."""
        self._ended: dict[str, str] = {}
        self._retry_at_s: dict[str, float] = {}
        self._nameless: dict[Path, tuple[str, FileStability]] = {}
        self.refused: dict[str, str] = {}
        """Reason by path of what was set aside in this run."""

    def run_once(self, look: Listing, closed: frozenset[Path]) -> RemainingWork:
        """
        Take scans further, each as far as one turn goes.

        Parameters
        ----------
        look : Look
            The inbox as it is now.
        closed : frozenset of Path
            Files that were closed or renamed into place since the last round.
        """
        if not look.is_listed:
            return RemainingWork(has_more=False, n_waiting=len(self._ingests))
        scans_found, unclaimed = self._finder.find(look.files)
        self._forget_missing(look, scans_found)
        for one in unclaimed:
            self._refuse_when_still(one)
        for problem in look.problems:
            self._report(problem)
        changed = self._note(scans_found, closed)
        waiting = {c.key: c for c in scans_found if not self._is_ended(c)}
        self._live &= waiting.keys()
        n_left = len(self._nameless)
        if self._step_live(waiting, changed):
            return RemainingWork(has_more=True, n_waiting=len(waiting) + n_left)
        has_more = self._step_backlog(waiting)
        n_left += sum(not self._is_ended(scan_files) for scan_files in waiting.values())
        return RemainingWork(has_more=has_more, n_waiting=n_left)

    def close(self) -> None:
        """Give every file back, as the program ends."""
        for ingest in self._ingests.values():
            ingest.leave()

    def _note(self, scans_found: list[ScanFiles], closed: frozenset[Path]) -> set[str]:
        """Follow how still every scan is, and return those that changed since the look before."""
        now_s = self._station.clock.monotonic_s()
        changed: set[str] = set()
        still: dict[str, FileStability] = {}
        for one in scans_found:
            is_closed = not closed.isdisjoint(one.paths)
            still[one.key] = observe_again(
                self._still.get(one.key), one, now_s=now_s, is_closed=is_closed
            )
            if is_closed or (self._seen is not None and self._seen.get(one.key) != one.signature):
                changed.add(one.key)
        self._still = still
        self._seen = {one.key: one.signature for one in scans_found}
        self._live |= changed
        return changed

    def _step_live(self, waiting: dict[str, ScanFiles], changed: set[str]) -> bool:
        """Give live scans a turn each; return whether one has more to do at once."""
        # Those being written come first, and as many in one round as may hold files open.
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
            (c for c in waiting.values() if not self._is_ended(c)),
            key=lambda c: (not self._is_open(c.key), c.mtime_ns, c.key),
        )
        for scan_files in order:
            if self._is_stopping():
                return True
            still = self._still[scan_files.key]
            is_still = still.is_closed or still.has_settled(now_s, patience)
            if scan_files.key not in self._ingests and not is_still:
                continue
            ingest = self._journey(scan_files)
            if self._step(scan_files) is Outcome.MORE or ingest.has_worked:
                return True
        return False

    def _is_open(self, key: str) -> bool:
        return key in self._ingests and self._ingests[key].is_open

    def _journey(self, scan_files: ScanFiles) -> ScanIngest:
        if scan_files.key not in self._ingests:
            self._ingests[scan_files.key] = ScanIngest(self._station, scan_files)
        return self._ingests[scan_files.key]

    def _step(self, scan_files: ScanFiles) -> Outcome:
        key, ingest = scan_files.key, self._journey(scan_files)
        outcome = ingest.take(scan_files, self._still[key])
        self._on_step(ingest)
        # The last one stepped is the last in order, and so the last to give its files back.
        self._ingests[key] = self._ingests.pop(key)
        if outcome in (Outcome.DONE, Outcome.REFUSED):
            self._ended[key] = scan_files.signature
            del self._ingests[key]
        if outcome is Outcome.DONE:
            self.refused.pop(printable(scan_files.paths[0]), None)
        if outcome is Outcome.REFUSED:
            self.refused[printable(scan_files.paths[0])] = ingest.reason
            if ingest.is_refused_by_system:
                self._retry_at_s[key] = self._station.clock.monotonic_s() + RETRY_S
        holders = [one for one in self._ingests.values() if one.is_open]
        for one in holders[:-MAX_OPEN]:
            one.close()
        return outcome

    def _is_ended(self, scan_files: ScanFiles) -> bool:
        key = scan_files.key
        if key in self._ingests:
            return False
        retry_at_s = self._retry_at_s.get(key)
        if retry_at_s is not None and self._station.clock.monotonic_s() >= retry_at_s:
            # Leave to read a file is given without changing the file.
            del self._retry_at_s[key]
            self._ended.pop(key, None)
        if self._ended.get(key) == scan_files.signature:
            return True
        is_finished = self._station.store.is_finished
        if not is_finished(scan_files.signature, made_with(self._station)):
            return False
        self._ended[key] = scan_files.signature
        return True

    def _forget_missing(self, look: Listing, scans_found: list[ScanFiles]) -> None:
        here = {scan_files.key for scan_files in scans_found}
        paths = {file.path for file in look.files}
        for key in [k for k in self._ingests if k not in here]:
            ingest = self._ingests[key]
            if not all(look.can_tell_missing(path) for path in ingest.scan_files.paths):
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
        if not look.problems:
            self._ended = {
                key: value
                for key, value in self._ended.items()
                if key in here or Path(key) in paths
            }
            self._nameless = {p: seen for p, seen in self._nameless.items() if p in paths}

    def _refuse_when_still(self, one: Unclaimed) -> None:
        path = one.file.path
        signature, still = self._nameless.get(path, ("", None))
        if self._ended.get(str(path)) == one.signature:
            return
        now_s = self._station.clock.monotonic_s()
        still = observe(
            still if signature == one.signature else None,
            size=one.file.size,
            mtime_ns=one.file.mtime_ns,
            now_s=now_s,
        )
        self._nameless[path] = (one.signature, still)
        if still.has_settled(now_s, self._station.patience):
            self._set_aside(path, one.reason)
            self._ended[str(path)] = one.signature
            del self._nameless[path]

    def _report(self, problem: ListingProblem) -> None:
        """Say once what lies in the inbox and is not looked into."""
        if printable(problem.path) in self.refused:
            return
        if problem.trouble is Trouble.NOT_REGULAR:
            self._set_aside(problem.path, problem.reason)
        else:
            logger.warning("%s: %s", printable(problem.path), problem.reason)
            self.refused[printable(problem.path)] = problem.reason

    def _set_aside(self, path: Path, reason: str) -> None:
        shown = printable(path)
        self._station.store.quarantine_try(refusal_key(path), shown, reason)
        logger.warning("%s: set aside: %s", shown, reason)
        self.refused[shown] = reason


def _nobody(_: ScanIngest) -> None:
    """Nobody watches."""
