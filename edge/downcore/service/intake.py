"""Every scan of the inbox, each getting its turn; a folder look is the truth, events only hints."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from downcore.service.candidates import Candidate, CandidateFinder, Unclaimed
from downcore.service.journey import Journey, Outcome, memory_key
from downcore.service.station import Station
from downcore.sources._done import Stillness, looked
from downcore.sources._reconcile import Look, printable
from downcore.strata.record import ScanState

logger = logging.getLogger(__name__)

SliceWatcher = Callable[[Journey], None]
"""Told after every step of a scan, for progress on a terminal."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round over the inbox left to do."""

    has_more: bool
    """A scan has more to do at once."""
    n_waiting: int
    """Scans that wait for bytes or time."""


class Intake:
    """
    Bring every scan of an inbox into the store.

    Scans that change come first, since a person waits for them; then the others, the
    oldest first. A round ends when one scan has used its turn, so a long backlog never
    keeps a live scan waiting.

    Parameters
    ----------
    station : Station
        Store, predictors and rules.
    on_step : callable, optional
        Told of each scan that was stepped.
    """

    def __init__(self, station: Station, on_step: SliceWatcher | None = None) -> None:
        self._station = station
        self._on_step = on_step or _nobody
        self._finder = CandidateFinder()
        self._journeys: dict[str, Journey] = {}
        self._ended: dict[str, str] = {}
        self._nameless: dict[Path, tuple[str, Stillness]] = {}
        self._turns: dict[str, int] = {}
        self._n_turns = 0
        self.refused: dict[str, str] = {}
        """Reason by path of what was set aside in this run."""

    def round(self, look: Look, closed: frozenset[Path]) -> Round:
        """
        Take every scan one step further, as far as one turn goes.

        Parameters
        ----------
        look : Look
            The inbox as it is now.
        closed : frozenset of Path
            Files that were closed or renamed into place since the last round.
        """
        if not look.is_listed:
            return Round(has_more=False, n_waiting=len(self._journeys))
        candidates, unclaimed = self._finder.find(look.files)
        self._forget_missing(look, candidates)
        for one in unclaimed:
            self._refuse_when_still(one)
        ready = [c for c in candidates if not self._is_ended(c)]
        live = {c.key for c in ready if self._is_live(c, closed)}
        ready.sort(key=lambda c: (c.key not in live, self._turns.get(c.key, 0), c.mtime_ns))
        for candidate in ready:
            outcome = self._step(candidate, not closed.isdisjoint(candidate.paths))
            if outcome is Outcome.MORE:
                if candidate.key in live:
                    self._n_turns += 1
                    self._turns[candidate.key] = self._n_turns
                return Round(has_more=True, n_waiting=len(self._journeys))
        return Round(has_more=False, n_waiting=len(self._journeys) + len(self._nameless))

    def close(self) -> None:
        """Give every file back."""
        for journey in self._journeys.values():
            journey.close()

    def _step(self, candidate: Candidate, is_closed: bool) -> Outcome:  # noqa: FBT001 - one caller
        journey = self._journeys.get(candidate.key)
        if journey is None:
            journey = self._journeys[candidate.key] = Journey(self._station, candidate)
        outcome = journey.step(candidate, is_closed=is_closed)
        self._on_step(journey)
        if outcome in (Outcome.DONE, Outcome.REFUSED):
            self._ended[candidate.key] = candidate.signature
            self._turns.pop(candidate.key, None)
            del self._journeys[candidate.key]
        if outcome is Outcome.REFUSED:
            self.refused[printable(candidate.paths[0])] = journey.reason
        return outcome

    def _is_ended(self, candidate: Candidate) -> bool:
        if candidate.key in self._journeys:
            return False
        if self._ended.get(candidate.key) == candidate.signature:
            return True
        if self._station.store.scan_of_file(memory_key(self._station, candidate)) is None:
            return False
        self._ended[candidate.key] = candidate.signature
        return True

    def _is_live(self, candidate: Candidate, closed: frozenset[Path]) -> bool:
        journey = self._journeys.get(candidate.key)
        has_changed = journey is not None and journey.candidate.signature != candidate.signature
        return has_changed or not closed.isdisjoint(candidate.paths)

    def _forget_missing(self, look: Look, candidates: list[Candidate]) -> None:
        here = {candidate.key for candidate in candidates}
        for key in [k for k in self._journeys if k not in here]:
            journey = self._journeys[key]
            if all(look.can_tell_missing(path) for path in journey.candidate.paths):
                journey.close()
                if journey.scan_id:
                    self._station.store.set_scan_state(
                        journey.scan_id, ScanState.MISSING, "its file went away"
                    )
                logger.warning("%s went away", printable(journey.candidate.paths[0]))
                del self._journeys[key]

    def _refuse_when_still(self, one: Unclaimed) -> None:
        path = one.file.path
        signature, still = self._nameless.get(path, ("", None))
        if self._ended.get(str(path)) == one.signature:
            return
        now_s = self._station.clock.monotonic_s()
        still = looked(
            still if signature == one.signature else None,
            size=one.file.size,
            mtime_ns=one.file.mtime_ns,
            now_s=now_s,
        )
        self._nameless[path] = (one.signature, still)
        if still.n_looks > 1 and now_s - still.since_s >= self._station.patience.settle_s:
            self._station.store.quarantine_try(one.signature, printable(path), one.reason)
            logger.warning("%s: set aside: %s", printable(path), one.reason)
            self.refused[printable(path)] = one.reason
            self._ended[str(path)] = one.signature
            del self._nameless[path]


def _nobody(_: Journey) -> None:
    """Nobody watches."""
