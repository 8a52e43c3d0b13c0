"""Keeps the flags of sections in line with what is measured and predicted of them."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from downcore.file_names import printable
from downcore.ports import Clock
from downcore.service.logged_cores import (
    MAX_SLICES,
    core_key,
    logs_of,
    members_of,
    standing_scans,
)
from downcore.store import Reader, Store
from downcore.store.stored_values import StoredScan
from downcore.strata.depth_ledger import CoreName
from downcore.strata.second_opinion.codes import Finding
from downcore.strata.second_opinion.judging import CoreJudge

logger = logging.getLogger(__name__)

LOOK_S = 3.0
"""Between two looks at what was committed."""
LEAST_REST_S = 5.0
"""Between two judgements of a core."""
REST_PER_WORK = 10.0
"""A core rests so many times as long as judging it took."""


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
            # Before the scans, so that what is committed between the two is touched next time.
            head = reader.origin().head_seq
            if head == self._seq and not any(core.is_due for core in self._cores.values()):
                return
            scans = standing_scans(reader)
            self._note(reader, head, scans)
            now_s = self._clock.monotonic_s()
            for key, core in self._cores.items():
                if core.is_due and (is_last or now_s >= core.next_s) and not self._is_stopping():
                    self._judge(reader, key, core, scans)

    def _note(self, reader: Reader, head: int, scans: dict[str, StoredScan]) -> None:
        """Note of which cores with a measured log something new was committed."""
        if head == self._seq:
            return
        logged = [*reader.sections_measured(), *reader.sections_flagged()]
        touched = logged if self._seq is None else reader.sections_touched(self._seq)
        self._seq = head

        def key_of(section_id: str) -> CoreName | str:
            return core_key(scans[section_id]) if section_id in scans else section_id

        for key in {key_of(one) for one in touched} & {key_of(one) for one in logged}:
            self._cores.setdefault(key, _Core()).is_due = True

    def _judge(
        self, reader: Reader, key: CoreName | str, core: _Core, scans: dict[str, StoredScan]
    ) -> None:
        began_s = self._clock.monotonic_s()
        core.is_due = False
        members = members_of(key, scans.values())
        self._say_too_long(members)
        known = set(reader.sections_flagged())
        sections = logs_of(reader, members)
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

    def _say_too_long(self, scans: Iterable[StoredScan]) -> None:
        for one in scans:
            if one.status.n_slices > MAX_SLICES:
                self._say(
                    f"section {printable(one.scan.section_id)} has {one.status.n_slices} cm, more "
                    f"than {MAX_SLICES}, so its measured logs get no second opinion"
                )

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
