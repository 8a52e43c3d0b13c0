"""Looks at the folder of a core logger, and brings what its files say into the record."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from downcore.file_names import printable
from downcore.loggers import LogError, log_format_of, why_not_a_log
from downcore.ports import Clock
from downcore.service.logger_file import FileChangedError, LoggerFile
from downcore.sources.inbox.leaving_out import LeaveOut
from downcore.sources.inbox.listing import ListingLimits, list_inbox
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.sources.inbox.section_names import section_name
from downcore.store import Reader, Store
from downcore.store.measured_rows import ReadFile, Summary
from downcore.store.stored_cores import CoreSection, core_of_scan, stored_core
from downcore.strata.core_depths import CoreDepths
from downcore.strata.depth import SLICE_UM
from downcore.strata.depth_ledger import CoreName
from downcore.strata.measured_places import KnownSection, MeasuredPlaces

logger = logging.getLogger(__name__)

ENDINGS = frozenset({".csv", ".txt", ".out", ".raw", ".tsv", ".tab", ".asc", ".log", ".dat"})
"""Of files that may be logs, lower case."""
LEAST_REST_S = 5.0
"""Between two readings of a file."""
REST_PER_WORK = 10.0
"""A file rests so many times as long as reading it took."""
MATCH_AGAIN_S = 20.0
"""Between two looks at whether rows that had no section have one now."""
SILENT_S = 600.0
"""A log that has grown and gets no new row for so long is said to have stopped."""


@dataclass(slots=True)
class _Followed:
    """A file that is followed."""

    file: LoggerFile
    signature: tuple[int, int] = (-1, -1)
    """Size and time of change when it was listed last."""
    changed_s: float = 0.0
    changed_utc: str = ""
    done: tuple[object, ...] = ()
    """What it was read with; it is read again when that changes."""
    places_key: tuple[int, ...] = ()
    next_s: float = 0.0
    said: set[str] = field(default_factory=set)
    has_grown: bool = False


class LoggerFolder:
    """
    The files of a core logger, read as they grow.

    Parameters
    ----------
    folder : Path
        Where they lie; it is only read.
    store : Store
        Takes the values.
    clock : Clock
        Time.
    settle_s : float
        How long a file must stay the same before it counts as finished.
    leave_out : LeaveOut
        Which names are left out.
    patterns : tuple of NamePattern
        Of files that name their core only by their own name.
    is_stopping : callable, optional
        Asked between commits whether to leave the rest for the next start.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        clock: Clock,
        *,
        settle_s: float,
        leave_out: LeaveOut,
        patterns: tuple[NamePattern, ...] = (),
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder = folder
        self._store = store
        self._clock = clock
        self._settle_s = settle_s
        self._leave_out = leave_out
        self._patterns = patterns
        self._is_stopping = is_stopping
        self._files: dict[Path, _Followed] = {}
        self._key: tuple[int, ...] = ()
        self._key_s = float("-inf")
        self._is_listed = True

    def look(self, *, is_last: bool = False) -> None:
        """
        Read what changed since the last look.

        Parameters
        ----------
        is_last : bool, default False
            Whether nobody writes any more, so that every file counts as finished.

        Raises
        ------
        StoreError
            If the record cannot be kept.
        """
        self._list()
        now_s = self._clock.monotonic_s()
        for one in self._files.values():
            self._say_silence(one, now_s)
        settled = {
            path: is_last or now_s - one.changed_s >= self._settle_s
            for path, one in self._files.items()
        }
        if is_last or now_s - self._key_s >= MATCH_AGAIN_S:
            with Reader.open(self._store.path) as reader:
                self._key, self._key_s = reader.places_key(), now_s
        due = [
            one
            for path, one in self._files.items()
            if (is_last or now_s >= one.next_s) and self._is_due(one, is_settled=settled[path])
        ]
        places = self._places() if due else None
        for one in due:
            if self._is_stopping() or places is None:
                return
            self._read(one, places, is_settled=settled[one.file.path])

    def _list(self) -> None:
        listing = list_inbox(self._folder, limits=ListingLimits(), leave_out=self._leave_out)
        if listing.is_listed != self._is_listed:
            self._is_listed = listing.is_listed
            words = "can be listed again" if listing.is_listed else "cannot be listed"
            logger.warning("the folder of the logger %s: %s", words, printable(self._folder))
        clock = self._clock
        for file in listing.files:
            if file.path.suffix.lower() not in ENDINGS:
                continue
            one = self._files.setdefault(file.path, _Followed(LoggerFile(file.path)))
            if one.signature != (file.size, file.mtime_ns):
                one.has_grown = one.signature != (-1, -1)
                one.signature = (file.size, file.mtime_ns)
                one.changed_s, one.changed_utc = clock.monotonic_s(), clock.utc_rfc3339()
        here = {file.path for file in listing.files}
        for path in [path for path in self._files if path not in here]:
            if listing.is_listed and listing.can_tell_missing(path):
                logger.info("%s went away; its measured rows stay", printable(path))
                del self._files[path]

    def _is_due(self, one: _Followed, *, is_settled: bool) -> bool:
        return one.done != (one.signature, is_settled) or self._must_match(one)

    def _must_match(self, one: _Followed) -> bool:
        if one.places_key == self._key or one.file.summary is None:
            return False
        return bool(one.file.summary.n_unmatched) or one.places_key[2:] != self._key[2:]

    def _places(self) -> MeasuredPlaces:
        with Reader.open(self._store.path) as reader:
            self._key = reader.places_key()
            stored, versions = reader.sections(), reader.depth_versions()
        sections = []
        of_core: dict[CoreName, list[CoreSection]] = {}
        for one in stored:
            core, name = core_of_scan(one) or (None, "")
            if core is not None:
                of_core.setdefault(core, []).append(CoreSection(name, one))
            length_um, is_whole = one.status.n_slices * SLICE_UM, not one.scan.section
            sections.append(KnownSection(one.scan.section_id, core, name, is_whole, length_um))
        depths: Mapping[CoreName, CoreDepths] = {
            core: stored_core(core, mine, versions).depths for core, mine in of_core.items()
        }
        return MeasuredPlaces(sections, depths, self._name_parts)

    def _name_parts(self, text: str) -> tuple[str, str]:
        name = section_name(PurePath(f"{text}.csv"), patterns=self._patterns)
        return "-".join(filter(None, (name.expedition, name.core))), name.section

    def _read(self, one: _Followed, places: MeasuredPlaces, *, is_settled: bool) -> None:
        clock, path = self._clock, one.file.path
        began_s = clock.monotonic_s()
        key = self._key
        done: tuple[object, ...] = (one.signature, is_settled)
        must_match = self._must_match(one)
        reason = ""
        try:
            fmt = log_format_of(path)
            if fmt is not None:
                one.file.read(
                    fmt,
                    self._store,
                    places,
                    is_settled=is_settled,
                    is_matched_again=must_match,
                    is_stopping=self._is_stopping,
                )
            elif is_settled:
                reason = why_not_a_log(path)
        except FileChangedError:
            done = ()
        except (LogError, OSError) as error:
            reason = f"it cannot be read: {error}"
        if reason:
            self._refuse(one, reason)
        took_s = clock.monotonic_s() - began_s
        one.next_s = began_s + took_s + max(LEAST_REST_S, REST_PER_WORK * took_s)
        one.done, one.places_key = done, key
        if is_settled and one.file.summary is not None and not reason:
            self._say_summary(one, one.file.summary)

    def _refuse(self, one: _Followed, reason: str) -> None:
        shown, reason = printable(one.file.path), printable(reason)
        if reason in one.said:
            return
        one.said.add(reason)
        logger.warning("%s: not read as a log: %s", shown, reason)
        newest = self._store.newest_reading(shown)
        if newest is not None and newest.summary.reason == reason:
            return
        store = self._store
        number = store.begin_reading(ReadFile(shown, "", one.signature[0]))
        store.end_reading(number, Summary("refused", reason))

    def _say_summary(self, one: _Followed, summary: Summary) -> None:
        unmatched = (
            f", {summary.n_unmatched} without a section ({printable(summary.first_unmatched)})"
            if summary.n_unmatched
            else ""
        )
        if summary.reason:
            what = "not all of it is" if summary.n_rows else "not"
            self._say(one, f"{what} read as a log: {printable(summary.reason)}", logging.WARNING)
        notes = map(printable, filter(None, summary.notes.split("\n")))
        for sentence in (f"{summary.n_rows} rows{unmatched}", *notes):
            self._say(one, sentence, logging.INFO)

    def _say(self, one: _Followed, sentence: str, level: int) -> None:
        """Say something of a file once."""
        if sentence not in one.said:
            one.said.add(sentence)
            logger.log(level, "%s: %s", printable(one.file.path), sentence)

    def _say_silence(self, one: _Followed, now_s: float) -> None:
        if one.has_grown and now_s - one.changed_s >= SILENT_S and one.file.summary is not None:
            one.has_grown = False
            logger.warning(
                "%s: no new row since %s; the log has ended, or the instrument has stopped",
                printable(one.file.path),
                one.changed_utc,
            )
