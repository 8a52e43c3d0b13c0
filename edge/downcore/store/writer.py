"""The one writer of the record."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import sqlite_utils

from downcore.ports import Clock
from downcore.store import commits, compositions, quarantine, scans
from downcore.store.announcer import Announcer, payload_of
from downcore.store.connection import as_store_error
from downcore.store.opening import open_checked
from downcore.store.place import DaemonLock, FilesystemOf, filesystem_of, refuse_network_place
from downcore.store.rows import storable_text
from downcore.store.transaction import Transaction
from downcore.strata.bundle import Manifest
from downcore.strata.composed import ComposedSlice
from downcore.strata.errors import StoreError
from downcore.strata.record import Run, Scan, ScanState, SliceRow


class Store:
    """
    The record, opened for writing; made by :meth:`open`.

    One connection writes and checkpoints. Its methods may be called from any
    thread; a lock lets in one at a time, and each is one transaction.
    """

    def __init__(
        self,
        path: Path,
        database: sqlite_utils.Database,
        lock: DaemonLock,
        *,
        clock: Clock,
        announce: Announcer | None,
        on_commit: Callable[[], None] | None,
    ) -> None:
        self._path = path
        self._database = database
        self._daemon_lock = lock
        self._clock = clock
        self._announce = announce
        self._on_commit = on_commit
        self._mutex = threading.RLock()
        self._run_id: int | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        announce: Announcer | None,
        on_commit: Callable[[], None] | None = None,
        filesystem: FilesystemOf = filesystem_of,
    ) -> Self:
        """
        Open the record at ``path``, making it or bringing its schema up to date.

        Parameters
        ----------
        path : Path
            The database; its folder must exist.
        clock : Clock
            For time stamps, which only people read.
        announce : Announcer or None
            Writes the announcements; ``None`` for a record that is never announced.
        on_commit : callable, optional
            Called after each commit that announced something, from the committing thread.
            It must not raise.
        filesystem : callable, optional
            Answers the type of file system that holds a path.

        Raises
        ------
        StoreBusyError
            If another process has the store open for writing.
        StoreError
            If the place or the file cannot be a record: a network share, a newer schema,
            another application's database, a damaged file.
        """
        path = path.absolute()
        refuse_network_place(path, filesystem)
        lock = DaemonLock(path)
        try:
            database = open_checked(path, lock, clock.utc_rfc3339())
        except BaseException:
            lock.release()
            raise
        return cls(path, database, lock, clock=clock, announce=announce, on_commit=on_commit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Where the database lies, absolute."""
        return self._path

    def close(self) -> None:
        """Checkpoint, close and let another daemon in; closing twice does no harm."""
        with self._mutex:
            self._database.close()
            self._daemon_lock.release()

    def begin_run(self, run: Run) -> int:
        """Record what this start runs with; every row from now on names it. Returns its id."""
        told = (
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
                (*told, transaction.now_utc),
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
        told = (manifest.bundle_id, manifest.network, manifest.precision)
        with self._writing("record a bundle in") as transaction:
            transaction.connection.execute(
                "INSERT INTO bundle VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*told, manifest_text, transaction.now_utc),
            )
            kept = transaction.connection.execute(
                "SELECT manifest FROM bundle WHERE bundle_id = ?", (manifest.bundle_id,)
            ).fetchone()[0]
            if kept != manifest_text:
                raise StoreError(
                    f"expected the manifest that bundle {manifest.bundle_id} had before, "
                    "got another one; one of the two was edited"
                )

    def open_scan(self, scan: Scan, *, opening_key: str = "") -> scans.OpenedScan:
        """
        Make a scan known, or find where to go on with it.

        A scan whose content is known already, under any name, is linked to the first
        one as its duplicate and needs no work. Older scans of the section are left alone
        until this one has rows. A scan that is no duplicate is found from now on under
        ``opening_key``, the signature of how it begins; an empty one is not kept.

        Raises
        ------
        StoreError
            If the id is known with other content; a re-scan needs an id of its own.
        """
        with self._writing("open a scan in") as transaction:
            is_new = scans.insert_or_check(transaction, scan)
            if is_new:
                transaction.announce_state(scan.scan_id)
            opened = scans.opened(transaction, scan.scan_id, is_new=is_new)
            if opening_key and opened.duplicate_of is None:
                transaction.remember_file(opening_key, scan.scan_id)
            return opened

    def known_scan(self, scan_id: str) -> scans.OpenedScan | None:
        """Return where a scan stands, or ``None`` if it was never opened."""
        with self._writing("look for a scan in") as transaction:
            if not scans.is_known(transaction, scan_id):
                return None
            return scans.opened(transaction, scan_id, is_new=False)

    def n_slices_with(self, scan_id: str, bundle_ids: Sequence[str]) -> int:
        """Return how many slices of a scan, from its top, hold estimates of all these bundles."""
        counts = [
            self._one(
                "SELECT count(DISTINCT slice_index) FROM estimate"
                " WHERE scan_id = ? AND bundle_id = ?",
                scan_id,
                bundle_id,
            )[0]
            for bundle_id in bundle_ids
        ]
        return int(min(counts, default=0))

    def remember_file(self, signature: str, scan_id: str) -> None:
        """Record that a file, as its signature tells it, is done with; its rows are in a scan."""
        with self._writing("remember a file in") as transaction:
            transaction.remember_file(signature, scan_id)

    def scan_of_file(self, signature: str) -> str | None:
        """Return the scan of a file that is done with, or ``None`` if it is not."""
        found = self._one("SELECT scan_id FROM seen_file WHERE signature = ?", signature)
        return str(found[0]) if found else None

    def is_done_with(self, signature: str) -> bool:
        """Return whether a file is done with, and what its scan's content is was recorded."""
        found = self._one(
            "SELECT content_digest <> '' FROM seen_file JOIN scan USING (scan_id)"
            " WHERE signature = ?",
            signature,
        )
        return bool(found and found[0])

    def end_scan(self, scan_id: str, content_digest: str, keys: scans.EndKeys) -> str | None:
        """
        Record that a scan was read to its end, what its content is, and that it is done.

        All of it is one transaction, since a scan that has ended is never identified again.
        One that had ended without its content being known, as older versions left it after a
        kill, is not linked any more: its rows are told already and stay its own.

        Parameters
        ----------
        scan_id : str
            An opened scan.
        content_digest : str
            Digest of its files, whole.
        keys : EndKeys
            Under which the scan is found from now on.

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
            return scans.end(transaction, scan_id, content_digest, keys)

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
        self, scan_id: str, rows: Sequence[SliceRow], *, n_lines_done: int, prefix_digest: str
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
            batch = commits.Batch(scan_id, self._run_id, tuple(rows), n_lines_done, prefix_digest)
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
        counted = self._one(
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
            return quarantine.count_attempt(transaction, identity, path, reason)

    def quarantine_release(self, identity: str) -> None:
        """Forget the attempts at a file, since one succeeded or a person says so."""
        with self._writing("release a file in") as transaction:
            quarantine.release(transaction, identity)

    def acked_seq(self, sink: str) -> int:
        """Return up to which announcement a sink has delivered everything; 0 for nothing."""
        found = self._one("SELECT acked_seq FROM sink_cursor WHERE sink = ?", sink)
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

    def checkpoint(self) -> bool:
        """Fold the log of writes into the database, when idle; return whether readers let it."""
        with self._mutex, as_store_error(self._path, "checkpoint"):
            row = self._database.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return bool(row[0] == 0)

    def _one(self, sql: str, *arguments: str) -> Any:
        """Return the first row that a query answers, or ``None``."""
        with self._mutex, as_store_error(self._path, "look something up in"):
            return self._database.conn.execute(sql, arguments).fetchone()

    @contextlib.contextmanager
    def _writing(self, doing: str) -> Iterator[Transaction]:
        with self._mutex, as_store_error(self._path, doing), self._database.atomic():
            transaction = Transaction(
                self._database.conn,
                self._clock.utc_rfc3339(),
                lambda what: payload_of(self._announce, what),
            )
            transaction.claim()
            yield transaction
        if transaction.has_announced and self._on_commit is not None:
            self._on_commit()
