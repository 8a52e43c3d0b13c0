"""Keeps the flags of sections in line with what is measured and predicted of them."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from downcore.file_names import printable
from downcore.ports import Clock
from downcore.store import Reader, Store
from downcore.store.stored_cores import core_of_scan
from downcore.store.stored_values import StoredScan
from downcore.strata.depth_ledger import CoreName
from downcore.strata.record import ScanState
from downcore.strata.second_opinion.codes import Finding
from downcore.strata.second_opinion.judging import CoreJudge
from downcore.strata.second_opinion.logs import SectionLogs, section_logs

logger = logging.getLogger(__name__)

LOOK_S = 3.0
"""Between two looks at what was committed."""
LEAST_REST_S = 5.0
"""Between two judgements of a core."""
REST_PER_WORK = 10.0
"""A core rests so many times as long as judging it took."""
MAX_SLICES = 2_000
"""Of a section that is judged; a longer one would keep the others waiting."""
_LEFT_OUT = frozenset({ScanState.EXCLUDED, ScanState.FORGOTTEN, ScanState.QUESTIONED})


@dataclass(slots=True)
class _Core:
    """A core, or a section of no known core, that is due."""

    is_due: bool = True
    next_s: float = 0.0


class SecondOpinion:
    """
    Judges the cores of which something new was committed.

    Parameters
    ----------
    store : Store
        Takes the flags.
    clock : Clock
        Time.
    is_stopping : callable, optional
        Asked between sections whether to leave the rest for the next start.
    """

    def __init__(
        self, store: Store, clock: Clock, *, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._clock = clock
        self._is_stopping = is_stopping
        self._cores: dict[CoreName | str, _Core] = {}
        self._seq: int | None = None
        self._said: set[str] = set()

    def look(self, *, is_last: bool = False) -> None:
        """
        Judge what is due.

        Parameters
        ----------
        is_last : bool, default False
            Whether everything is to be judged now, however lately it was.

        Raises
        ------
        StoreError
            If the record cannot be kept.
        """
        with Reader.open(self._store.path) as reader:
            scans = _standing(reader.sections())
            self._note(reader, scans)
            now_s = self._clock.monotonic_s()
            for key, core in self._cores.items():
                if core.is_due and (is_last or now_s >= core.next_s) and not self._is_stopping():
                    self._judge(reader, key, core, scans)

    def _note(self, reader: Reader, scans: dict[str, StoredScan]) -> None:
        """Note of which cores something new was committed."""
        head = reader.origin().head_seq
        if self._seq is None:
            touched = [*reader.sections_measured(), *reader.sections_flagged()]
        elif head > self._seq:
            touched = reader.sections_touched(self._seq)
        else:
            return
        self._seq = head
        for section_id in touched:
            one = scans.get(section_id)
            key = section_id if one is None else _key(one)
            self._cores.setdefault(key, _Core()).is_due = True

    def _judge(
        self, reader: Reader, key: CoreName | str, core: _Core, scans: dict[str, StoredScan]
    ) -> None:
        began_s = self._clock.monotonic_s()
        core.is_due = False
        members = _members(key, scans.values())
        known = set(reader.sections_flagged())
        sections = [logs for one in members if (logs := self._logs(reader, one)) is not None]
        if any(logs.logs for logs in sections) or known & {one.section_id for one in sections}:
            judge = CoreJudge(sections)
            for number, logs in enumerate(sections):
                if self._is_stopping():
                    core.is_due = True
                    return
                self._settle(logs.section_id, judge.judge(number).findings)
        if isinstance(key, str) and key in known and not sections:
            # The section has no log any more, under this name at least.
            self._settle(key, ())
        took_s = self._clock.monotonic_s() - began_s
        core.next_s = began_s + took_s + max(LEAST_REST_S, REST_PER_WORK * took_s)

    def _logs(self, reader: Reader, one: StoredScan) -> SectionLogs | None:
        section_id = one.scan.section_id
        if one.status.n_slices > MAX_SLICES:
            self._say(
                f"section {printable(section_id)} has {one.status.n_slices} cm, more than "
                f"{MAX_SLICES}, so its measured logs get no second opinion"
            )
            return None
        rows = [stored.row for stored in reader.scan_log(one.scan.scan_id)]
        corrected = {bundle.bundle_id for bundle in reader.bundles() if bundle.is_corrected}
        points = reader.measured_of(section_id)
        return section_logs(section_id, rows, points, left_out=corrected)

    def _settle(self, section_id: str, findings: Sequence[Finding]) -> None:
        n = self._store.settle_flags(section_id, findings)
        if n:
            logger.info(
                "section %s: %d flags raised, changed or cleared; `downcore flags` lists them",
                printable(section_id),
                n,
            )

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            logger.warning("%s", sentence)


class SecondOpinionThread:
    """
    Looks in a thread of its own for as long as the block lasts, so that no scan waits.

    Parameters
    ----------
    store : Store
        Takes the flags.
    clock : Clock
        Time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._stopping = threading.Event()
        self._is_leaving = False
        self._opinion = SecondOpinion(store, clock, is_stopping=lambda: self._is_leaving)
        self._thread = threading.Thread(
            target=self._follow, name="downcore-second-opinion", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_leaving = True
        self._join()

    def finish(self) -> None:
        """Judge what is left, since nothing more comes."""
        self._join()
        self._opinion.look(is_last=True)

    def _join(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self._opinion.look()
            self._stopping.wait(LOOK_S)


def _standing(scans: Iterable[StoredScan]) -> dict[str, StoredScan]:
    return {
        one.scan.section_id: one
        for one in scans
        if one.status.state not in _LEFT_OUT and one.status.duplicate_of is None
    }


def _key(one: StoredScan) -> CoreName | str:
    found = core_of_scan(one)
    return one.scan.section_id if found is None else found[0]


def _members(key: CoreName | str, scans: Iterable[StoredScan]) -> list[StoredScan]:
    """Return the scans of a core from the top down, of two halves of a section the first."""
    mine = sorted(
        (one for one in scans if _key(one) == key),
        key=lambda one: (_order(_name(one)), one.scan.section_id),
    )
    found: dict[str, StoredScan] = {}
    for one in mine:
        found.setdefault(_name(one), one)
    return list(found.values())


def _name(one: StoredScan) -> str:
    found = core_of_scan(one)
    return one.scan.section_id if found is None else found[1]


def _order(name: str) -> tuple[int, int, str]:
    """Return what sections are sorted by: numbers first, core catchers and names after them."""
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)
