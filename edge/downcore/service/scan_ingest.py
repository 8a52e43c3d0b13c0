"""One scan between the inbox and the store: what is done with it next, step by step."""

import contextlib

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.service.file_content import FileContent
from downcore.service.identity import Identity, refusal_key
from downcore.service.questions import open_question
from downcore.service.read_pass import ReadPass, begin_read_pass
from downcore.service.scan_evidence import MoreLinesNeededError
from downcore.service.scan_reading import ScanReading
from downcore.service.scan_record import ScanRecord
from downcore.service.scan_step import Observed, Outcome, is_passing, observed_at
from downcore.service.section_places import say_copy
from downcore.service.station import Station
from downcore.sources.inbox.completeness import Evidence, FileStability, Progress
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.section_names import SectionName
from downcore.sources.inbox.tail import is_tail_blank
from downcore.sources.turns import Turns
from downcore.strata.errors import GrowingError, SectionError, SegmentError, StoreError
from downcore.strata.record import ScanState


class ScanIngest:
    """
    One scan on its way into the store; it holds no state that store and file could not restore.

    Parameters
    ----------
    station : Station
        Store, predictors and rules that all scans share.
    scan_files : ScanFiles
        The files as they were first seen.
    """

    def __init__(self, station: Station, scan_files: ScanFiles) -> None:
        self._station = station
        self._reading = ScanReading(station, scan_files)
        self.reason = self.name.warning
        """Why the scan waits, was refused or has no rows of its own; else empty."""
        self.n_expected: int | None = None
        """Slices that it will have, where its file says so."""
        self.has_worked = False
        """Whether the last step opened the files, rather than finding nothing to do."""
        self.is_refused_by_system = False
        self.is_newly_questioned = False
        """Whether the operating system kept the files from being read; that may pass unseen."""
        self._record = ScanRecord(station)
        self._lines: ScanLines | None = None
        self._read_pass: ReadPass | None = None
        self._turns: Turns[Outcome] | None = None
        self._content = FileContent()
        self._is_stepping = False
        self._waits_at: tuple[str, bool, bool] | None = None
        """Signature and stillness at which the last step found nothing more to do."""
        self._missing: str | None = None
        """What the files lack, as the last step found; ``None`` where they lack nothing."""

    @property
    def scan_files(self) -> ScanFiles:
        """The files as they were last seen."""
        return self._reading.scan_files

    @property
    def name(self) -> SectionName:
        """The section that it shows, as far as is known, and the parts of its name."""
        return self._reading.name

    @property
    def is_open(self) -> bool:
        """Whether it holds files open."""
        return self._lines is not None

    @property
    def scan_id(self) -> str:
        """Which scan it is in the store; empty until it is known there."""
        return self._record.scan_id

    @property
    def n_slices(self) -> int:
        """Slices from the section's top that are stored."""
        return self._record.n_slices

    def step(self, scan_files: ScanFiles, stability: FileStability) -> Outcome:
        """
        Go on as far as one turn allows.

        Parameters
        ----------
        scan_files : ScanFiles
            The files as they are now.
        stability : FileStability
            For how long they have been so.
        """
        station = self._station
        is_rewritten = self._content.is_rewritten(scan_files)
        is_other = is_rewritten or not scan_files.continues(self.scan_files)
        self._reading.scan_files = scan_files
        if is_other:
            self.close()
            self._reading.expect("")
        observed = observed_at(station.clock.monotonic_s(), stability, station.patience)
        waits_at = (scan_files.signature, observed.is_still, observed.is_closed)
        self.has_worked = self._waits_at != waits_at
        if not self.has_worked:
            return Outcome.WAITING if self._missing is None else self._unfinished(observed)
        self._waits_at, self._missing = waits_at, None
        if killed_by_it := self._record.killed_too_often(scan_files):
            return self._set_aside(killed_by_it)
        self._is_stepping = True
        try:
            outcome = self._take_turn(observed)
        except GrowingError as error:
            self.close()
            outcome = self._unfinished(observed, str(error))
        except (SegmentError, SectionError) as error:
            self.close()
            outcome = self._refused(error, observed)
        except StoreError:
            # A full disk is no fault of the file, which must go on once there is room.
            self._is_stepping = False
            raise
        self._is_stepping = False
        if outcome is Outcome.MORE:
            self._waits_at = None
        else:
            self._record.forget_attempt()
        return outcome

    def leave(self) -> None:
        """Close in good order; the attempt is forgotten unless a step is still under way."""
        self.close()
        if not self._is_stepping:
            with contextlib.suppress(StoreError):
                self._record.forget_attempt()

    def close(self) -> None:
        """Close the files; what is not committed is computed again the next time."""
        if self._lines is not None:
            self._lines.close()
        self._lines = self._read_pass = self._turns = None
        self._content = FileContent()

    def _take_turn(self, observed: Observed) -> Outcome:
        """Begin to advance, or go on with that; up to where it pauses, or to its end."""
        turns, self._turns = self._turns or self._advance(observed), None
        try:
            next(turns)
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome
        self._turns = turns
        return Outcome.MORE

    def _advance(self, observed: Observed) -> Turns[Outcome]:
        is_still = observed.is_still
        lines = self._lines = self._lines or (yield from self._open_first(is_still=is_still))
        n_lines, is_complete = lines.refresh(is_still=is_still, is_closed=observed.is_closed)
        n_expected = lines.n_lines_expected
        self.n_expected = lines.scale.n_slices(n_expected) if n_expected else None
        if self._read_pass is None:
            can_hash = is_complete and is_still
            outcome = yield from self._begin(
                lines, n_lines, is_complete=is_complete, can_hash=can_hash
            )
            if outcome is not None and (is_complete or outcome is not Outcome.WAITING):
                return outcome
        if self._read_pass is None:
            few = (
                f"only {n_lines} of {n_expected or 'an unknown number of'} lines are there; "
                "copy it again from the scanner"
            )
            return self._unfinished(observed, few)
        read_pass = self._read_pass
        batch, is_all = read_pass.advance(
            n_lines, is_complete=is_complete, max_slices=self._station.slices_per_step
        )
        self._record.commit(batch)
        self._record.commit_composed(read_pass.composed())
        if not is_all:
            return Outcome.MORE
        if not is_complete:
            return self._unfinished(observed, "")
        decision = observed.assess(Evidence(is_complete=True, is_tail_blank=False))
        if decision.progress is Progress.FINAL:
            return (yield from self._finish(read_pass, n_lines, decision.because))
        self._record.set_state(ScanState.SETTLING)
        return Outcome.WAITING

    def _open_first(self, *, is_still: bool) -> Turns[ScanLines]:
        """Open the files and learn their name."""
        reading = self._reading
        lines = yield from reading.open_first(self._content, is_still=is_still)
        if self.reason == self.name.warning:
            self.reason = ""
        reading.take_description(lines.description)
        self.reason = self.reason or self.name.warning
        return lines

    def _begin(
        self, lines: ScanLines, n_lines: int, *, is_complete: bool, can_hash: bool
    ) -> Turns[Outcome | None]:
        """Find out which scan it is and where to go on; ``None`` where a read pass was begun."""
        content = (yield from self._content.digest(self.scan_files)) if can_hash else ""
        if content:
            self._record.keep_said(self.scan_files, content)
        if content and self._reading.expect(content):
            return self._read_otherwise()
        found = yield from self._reading.identify(
            lines, n_lines, is_complete=is_complete, content=content
        )
        if found is None:
            return Outcome.WAITING
        known = "" if content or found.stored is None else found.stored.content_digest
        if known and self._reading.expect(known):
            return self._read_otherwise()
        return self._go_on(lines, found, n_lines, content, is_complete=is_complete)

    def _go_on(
        self, lines: ScanLines, found: Identity, n_lines: int, content: str, *, is_complete: bool
    ) -> Outcome | None:
        """Open the scan or find it again; ``None`` where a read pass was begun."""
        record, stored = self._record, found.stored
        record.identified(found)
        other = record.other_reading(self.scan_files, found, content)
        # Another content in the same place is not left out because the one before was.
        left_out = stored or (other if other is not None and other.content_digest else None)
        if left_out is not None and left_out.left_out_because:
            self.reason = f"left out {left_out.left_out_because}"
            self.close()
            return Outcome.DONE
        if stored is None:
            corrects = None if other is None else other.scan_id
            outcome = self._open_scan(lines, found, content, corrects)
            if outcome is not None:
                return outcome
        record.scan_id = found.scan_id
        done_slices, n_composed = record.done_slices(found), record.n_composed(found)
        if stored is not None and found.has_all(n_lines, min((*done_slices, n_composed))):
            is_done = record.complete(stored, content)
            self.reason = f"known as scan {found.scan_id}"
            return self._done(self.reason) if is_done else Outcome.WAITING
        if stored is None or stored.n_slices == 0:
            outcome = self._ask(lines, n_lines, content, is_complete=is_complete)
            if outcome is not None:
                return outcome
        self._start_reading(lines, done_slices, n_composed)
        return None

    def _open_scan(
        self, lines: ScanLines, found: Identity, content: str, corrects: str | None
    ) -> Outcome | None:
        """Make a new scan known; ``None`` where it is to be read now."""
        if found.is_copy and not content:
            self.reason = "begins as a scan that is known; read once it is known whether it is one"
            return Outcome.WAITING
        original = self._record.open(
            self.scan_files, lines, self.name, found, content=content, corrects=corrects
        )
        return None if original is None else self._done_as_copy(original)

    def _ask(
        self, lines: ScanLines, n_lines: int, content: str, *, is_complete: bool
    ) -> Outcome | None:
        """Ask a person where something speaks against the reading; ``None`` where nothing does."""
        try:
            question = open_question(
                self._station,
                self.scan_files,
                lines,
                self.scan_id,
                self.name,
                n_lines=n_lines,
                is_complete=is_complete,
                content=content,
            )
        except MoreLinesNeededError:
            return Outcome.WAITING
        if question is None:
            return None
        # It can be read by now, whatever it was set aside for.
        self._station.store.quarantine_release(refusal_key(self.scan_files.paths[0]))
        self.reason, self.is_newly_questioned = question.words, question.is_new
        self.close()
        return Outcome.QUESTIONED

    def _read_otherwise(self) -> Outcome:
        """Open the files again at the next turn, as they are now known to be read."""
        known = self._content
        self.close()
        self._content = known
        return Outcome.MORE

    def _start_reading(
        self, lines: ScanLines, done_slices: tuple[int, ...], n_composed: int
    ) -> None:
        """Begin a read pass, whose rows follow those that are stored."""
        self._read_pass = begin_read_pass(
            self._station,
            lines,
            self.scan_files.signature,
            self.scan_id,
            done_slices=done_slices,
            n_composed=n_composed,
        )
        self._record.start_reading(self.name.section_id, lines.description, done_slices)

    def _finish(self, read_pass: ReadPass, n_lines: int, because: str) -> Turns[Outcome]:
        record = self._record
        is_as_it_was = read_pass.signature == self.scan_files.signature
        if not is_as_it_was and not (
            yield from self._content.while_unchanged(
                self.scan_files,
                read_pass.has_read_the_same(self._reading.open),
            )
        ):
            # It was written over while it was read: begin again, as the scan that it is now.
            self.close()
            return Outcome.MORE
        record.set_state(ScanState.FINAL)
        record.commit(read_pass.finish())
        record.commit_composed(read_pass.finish_composing())
        original = None
        if record.has_end:
            record.set_state(ScanState.DONE)
        else:
            content = yield from self._content.digest(self.scan_files)
            if self._reading.expect(content):
                return self._read_otherwise()
            original = record.end(content)
        record.say_done(n_lines, because)
        if original:
            return self._done_as_copy(original)
        if why_apart := self._reading.why_apart:
            self._station.store.set_scan_state(self.scan_id, ScanState.DONE, why_apart)
        return self._done(why_apart)

    def _done_as_copy(self, original: str) -> Outcome:
        """End a scan whose content another has; under another section's name that is said."""
        return self._done(
            say_copy(self._station, self.scan_files, self.name, self.scan_id, original)
        )

    def _done(self, reason: str) -> Outcome:
        self.reason = reason
        self._record.remember_done(self.scan_files, self._reading.expected_section)
        self.close()
        return Outcome.DONE

    def _unfinished(self, observed: Observed, missing: str | None = None) -> Outcome:
        """Wait for more bytes, unless nothing has come for so long that a person must look."""
        self._missing = missing = (self._missing or "") if missing is None else missing
        is_blank = is_tail_blank(self.scan_files.paths[-1])
        # A blank tail of the full size is told apart from one that is simply not there.
        decision = observed.assess(Evidence(is_complete=is_blank, is_tail_blank=is_blank))
        self.reason = f"{decision.because}; {missing}" if missing else decision.because
        return Outcome.WAITING if decision.incomplete is None else self._set_aside(self.reason)

    def _refused(self, error: SegmentError | SectionError, observed: Observed) -> Outcome:
        """Set the file aside once it is still; one that is being written may yet make sense."""
        self.reason = str(error)
        self.is_refused_by_system = isinstance(error.__cause__, OSError)
        if is_passing(error):
            # A share that drops out comes back; till then the file is tried at every listing.
            self._waits_at, self.has_worked = None, False
            if not observed.has_given_up:
                return Outcome.WAITING
        return self._set_aside(self.reason) if observed.is_still else Outcome.WAITING

    def _set_aside(self, reason: str) -> Outcome:
        # A file's own words may stand in a reason.
        self.reason = printable(reason)
        self._record.set_aside(self.scan_files, self.reason)
        self.close()
        return Outcome.REFUSED
