"""The one writer of the record."""

import json
from collections.abc import Sequence

from downcore.store import commits, compositions, flags, measured_rows, scans
from downcore.store.correcting_connection import CorrectingConnection
from downcore.store.rows import storable_text
from downcore.strata.bundle import Manifest
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow
from downcore.strata.errors import StoreError
from downcore.strata.measured import MeasuredValue
from downcore.strata.record import Run, Scan, ScanState
from downcore.strata.second_opinion.codes import Finding
from downcore.strata.slice_profile import SliceProfile

_COUNT_ATTEMPT = (
    "INSERT INTO quarantine VALUES (?, ?, ?, 1, ?, ?)"
    " ON CONFLICT (identity) DO UPDATE SET tries = tries + 1, path = excluded.path,"
    " last_utc = excluded.last_utc,"
    " reason = CASE excluded.reason WHEN '' THEN reason ELSE excluded.reason END"
    " RETURNING tries"
)


class Store(CorrectingConnection):
    """The record, opened for writing; made by :meth:`open`. Each method is one transaction."""

    _run_id: int | None = None

    def begin_run(self, run: Run) -> int:
        """Record what this start runs with; every row from now on names it. Returns its id."""
        columns = (
            run.code_version,
            run.settings_sha256,
            run.cpu_flags,
            run.openvino_version,
            run.novelty_guard_id,
        )
        with self._writing("record a run in") as transaction:
            made = transaction.connection.execute(
                "INSERT INTO run (code_version, settings_sha256, cpu_flags, openvino_version,"
                " novelty_guard_id, started_utc) VALUES (?, ?, ?, ?, ?, ?)",
                (*columns, transaction.now_utc),
            )
            run_id = int(made.lastrowid or 0)
        self._run_id = run_id
        return run_id

    def record_bundle(self, manifest: Manifest, manifest_text: str) -> None:
        """
        Keep a bundle's manifest, so that its id resolves for ever; again is a no-op.

        Raises
        ------
        StoreError
            If the id is known with another manifest.
        """
        columns = (manifest.bundle_id, manifest.network, manifest.precision)
        with self._writing("record a bundle in") as transaction:
            transaction.connection.execute(
                "INSERT INTO bundle VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*columns, manifest_text, transaction.now_utc),
            )
            kept = transaction.connection.execute(
                "SELECT manifest FROM bundle WHERE bundle_id = ?", (manifest.bundle_id,)
            ).fetchone()[0]
            if kept != manifest_text:
                raise StoreError(
                    f"expected the manifest that bundle {manifest.bundle_id} had before, "
                    "got another one; one of the two was edited"
                )

    def open_scan(self, scan: Scan) -> scans.OpenedScan:
        """
        Make a scan known, or find where to go on with it.

        A scan whose content is known already, under any name, is linked to the first
        one as its duplicate and needs no work. Older scans of the section are left alone
        until this one has rows.

        Raises
        ------
        StoreError
            If the id is known with other content; a re-scan needs an id of its own.
        """
        with self._writing("open a scan in") as transaction:
            is_new = scans.insert_or_check(transaction, scan)
            if is_new:
                transaction.announce_state(scan.scan_id)
            return scans.opened(transaction, scan.scan_id, is_new=is_new)

    def known_scan(self, scan_id: str) -> scans.OpenedScan | None:
        """Return where a scan stands, or ``None`` if it was never opened."""
        with self._writing("look for a scan in") as transaction:
            if not scans.is_known(transaction, scan_id):
                return None
            return scans.opened(transaction, scan_id, is_new=False)

    def n_slices_with(self, scan_id: str, bundle_ids: Sequence[str]) -> int:
        """Return how many slices of a scan, from its top, hold estimates of all these bundles."""
        counts = [
            self._first_row(
                "SELECT count(DISTINCT slice_index) FROM estimate"
                " WHERE scan_id = ? AND bundle_id = ?",
                scan_id,
                bundle_id,
            )[0]
            for bundle_id in bundle_ids
        ]
        return int(min(counts, default=0))

    def newest_reading(self, path: str) -> measured_rows.MeasuredFile | None:
        """Return the newest reading of a logger's file; ``None`` where it was never read."""
        with self._looking("look for a measured log in") as transaction:
            return measured_rows.newest_of(transaction.connection, path)

    def begin_reading(self, file: measured_rows.ReadFile) -> int:
        """Record that a logger's file is read; return the reading's number."""
        with self._writing("record a measured log in") as transaction:
            return measured_rows.begin(transaction, file)

    def end_reading(self, file_no: int, said: measured_rows.Summary) -> None:
        """Record how the reading of a logger's file ended."""
        with self._writing("record a measured log in") as transaction:
            measured_rows.end(transaction, file_no, said)

    def replace_measured(
        self,
        file: measured_rows.ReadFile,
        file_no: int,
        lines: tuple[int, int | None],
        values: Sequence[MeasuredValue],
    ) -> int:
        """
        Let values be those of some lines of a logger's file, with their announcement.

        Returns how many changed; see :func:`~downcore.store.measured_rows.replace`.
        """
        with self._writing("commit measured values to") as transaction:
            return measured_rows.replace(transaction, file, file_no, lines, values)

    def settle_flags(self, section_id: str, findings: Sequence[Finding]) -> int:
        """
        Bring the flags of a section in line with what is found now, with their announcement.

        Returns how many were raised, changed or cleared; the same findings again change nothing.
        """
        with self._writing("record flags in") as transaction:
            return flags.settle(transaction, section_id, findings)

    def remember_finished(
        self, signature: str, made_with: str, scan_id: str, expected_section: str
    ) -> None:
        """
        Record that a scan holds all rows of files, so that a restart need not read them again.

        Parameters
        ----------
        signature : str
            Of the files; changes when they do.
        made_with : str
            Ids of all that makes rows; other rows are still to be made.
        scan_id : str
            An opened scan.
        expected_section : str
            The section that the files are of before they are opened; a sidecar may say another.
        """
        with self._writing("remember a file in") as transaction:
            transaction.connection.execute(
                "INSERT INTO finished_file VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET scan_id = excluded.scan_id,"
                " expected_section = excluded.expected_section",
                (signature, made_with, scan_id, storable_text(expected_section)),
            )

    def finished(self, signature: str, made_with: str) -> scans.FinishedScan | None:
        """Return the scan that holds all rows of files; ``None`` unless its content is known."""
        with self._looking("look for a file in") as transaction:
            return scans.finished(transaction, signature, made_with)

    def has_scan_that_begins_with(self, header_digest: str) -> bool:
        """Return whether a scan is known whose first centimetre has this digest."""
        sql = "SELECT 1 FROM scan WHERE header_digest = ? LIMIT 1"
        return self._first_row(sql, header_digest) is not None

    def places_of(self, section_id: str) -> list[str]:
        """Return where the scans of a section were found, but for copies of others."""
        sql = (
            "SELECT json_group_array(path) FROM scan WHERE section_id = ? AND duplicate_of IS NULL"
        )
        (found,) = self._first_row(sql, section_id) or ("[]",)
        return [str(path) for path in json.loads(found)]

    def section_of(self, scan_id: str) -> tuple[str, str]:
        """Return the section of a scan and where it was found; empty where it is not known."""
        row = self._first_row("SELECT section_id, path FROM scan WHERE scan_id = ?", scan_id)
        return ("", "") if row is None else (str(row[0]), str(row[1]))

    def is_copy(self, scan: Scan) -> bool:
        """Return whether a scan with this content, read the same way, is known by another id."""
        with self._looking("look for a scan in") as transaction:
            found = scans.original_of(transaction, scan.scan_id, scan.content_digest, scan)
        return found is not None

    def end_scan(self, scan_id: str, content_digest: str) -> str | None:
        """
        Record that a scan was read to its end, what its content is, and that it is done.

        All of it is one transaction, since a scan that has ended is never identified again.
        One that had ended without its content being known, as older versions left it after a
        kill, is not linked any more: its rows were announced already and stay its own.

        Parameters
        ----------
        scan_id : str
            An opened scan.
        content_digest : str
            Digest of its files, whole.

        Returns
        -------
        str or None
            The scan of which this one turned out to be a duplicate, and is linked to.

        Raises
        ------
        StoreError
            If the scan is unknown or had other content. Nothing is changed then.
        """
        with self._writing("end a scan in") as transaction:
            return scans.end(transaction, scan_id, content_digest)

    def set_scan_state(self, scan_id: str, state: ScanState, reason: str = "") -> bool:
        """
        Move a scan to another state and announce it.

        Returns
        -------
        bool
            Whether anything changed. A superseded scan stays so, and the same state again is
            no change.

        Raises
        ------
        StoreError
            If the scan is unknown.
        ValueError
            If the state is ``superseded``, which only a later scan's rows bring about.
        """
        if state is ScanState.SUPERSEDED:
            raise ValueError("expected a state that a scan reaches by itself, got superseded")
        with self._writing("set a scan's state in") as transaction:
            return scans.set_state(transaction, scan_id, state, storable_text(reason))

    def commit_slices(
        self,
        scan_id: str,
        rows: Sequence[SliceRow],
        *,
        n_lines_done: int,
        prefix_digest: str,
        profiles: Sequence[SliceProfile] = (),
    ) -> int:
        """
        Commit rows, the cursor and their announcement in one transaction.

        Rows that are there already with the same values are left out, so replaying is a
        no-op; the cursor never goes back.

        Parameters
        ----------
        scan_id : str
            An opened scan.
        rows : sequence of SliceRow
            In the order of depth.
        n_lines_done : int
            Scan lines that need not be read again.
        prefix_digest : str
            Digest of those lines.
        profiles : sequence of SliceProfile, optional
            Colour profiles of the slices of the rows.

        Returns
        -------
        int
            How many rows were new, or had an estimate that was.

        Raises
        ------
        StoreError
            If a row differs from the one that is there, a value is refused, the scan or a
            bundle is unknown, or no run was begun. Nothing is changed then.
        """
        if self._run_id is None:
            raise StoreError("expected begin_run before the first rows, got none")
        with self._writing("commit rows to") as transaction:
            batch = commits.Batch(
                scan_id, self._run_id, tuple(rows), n_lines_done, prefix_digest, tuple(profiles)
            )
            return commits.commit(transaction, batch)

    def record_composer(self, composer_id: str, description: str) -> None:
        """Keep what a composer is made of, so that its id resolves for ever, and that it runs."""
        if self._run_id is None:
            raise StoreError("expected begin_run before a composer, got none")
        with self._writing("record a composer in") as transaction:
            compositions.record_composer(transaction, composer_id, description, self._run_id)

    def commit_compositions(self, scan_id: str, composed: Sequence[ComposedSlice]) -> int:
        """
        Commit compositions of slices that are in the store, with their announcement.

        Returns
        -------
        int
            How many were new; what is there already with the same values is left out.

        Raises
        ------
        StoreError
            As :meth:`commit_slices` does. Nothing is changed then.
        """
        if self._run_id is None:
            raise StoreError("expected begin_run before the first rows, got none")
        with self._writing("commit compositions to") as transaction:
            return compositions.commit(transaction, scan_id, self._run_id, composed)

    def n_slices_composed(self, scan_id: str, composer_id: str) -> int:
        """Return how many slices of a scan, from its top, a composer has done."""
        counted = self._first_row(
            "SELECT count(*) FROM composed_slice WHERE scan_id = ? AND composer_id = ?",
            scan_id,
            composer_id,
        )
        return int(counted[0])

    def quarantine_try(self, identity: str, path: str, reason: str) -> int:
        """
        Count an attempt at a file before it is made, so that one that kills the process counts.

        Parameters
        ----------
        identity : str
            What the file is known by; not its path, since a path can be used again.
        path, reason : str
            For people; the reason of the latest attempt is kept, an empty one changes nothing.

        Returns
        -------
        int
            Attempts so far, this one included.
        """
        with self._writing("count an attempt in") as transaction:
            texts = (identity, storable_text(path), storable_text(reason))
            row = transaction.connection.execute(
                _COUNT_ATTEMPT, (*texts, transaction.now_utc, transaction.now_utc)
            ).fetchone()
        return int(row[0])

    def quarantine_release(self, identity: str) -> None:
        """Forget the attempts at a file, since one succeeded or a person says so."""
        with self._writing("release a file in") as transaction:
            transaction.connection.execute("DELETE FROM quarantine WHERE identity = ?", (identity,))

    def acked_seq(self, sink: str) -> int:
        """Return up to which announcement a sink has delivered everything; 0 for nothing."""
        found = self._first_row("SELECT acked_seq FROM sink_cursor WHERE sink = ?", sink)
        return int(found[0]) if found else 0

    def ack(self, sink: str, seq: int) -> None:
        """Record that a sink has delivered everything up to ``seq``; it never goes back."""
        with self._writing("record an acknowledgement in") as transaction:
            transaction.connection.execute(
                "INSERT INTO sink_cursor VALUES (?, ?, ?) ON CONFLICT (sink) DO UPDATE SET"
                " acked_seq = excluded.acked_seq, updated_utc = excluded.updated_utc"
                " WHERE excluded.acked_seq > acked_seq",
                (sink, seq, transaction.now_utc),
            )
