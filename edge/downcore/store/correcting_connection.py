"""What people correct and answer, written to the record."""

import logging
from functools import cached_property
from pathlib import Path

from downcore.store import corrections, depth_ledger, flags, questions, requests, scans, standing
from downcore.store.rows import storable_text
from downcore.store.writing_connection import WritingConnection
from downcore.strata.depth_ledger import Draft
from downcore.strata.errors import UnknownFlagError
from downcore.strata.flags import Acknowledgement, Flag
from downcore.strata.scan_corrections import (
    AS_SETTINGS_SAY,
    AskedReading,
    Correction,
    CorrectionRequest,
)
from downcore.strata.scan_doubts import Cause, OtherScan

logger = logging.getLogger(__name__)


class CorrectingConnection(WritingConnection):
    """The part of :class:`~downcore.store.Store` that people steer: corrections and answers."""

    @cached_property
    def _has_corrections(self) -> bool:
        """Whether anybody ever corrected anything; asked for every file, at every start."""
        return self._first_row("SELECT 1 FROM correction LIMIT 1") is not None

    @cached_property
    def _taken(self) -> set[Path]:
        """Requests that were taken up and could not be removed."""
        return set()

    def correct(self, request: CorrectionRequest) -> tuple[Correction, ...]:
        """Record what a person corrected, in one transaction; the same request again is a no-op."""
        with self._writing("record a correction in") as transaction:
            made = corrections.apply(transaction, request)
        self._has_corrections = True
        return made

    def keep_said(self, request: CorrectionRequest, content_digest: str, path: str) -> None:
        """Record how a person said that a file is to be read, unless that is known already."""
        with self._writing("record a correction in") as transaction:
            corrections.keep_said(transaction, request, content_digest, storable_text(path))
        self._has_corrections = True

    def take_requests(self) -> tuple[Correction, ...]:
        """Record what was handed over by commands, the oldest first; return the corrections."""
        made: list[Correction] = []
        for path in self._requests():
            request = requests.read(path)
            if isinstance(request, Draft):
                self.add_depths(request)
            elif isinstance(request, Acknowledgement):
                self._acknowledge_known(request)
            elif request is not None:
                made += self.correct(request)
            if not requests.remove(path):
                self._taken.add(path)
        return tuple(made)

    def acknowledge(self, said: Acknowledgement) -> Flag:
        """
        Record that a person has seen a flag; the same request again is a no-op.

        Raises
        ------
        StoreError
            If there is no such flag.
        """
        with self._writing("record an acknowledgement in") as transaction:
            return flags.acknowledge(transaction, said)

    def _acknowledge_known(self, said: Acknowledgement) -> None:
        try:
            self.acknowledge(said)
        except UnknownFlagError as error:
            logger.warning("an acknowledgement is left out: %s", error)

    def add_depths(self, draft: Draft) -> None:
        """Add a version to the depth ledger, unless the newest one says just that."""
        with self._writing("record depths in") as transaction:
            depth_ledger.add_version(transaction, draft)

    def has_requests(self) -> bool:
        """Return whether a request waits to be taken up."""
        return bool(self._requests())

    def _requests(self) -> list[Path]:
        return [path for path in requests.waiting(self.path) if path not in self._taken]

    def asked_reading(self, content_digest: str, path: str) -> AskedReading:
        """
        Return how a person wants a file read.

        Parameters
        ----------
        content_digest : str
            Of the file; empty while it is not known.
        path : str
            Where it lies, as the record shows it.
        """
        if not self._has_corrections:
            return AS_SETTINGS_SAY
        with self._looking("look for a correction in") as transaction:
            return corrections.asked_reading(transaction, content_digest, path)

    def note_width(self, scan_id: str, width: questions.KnownWidth) -> tuple[OtherScan, ...]:
        """Keep how wide a scan is; return the accepted ones of its folder to compare it with."""
        with self._writing("keep the width of a scan in") as transaction:
            questions.note_width(transaction, scan_id, width)
            return questions.others_in(transaction, scan_id, width.folder)

    def answered(
        self, scan_id: str, content_digest: str, causes: frozenset[Cause]
    ) -> frozenset[Cause]:
        """Return those of some causes of a question that people have answered for a scan."""
        with self._looking("look for an answer in") as transaction:
            return questions.answered(transaction, scan_id, content_digest, causes)

    def ask(self, scan_id: str, causes: frozenset[Cause], question: str) -> bool:
        """Let a scan wait with a question; without one it waits no more. Says if it is new."""
        with self._writing("ask about a scan in") as transaction:
            if question:
                return questions.ask(transaction, scan_id, causes, question)
            questions.close(transaction, scan_id)
            return False

    def other_reading(self, content_digest: str, path: str) -> scans.OpenedScan | None:
        """Return the scan that stands of the same file read another way; ``None`` if none does."""
        with self._looking("look for a scan in") as transaction:
            return scans.other_reading(transaction, content_digest, storable_text(path))

    def reinstate(self, scan_id: str) -> bool:
        """Let a superseded scan stand again in place of another reading of its file."""
        with self._writing("let a scan stand again in") as transaction:
            return standing.reinstate(transaction, scan_id)
