"""The way of one scan, from its first bytes in the inbox to its last row in the store."""

import contextlib
import errno
import logging

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.service.attempt import MAX_DEATHS, Attempt
from downcore.service.corrections import pipeline_of
from downcore.service.ending import complete, knows_end
from downcore.service.identity import (
    Identity,
    content_of,
    identify,
    made_with,
    refusal_key,
    scan_of,
)
from downcore.service.outcome import Outcome
from downcore.service.read_pass import CommitBatch, ReadPass, is_tail_blank
from downcore.service.scan_composition import commit_compositions, composer_of, n_composed
from downcore.service.station import Station
from downcore.sources.inbox.completeness import Evidence, FileStability, Progress, assess
from downcore.sources.inbox.grouping import ScanFiles, observe_again
from downcore.sources.inbox.section_names import section_name
from downcore.sources.turns import Result, Turns
from downcore.strata.errors import GrowingError, SectionError, SegmentError, StoreError
from downcore.strata.record import ScanState

logger = logging.getLogger(__name__)

_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.ENODEV})
"""Failures to open a file that do not pass by themselves within a while."""


class ScanIngest:
    """
    One scan on its way; it keeps no state that the store and the file could not give again.

    Parameters
    ----------
    station : Station
        Store, predictors and rules that all scans share.
    candidate : Candidate
        The files as they were first seen.
    """

    def __init__(self, station: Station, scan_files: ScanFiles) -> None:
        self._station = station
        self.scan_files = scan_files
        relative = scan_files.paths[0]
        if relative.is_relative_to(station.inbox):
            relative = relative.relative_to(station.inbox)
        self.name = section_name(relative, patterns=station.patterns)
        self.reason = self.name.warning
        self.n_slices = 0
        self.n_expected: int | None = None
        self.scan_id = ""
        self.has_worked = False
        """Whether the last step opened the files, rather than finding nothing to do."""
        self.is_refused_by_system = False
        """Whether the operating system kept the files from being read; that may pass unseen."""
        self._still: FileStability | None = None
        self._lines: ScanLines | None = None
        self._read_pass: ReadPass | None = None
        self._turns: Turns[Outcome] | None = None
        self._read_as = ""
        self._knows_end = False
        self._attempt = Attempt(station.store)
        self._is_stepping = False
        self._warned: tuple[str, ...] = ()
        self._waits: tuple[str, bool] | None = None
        self._lacks: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it holds files open."""
        return self._lines is not None

    def step(self, scan_files: ScanFiles, *, is_closed: bool) -> Outcome:
        """
        Go on as far as one turn allows.

        Parameters
        ----------
        candidate : Candidate
            The files as they are now.
        is_closed : bool
            Whether their writer closed them, or they were renamed into place, since the last step.
        """
        now_s = self._station.clock.monotonic_s()
        still = observe_again(self._still, scan_files, now_s=now_s, is_closed=is_closed)
        return self.take(scan_files, still)

    def take(self, scan_files: ScanFiles, still: FileStability) -> Outcome:
        """Go on as :meth:`step` does, for a caller that follows how still the files are."""
        now_s = self._station.clock.monotonic_s()
        self._still = still
        is_other = self._read_as not in {"", scan_files.signature}
        if is_other or not scan_files.continues(self.scan_files):
            self.close()
        self.scan_files = scan_files
        is_still = still.is_closed or still.has_settled(now_s, self._station.patience)
        self.has_worked = self._waits != (scan_files.signature, is_still)
        if not self.has_worked:
            return Outcome.WAITING if self._lacks is None else self._unfinished(still, now_s)
        self._waits, self._lacks = (scan_files.signature, is_still), None
        if self._attempt.is_deadly(scan_files):
            return self._set_aside(
                f"the program died {MAX_DEATHS} times over this file; "
                "export it again under another name"
            )
        self._is_stepping = True
        try:
            self._turns = self._turns or self._advance(still, now_s, is_still=is_still)
            outcome = self._take_turn(self._turns)
        except GrowingError as error:
            self.close()
            outcome = self._unfinished(still, now_s, str(error))
        except (SegmentError, SectionError) as error:
            self.close()
            outcome = self._refused(error, still, now_s, is_still=is_still)
        except StoreError:
            # A full disk is no fault of the file, which must go on once there is room.
            self._is_stepping = False
            raise
        self._is_stepping = False
        if outcome is Outcome.MORE:
            self._waits = None
        else:
            self._attempt.survived()
        return outcome

    def leave(self) -> None:
        """End in good order: a step that did not die, for all it found, is not held against it."""
        self.close()
        if not self._is_stepping:
            with contextlib.suppress(StoreError):
                self._attempt.survived()

    def close(self) -> None:
        """Give the files back; what is not committed is made again the next time."""
        if self._lines is not None:
            self._lines.close()
        self._lines = self._read_pass = self._turns = None
        self._read_as = ""

    def _take_turn(self, turns: Turns[Outcome]) -> Outcome:
        """Go on with a step up to where it pauses, or to its end."""
        try:
            next(turns)
        except StopIteration as ended:
            self._turns = None
            outcome: Outcome = ended.value
            return outcome
        except BaseException:
            self._turns = None
            raise
        return Outcome.MORE

    def _advance(self, still: FileStability, now_s: float, *, is_still: bool) -> Turns[Outcome]:
        lines = self._lines = self._lines or self._opened()
        n_lines, is_complete = lines.refresh(is_still=is_still)
        self.n_expected = (
            lines.scale.n_slices(lines.n_lines_expected) if lines.n_lines_expected else None
        )
        if self._read_pass is None:
            ended = yield from self._begin(
                lines, n_lines, is_complete=is_complete, is_still=is_still
            )
            if ended is Outcome.DONE:
                return self._ended()
            if ended is Outcome.WAITING and is_complete:
                return ended
        if self._read_pass is None:
            expected = lines.n_lines_expected or "an unknown number of"
            few = f"only {n_lines} of {expected} lines are there; copy it again from the scanner"
            return self._unfinished(still, now_s, few)
        read_pass = self._read_pass
        return (
            yield from self._go_on(
                read_pass, still, now_s, n_lines=n_lines, is_complete=is_complete
            )
        )

    def _go_on(
        self,
        read_pass: ReadPass,
        still: FileStability,
        now_s: float,
        *,
        n_lines: int,
        is_complete: bool,
    ) -> Turns[Outcome]:
        most = self._station.slices_per_step
        kept, is_all = read_pass.advance(n_lines, is_complete=is_complete, n_slices=most)
        self._commit(kept)
        commit_compositions(self._station, self.scan_id, read_pass.composed())
        if not is_all:
            return Outcome.MORE
        if not is_complete:
            return self._unfinished(still, now_s, "")
        evidence = Evidence(is_complete=True, is_tail_blank=False)
        decision = assess(still, evidence, now_s=now_s, patience=self._station.patience)
        if decision.progress is Progress.FINAL:
            return (yield from self._finish(read_pass, n_lines, decision.because))
        self._station.store.set_scan_state(self.scan_id, ScanState.SETTLING)
        return Outcome.WAITING

    def _open_again(self) -> ScanLines:
        return self.scan_files.format.open(self.scan_files.paths, self._station.reading)

    def _opened(self) -> ScanLines:
        lines = self._open_again()
        if lines.description.warnings != self._warned:
            self._warned = lines.description.warnings
            for warning in self._warned:
                path = printable(self.scan_files.paths[0])
                logger.warning("%s: %s", path, printable(warning))
        return lines

    def _begin(
        self, lines: ScanLines, n_lines: int, *, is_complete: bool, is_still: bool
    ) -> Turns[Outcome | None]:
        """Find the scan and where to go on; ``None`` where a passage was begun."""
        store = self._station.store
        content = ""
        if is_complete and is_still:
            content = yield from self._while_unchanged(content_of(self.scan_files))
        found = yield from identify(
            lines,
            self.name.section_id,
            store,
            n_lines=n_lines,
            is_complete=is_complete,
            content=content,
        )
        if found is None:
            return Outcome.WAITING
        self._knows_end = knows_end(found)
        if found.kept is None and found.is_copy and not content:
            self.reason = "begins as a scan that is known; read once it is known whether it is one"
            return Outcome.WAITING
        if found.kept is None and self._open_or_link(lines, found, content):
            return Outcome.DONE
        self.scan_id = found.scan_id
        done_slices = self._done_slices(found)
        n_done = n_composed(self._station, found.kept)
        if found.kept is not None and found.has_all(n_lines, min((*done_slices, n_done))):
            self.n_slices = found.kept.n_slices
            self.reason = f"known as scan {found.scan_id}"
            return complete(store, found, content)
        self._set_out(lines, done_slices, n_done)
        return None

    def _open_or_link(self, lines: ScanLines, found: Identity, content: str) -> bool:
        """Open a new scan in the store; return whether it repeats another and is linked to it."""
        store = self._station.store
        # Only a copy brings its digest along: any other may change before its end is read.
        is_copy = content and store.has_rows_of(content)
        told = scan_of(self.scan_files, lines, self.name, found, content=content if is_copy else "")
        opened = store.open_scan(told)
        self.scan_id = found.scan_id
        if opened.duplicate_of is not None:
            self.reason = f"the same content as scan {opened.duplicate_of}"
        return opened.duplicate_of is not None

    def _set_out(self, lines: ScanLines, done_slices: tuple[int, ...], n_done: int) -> None:
        """Begin a passage below the slices that are done."""
        station = self._station
        self.n_slices = min(done_slices, default=0)
        n_known = done_slices[0] if done_slices else 0
        composer = composer_of(station, lines.scale, self.scan_id, n_known=n_known, n_done=n_done)
        on_masked = None if composer is None else composer.look_at
        pipeline = pipeline_of(station, lines.scale, done_slices, on_masked)
        self._read_pass = ReadPass(lines, pipeline, self.scan_files.signature, composer)
        self._station.store.set_scan_state(self.scan_id, ScanState.GROWING)
        logger.info(
            "section %s: scan %s, %s px/cm by %s, from slice %d on",
            self.name.section_id,
            self.scan_id[:8],
            lines.description.px_per_cm,
            lines.description.px_per_cm_from,
            self.n_slices,
        )

    def _done_slices(self, found: Identity) -> tuple[int, ...]:
        """Return for each predictor how many slices it has done."""
        if found.kept is None:
            return ()
        return tuple(
            self._station.store.n_slices_with(found.scan_id, [predictor.manifest.bundle_id])
            for predictor in self._station.predictors
        )

    def _commit(self, kept: CommitBatch | None) -> None:
        if kept is None:
            return
        self._station.store.commit_slices(
            self.scan_id,
            kept.rows,
            n_lines_done=kept.n_lines_done,
            prefix_digest=kept.prefix_digest,
        )
        self.n_slices = kept.n_slices
        self._attempt.survived()

    def _finish(self, read_pass: ReadPass, n_lines: int, because: str) -> Turns[Outcome]:
        store = self._station.store
        is_as_it_was = read_pass.signature == self.scan_files.signature
        if not is_as_it_was and not (
            yield from self._while_unchanged(read_pass.read_the_same(self._open_again))
        ):
            # It was written over while it was read: begin again, as the scan that it is now.
            self.close()
            return Outcome.MORE
        store.set_scan_state(self.scan_id, ScanState.FINAL)
        self._commit(read_pass.finish())
        commit_compositions(self._station, self.scan_id, read_pass.finish_composing())
        duplicate_of = yield from self._end()
        self.reason = f"the same content as scan {duplicate_of}" if duplicate_of else ""
        logger.info(
            "section %s: done, %d slices of %d lines; %s",
            self.name.section_id,
            self.n_slices,
            n_lines,
            because,
        )
        return self._ended()

    def _end(self) -> Turns[str | None]:
        """Record the end of a scan that was just read to it; return what it repeats."""
        store = self._station.store
        if self._knows_end:
            store.set_scan_state(self.scan_id, ScanState.DONE)
            return None
        content = yield from self._while_unchanged(content_of(self.scan_files))
        return store.end_scan(self.scan_id, content)

    def _while_unchanged(self, turns: Turns[Result]) -> Turns[Result]:
        """Read the files as they are; where they change between turns, all begins again."""
        self._read_as = self.scan_files.signature
        result = yield from turns
        self._read_as = ""
        return result

    def _ended(self) -> Outcome:
        store = self._station.store
        store.quarantine_release(refusal_key(self.scan_files.paths[0]))
        signature = self.scan_files.signature
        store.remember_finished(signature, made_with(self._station), self.scan_id)
        self.close()
        return Outcome.DONE

    def _unfinished(self, still: FileStability, now_s: float, lacks: str | None = None) -> Outcome:
        """Wait for more bytes, unless nothing has come for so long that a person must look."""
        self._lacks = lacks = (self._lacks or "") if lacks is None else lacks
        is_blank = is_tail_blank(self.scan_files.paths[-1])
        # A blank tail of the full size is told apart from one that is simply not there.
        evidence = Evidence(is_complete=is_blank, is_tail_blank=is_blank)
        decision = assess(still, evidence, now_s=now_s, patience=self._station.patience)
        self.reason = f"{decision.because}; {lacks}" if lacks else decision.because
        if decision.incomplete is not None:
            return self._set_aside(self.reason)
        return Outcome.WAITING

    def _refused(
        self,
        error: SegmentError | SectionError,
        still: FileStability,
        now_s: float,
        *,
        is_still: bool,
    ) -> Outcome:
        """Set the file aside once it is still; one that is being written may yet make sense."""
        self.reason = str(error)
        cause = error.__cause__
        self.is_refused_by_system = isinstance(cause, OSError)
        if isinstance(cause, OSError) and cause.errno not in _LASTING:
            # A share that blinks comes back; the file is tried again at every look till then.
            self._waits, self.has_worked = None, False
            if now_s - still.since_s < self._station.patience.give_up_s:
                return Outcome.WAITING
        return self._set_aside(self.reason) if is_still else Outcome.WAITING

    def _set_aside(self, reason: str) -> Outcome:
        store = self._station.store
        path = printable(self.scan_files.paths[0])
        # A file's own words may stand in a reason.
        self.reason = reason = printable(reason)
        store.quarantine_try(refusal_key(self.scan_files.paths[0]), path, reason)
        if self.scan_id:
            store.set_scan_state(self.scan_id, ScanState.QUARANTINED, reason)
        logger.warning("%s: set aside: %s", path, reason)
        self.close()
        return Outcome.REFUSED
