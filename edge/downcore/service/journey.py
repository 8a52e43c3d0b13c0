"""The way of one scan, from its first bytes in the inbox to its last row in the store."""

import enum
import logging
from pathlib import Path

from downcore.pipeline import SectionPipeline
from downcore.ports import ScanLines
from downcore.service.candidates import Candidate
from downcore.service.identity import Identity, content_of, identify, scan_of
from downcore.service.station import Station
from downcore.sources._done import Evidence, Progress, Stillness, decide, looked
from downcore.sources._identity import PrefixDigest
from downcore.sources._input import InputFile
from downcore.sources._names import section_name
from downcore.sources._reconcile import printable
from downcore.strata.errors import GrowingError, SectionError, SegmentError
from downcore.strata.record import ScanState, SliceRow

logger = logging.getLogger(__name__)

TAIL_BYTES = 4096

MOST_DEATHS = 3
"""Starts of the program that may die over a file, without a row, before it is set aside."""


class Outcome(enum.Enum):
    """How a step of a journey ended."""

    WAITING = "waiting"
    """Nothing more can be done until the files change or time passes."""
    MORE = "more"
    """There is more to do at once; others may have their turn first."""
    DONE = "done"
    """Every row is kept, or the scan is linked to one that has them."""
    REFUSED = "refused"
    """Set aside, with its reason in the quarantine."""


class Journey:
    """
    One scan on its way; it keeps no state that the store and the file could not give again.

    Parameters
    ----------
    station : Station
        Store, predictors and rules that all scans share.
    candidate : Candidate
        The files as they were first seen.
    """

    def __init__(self, station: Station, candidate: Candidate) -> None:
        self._station = station
        self.candidate = candidate
        relative = candidate.paths[0]
        if relative.is_relative_to(station.inbox):
            relative = relative.relative_to(station.inbox)
        self.name = section_name(relative, patterns=station.patterns)
        self.reason = self.name.warning
        self.n_slices = 0
        self.n_expected: int | None = None
        self.scan_id = ""
        self._still: Stillness | None = None
        self._lines: ScanLines | None = None
        self._pipeline: SectionPipeline | None = None
        self._prefix = PrefixDigest()
        self._prefix_at: dict[int, str] = {}
        self._is_counted = False

    def step(self, candidate: Candidate, *, is_closed: bool) -> Outcome:
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
        has_changed_files = candidate.paths != self.candidate.paths
        self.candidate = candidate
        self._still = looked(
            self._still,
            size=candidate.size,
            mtime_ns=candidate.mtime_ns,
            now_s=now_s,
            # A strip that was closed says nothing of the strips to come.
            is_closed=is_closed and _is_one_file(candidate),
        )
        if has_changed_files:
            self._close_lines()
        if self._is_deadly():
            return self._set_aside(f"the program died {MOST_DEATHS} times over this file")
        try:
            return self._advance(self._still, now_s)
        except GrowingError as error:
            return self._unfinished(self._still, now_s, str(error))
        except (SegmentError, SectionError) as error:
            return self._refused(self._still, now_s, str(error))

    def close(self) -> None:
        """Give the files back; what is not committed is made again the next time."""
        self._close_lines()
        self._pipeline = None

    def _advance(self, still: Stillness, now_s: float) -> Outcome:
        lines = self._lines = self._lines or self._opened()
        is_still = still.is_closed or self._has_settled(still, now_s)
        n_lines, is_complete = lines.refresh(is_still=is_still)
        self.n_expected = (
            lines.scale.n_slices(lines.n_lines_expected) if lines.n_lines_expected else None
        )
        if self._pipeline is None and not self._begin(
            lines, n_lines, is_complete=is_complete, is_final=is_complete and is_still
        ):
            if self.scan_id:
                return self._ended()
            return self._unfinished(still, now_s, "fewer lines than the store has of it")
        if not self._pump(lines, n_lines, is_complete=is_complete):
            return Outcome.MORE
        if not is_complete:
            return self._unfinished(still, now_s, "")
        return self._settle(still, now_s, n_lines)

    def _settle(self, still: Stillness, now_s: float, n_lines: int) -> Outcome:
        evidence = Evidence(is_complete=True, is_tail_blank=False)
        decision = decide(still, evidence, now_s=now_s, patience=self._station.patience)
        if decision.progress is Progress.FINAL:
            return self._finish(n_lines, decision.because)
        self._station.store.set_scan_state(self.scan_id, ScanState.SETTLING)
        return Outcome.WAITING

    def _opened(self) -> ScanLines:
        fmt = self.candidate.format
        lines = fmt.open(self.candidate.paths, self._station.reading)
        for warning in lines.description.warnings:
            logger.warning("%s: %s", printable(self.candidate.paths[0]), warning)
        return lines

    def _begin(self, lines: ScanLines, n_lines: int, *, is_complete: bool, is_final: bool) -> bool:
        """Find the scan and where to go on; False where there is nothing to do, or not yet."""
        store = self._station.store
        found = identify(
            lines, self.name.section_id, store, n_lines=n_lines, is_complete=is_complete
        )
        if found is None:
            return False
        self.scan_id = found.scan_id
        done_slices = self._done_slices(found)
        if found.kept is None:
            content = content_of(self.candidate) if is_final else ""
            opened = store.open_scan(
                scan_of(self.candidate, lines, self.name, found, content=content)
            )
            if opened.duplicate_of is not None:
                self.reason = f"the same content as scan {opened.duplicate_of}"
                return False
        elif found.kept.duplicate_of is not None or (
            found.kept.state in (ScanState.DONE, ScanState.SUPERSEDED)
            and n_lines == found.kept.n_lines_done
            and done_slices == found.kept.n_slices
        ):
            self.n_slices = found.kept.n_slices
            self.reason = f"known as scan {found.scan_id}"
            return False
        self._pipeline = SectionPipeline(
            lines.scale,
            self._station.predictors,
            self._station.rules,
            done_slices=done_slices,
        )
        self.n_slices = done_slices
        store.set_scan_state(self.scan_id, ScanState.GROWING)
        logger.info(
            "section %s: scan %s, %s px/cm by %s, from slice %d on",
            self.name.section_id,
            self.scan_id[:8],
            lines.description.px_per_cm,
            lines.description.px_per_cm_from,
            done_slices,
        )
        return True

    def _done_slices(self, found: Identity) -> int:
        if found.kept is None:
            return 0
        bundles = [predictor.manifest.bundle_id for predictor in self._station.predictors]
        return self._station.store.n_slices_with(found.scan_id, bundles)

    def _pump(self, lines: ScanLines, n_lines: int, *, is_complete: bool) -> bool:
        """Read, predict and commit whole slices; returns whether nothing readable is left."""
        pipeline = self._pipeline
        if pipeline is None:
            raise RuntimeError("expected a scan that was begun")
        rows: list[SliceRow] = []
        for _ in range(self._station.slices_per_step):
            first = pipeline.next_line
            end = lines.scale.first_line_of_slice(lines.scale.slice_of_line(first) + 1)
            stop = min(end, n_lines)
            if stop <= first or (stop < end and not is_complete):
                break
            segment = lines.read(first, stop - first)
            self._prefix.add(segment)
            self._prefix_at[stop] = self._prefix.hexdigest()
            rows += pipeline.push(segment)
        rows += pipeline.drain()
        self._commit(rows)
        first = pipeline.next_line
        end = lines.scale.first_line_of_slice(lines.scale.slice_of_line(first) + 1)
        return first >= n_lines or (end > n_lines and not is_complete)

    def _commit(self, rows: list[SliceRow]) -> None:
        if not rows:
            return
        last = rows[-1].core_slice
        n_lines_done = last.first_line + last.n_lines
        self._station.store.commit_slices(
            self.scan_id,
            rows,
            n_lines_done=n_lines_done,
            prefix_digest=self._prefix_at[n_lines_done],
        )
        self._prefix_at = {n: d for n, d in self._prefix_at.items() if n > n_lines_done}
        self.n_slices = last.index + 1
        self._survived()

    def _finish(self, n_lines: int, because: str) -> Outcome:
        if self._pipeline is None:
            raise RuntimeError("expected a scan that was begun")
        store = self._station.store
        store.set_scan_state(self.scan_id, ScanState.FINAL)
        self._commit(self._pipeline.finish())
        duplicate_of = store.identify(self.scan_id, content_of(self.candidate))
        store.set_scan_state(self.scan_id, ScanState.DONE)
        self.reason = f"the same content as scan {duplicate_of}" if duplicate_of else ""
        logger.info(
            "section %s: done, %d slices of %d lines; %s",
            self.name.section_id,
            self.n_slices,
            n_lines,
            because,
        )
        return self._ended()

    def _ended(self) -> Outcome:
        self._survived()
        self._station.store.remember_file(memory_key(self._station, self.candidate), self.scan_id)
        self.close()
        return Outcome.DONE

    def _unfinished(self, still: Stillness, now_s: float, what: str) -> Outcome:
        """Wait for more bytes, unless nothing has come for so long that a person must look."""
        evidence = Evidence(
            is_complete=False, is_tail_blank=is_tail_blank(self.candidate.paths[-1])
        )
        if evidence.is_tail_blank:
            evidence = Evidence(is_complete=True, is_tail_blank=True)
        decision = decide(still, evidence, now_s=now_s, patience=self._station.patience)
        self.reason = f"{decision.because}; {what}" if what else decision.because
        if decision.incomplete is not None:
            return self._set_aside(self.reason)
        return Outcome.WAITING

    def _refused(self, still: Stillness, now_s: float, reason: str) -> Outcome:
        """Set the file aside once it is still; one that is being written may yet make sense."""
        self.reason = reason
        self.close()
        if still.is_closed or self._has_settled(still, now_s):
            return self._set_aside(reason)
        return Outcome.WAITING

    def _set_aside(self, reason: str) -> Outcome:
        store = self._station.store
        path = printable(self.candidate.paths[0])
        self.reason = reason
        store.quarantine_try(self.candidate.signature, path, reason)
        if self.scan_id:
            store.set_scan_state(self.scan_id, ScanState.QUARANTINED, reason)
        logger.warning("%s: set aside: %s", path, reason)
        self.close()
        return Outcome.REFUSED

    def _has_settled(self, still: Stillness, now_s: float) -> bool:
        return still.n_looks > 1 and now_s - still.since_s >= self._station.patience.settle_s

    def _is_deadly(self) -> bool:
        """Count this start before the file is opened, so that one that kills us counts too."""
        if self._is_counted:
            return False
        self._is_counted = True
        path = printable(self.candidate.paths[0])
        return self._station.store.quarantine_try(_attempt_key(path), path, "") > MOST_DEATHS

    def _survived(self) -> None:
        """Forget the attempts: rows were kept, so the file does not kill us."""
        self._station.store.quarantine_release(_attempt_key(printable(self.candidate.paths[0])))

    def _close_lines(self) -> None:
        if self._lines is not None:
            self._lines.close()
            self._lines = None


def is_tail_blank(path: Path) -> bool:
    """Return whether a file's last 4 KiB hold nothing but zeros; False for an empty one."""
    with InputFile(path) as file:
        tail = file.read_at(max(file.size() - TAIL_BYTES, 0), TAIL_BYTES)
    return bool(tail) and not any(tail)


def memory_key(station: Station, candidate: Candidate) -> str:
    """Return under which key the store remembers that a file is done with, by these bundles."""
    bundles = ",".join(p.manifest.bundle_id for p in station.predictors)
    return f"{candidate.signature}:{bundles}"


def _attempt_key(path: str) -> str:
    return f"attempt:{path}"


def _is_one_file(candidate: Candidate) -> bool:
    return candidate.format.grouping(candidate.paths[0]) == str(candidate.paths[0])
