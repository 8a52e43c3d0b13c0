"""What the store is told of one scan: attempts at it, its rows, its end, or why it was refused."""

import logging
from dataclasses import replace

from downcore.file_names import printable
from downcore.ports import ScanDescription, ScanLines
from downcore.service.identity import (
    Identity,
    attempt_key,
    made_with,
    refusal_key,
    scan_of,
)
from downcore.service.read_pass import CommitBatch
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.section_names import SectionName
from downcore.store import OpenedScan
from downcore.strata.composed import ComposedSlice
from downcore.strata.record import ScanState

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
"""Starts of the program that may die over a file, without a row, before it is set aside."""


class ScanRecord:
    """
    One scan in the store, as :class:`~downcore.service.scan_ingest.ScanIngest` writes it.

    Parameters
    ----------
    station : Station
        Its store is written to.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._store = station.store
        self.section_id = ""
        """The section that rows are logged under; empty until a read pass makes them."""
        self.scan_id = ""
        """Empty until the store knows the scan."""
        self.n_slices = 0
        self.has_end = False
        """Whether its end and content were recorded when it was read before."""
        self._attempt_key = ""
        self._is_attempt_counted = False

    def killed_too_often(self, scan_files: ScanFiles) -> str:
        """
        Return what to say of a file over which the program died too often; empty for any other.

        The first call counts this start, before the file is opened, so that a file which kills
        the program is counted as well.
        """
        if self._is_attempt_counted:
            return ""
        self._is_attempt_counted = True
        self._attempt_key = attempt_key(scan_files)
        path = printable(scan_files.paths[0])
        if self._store.quarantine_try(self._attempt_key, path, "") <= MAX_DEATHS:
            return ""
        return (
            f"the program died {MAX_DEATHS} times over this file; `downcore release "
            f"{scan_files.paths[0].name}` has it tried again"
        )

    def forget_attempt(self) -> None:
        """Take back that this start was counted: the file did not kill the program."""
        if self._attempt_key:
            self._store.quarantine_release(self._attempt_key)
            self._attempt_key = ""

    def identified(self, found: Identity) -> None:
        """Note which scan it is, before anything of it is written."""
        stored = found.stored
        self.has_end = stored is not None and stored.content_digest != "" and stored.has_ended

    def keep_said(self, scan_files: ScanFiles, content: str) -> None:
        """Record how the person who gave the files said that they are to be read, if they did."""
        if self._station.said is not None:
            path = printable(scan_files.paths[0])
            self._store.keep_said(self._station.said, content, path)

    def other_reading(
        self, scan_files: ScanFiles, found: Identity, content: str
    ) -> OpenedScan | None:
        """
        Return the scan of the same file that stands, read another way than it is now.

        Where the scan that is found gave way to that one, it stands again from now on.
        """
        if found.stored is None:
            return self._store.other_reading(content, printable(scan_files.paths[0]))
        if found.stored.state is ScanState.SUPERSEDED:
            self._store.reinstate(found.scan_id)
        return None

    def open(
        self,
        scan_files: ScanFiles,
        lines: ScanLines,
        name: SectionName,
        found: Identity,
        *,
        content: str,
        corrects: str | None,
    ) -> str | None:
        """
        Open a new scan; return the scan that it repeats and is linked to, if it does.

        ``content`` is the digest of its files, empty while they may still change, and
        ``corrects`` the scan of the same file, read another way, that it is to supersede.
        """
        scan = scan_of(scan_files, lines, name, found, content=content, corrects=corrects)
        # Only a copy brings its digest along: any other may change before its end is read.
        if not self._store.is_copy(scan):
            scan = replace(scan, content_digest="")
        opened = self._store.open_scan(scan)
        self.scan_id = found.scan_id
        return opened.duplicate_of

    def done_slices(self, found: Identity) -> tuple[int, ...]:
        """Return for each predictor how many slices it has done; none for a new scan."""
        if found.stored is None:
            return ()
        n_slices_with, scan_id = self._store.n_slices_with, found.scan_id
        return tuple(n_slices_with(scan_id, [bundle_id]) for bundle_id in self._station.bundle_ids)

    def n_composed(self, found: Identity) -> int:
        """Return how many slices need no composing, from the top."""
        if found.stored is None:
            return 0
        if self._station.composition_config is None:
            return found.stored.n_slices
        composer_id = self._station.composition_config.composer_id
        return self._store.n_slices_composed(found.scan_id, composer_id)

    def set_state(self, state: ScanState) -> None:
        """Record how far the scan has come."""
        self._store.set_scan_state(self.scan_id, state)

    def start_reading(
        self, section_id: str, description: ScanDescription, done_slices: tuple[int, ...]
    ) -> None:
        """Note that rows are made of a scan from now on, and after how many for each predictor."""
        self.section_id = section_id
        self.n_slices = min(done_slices, default=0)
        self.set_state(ScanState.GROWING)
        logger.info(
            "section %s: scan %s, %s px/cm by %s, from slice %d on",
            section_id,
            self.scan_id[:8],
            description.px_per_cm,
            description.px_per_cm_from,
            self.n_slices,
        )

    def commit(self, batch: CommitBatch | None) -> None:
        """Commit rows that became ready; ``None`` for none."""
        if batch is None:
            return
        self._store.commit_slices(
            self.scan_id,
            batch.rows,
            n_lines_done=batch.n_lines_done,
            prefix_digest=batch.prefix_digest,
            profiles=batch.profiles,
        )
        self.n_slices = batch.n_slices
        self.forget_attempt()
        for row in batch.rows:
            index, n_estimates = row.core_slice.index, len(row.estimates)
            logger.debug("section %s: slice %d, %d estimates", self.section_id, index, n_estimates)

    def commit_composed(self, composed: list[ComposedSlice]) -> None:
        """Commit compositions that became ready."""
        if composed:
            self._store.commit_compositions(self.scan_id, composed)

    def complete(self, stored: OpenedScan, content: str) -> bool:
        """
        Record what is still missing of a scan that has every row; return whether that is done.

        A kill may have come between the last row and the end. ``content`` is the digest of the
        scan's files, empty while they may still change: where it is needed, the scan must wait.
        """
        self.n_slices = stored.n_slices
        if stored.content_digest:
            if stored.state is ScanState.FINAL:
                self._store.set_scan_state(stored.scan_id, ScanState.DONE)
            return True
        if content:
            self._store.end_scan(stored.scan_id, content)
        return bool(content)

    def end(self, content: str) -> str | None:
        """Record that the scan was read to its end; return the scan that it repeats, if any."""
        return self._store.end_scan(self.scan_id, content)

    def say_done(self, n_lines: int, because: str) -> None:
        """Log that the scan, of so many lines, has all its rows, and why it is whole."""
        logger.info(
            "section %s: done, %d slices of %d lines; %s",
            self.section_id,
            self.n_slices,
            n_lines,
            because,
        )

    def remember_done(self, scan_files: ScanFiles, expected_section: str) -> None:
        """Remember that the files, unopened of the section that is given, are done with."""
        self._store.quarantine_release(refusal_key(scan_files.paths[0]))
        made = made_with(self._station)
        self._store.remember_finished(scan_files.signature, made, self.scan_id, expected_section)

    def set_aside(self, scan_files: ScanFiles, reason: str) -> None:
        """Put the scan into the quarantine, with the reason."""
        path = scan_files.paths[0]
        self._store.quarantine_try(refusal_key(path), printable(path), reason)
        if self.scan_id:
            self._store.set_scan_state(self.scan_id, ScanState.QUARANTINED, reason)
        logger.warning("%s: set aside: %s", printable(path), reason)
