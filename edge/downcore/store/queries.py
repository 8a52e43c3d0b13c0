"""Reading the record, through a connection of one's own that cannot change it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from downcore.store import depth_ledger, measured_rows, row_pages
from downcore.store.colour_profiles import ProfileQueries
from downcore.store.connection import as_store_error, open_reader
from downcore.store.corrections import CORRECTION_COLUMNS, correction_of_row
from downcore.store.flag_queries import FlagQueries
from downcore.store.rows import SCAN_COLUMNS, STATUS_COLUMNS, scan_of_row, status_of_row
from downcore.store.schema import refuse_empty, refuse_foreign
from downcore.store.stored_values import (
    Counts,
    QuarantinedFile,
    StoredBundle,
    StoredRow,
    StoredScan,
)
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth_ledger import Version
from downcore.strata.errors import StoreError
from downcore.strata.measured import MeasuredPoint
from downcore.strata.record import OutboxEntry, OutboxKind, StoreOrigin
from downcore.strata.scan_corrections import Correction

_SHOWN = "WITH shown AS NOT MATERIALIZED (SELECT * FROM scan WHERE left_out <> 'forgotten')"
"""What views are made of."""
_SHOWN_WITHOUT_QUESTIONS = (
    "WITH shown AS NOT MATERIALIZED (SELECT *, '' AS question FROM scan"
    " WHERE left_out <> 'forgotten')"
)
"""The same of a record that no version with questions has opened for writing."""
_SHOWN_OF_OLDER = (
    "WITH shown AS NOT MATERIALIZED (SELECT *, '' AS px_per_cm_from, '' AS top_from,"
    " NULL AS corrects, scan_no AS precedence, '' AS left_out, '' AS left_out_because,"
    " '' AS question FROM scan)"
)
"""The same of a record that no version with corrections has opened for writing."""
_FIRST_WITH_CORRECTIONS = 6
"""The schema version."""
_FIRST_WITH_QUESTIONS = 8
"""The schema version."""

_STANDING = (
    "duplicate_of IS NULL AND superseded_by IS NULL AND scan_no ="
    " (SELECT scan_no FROM shown AS rival WHERE rival.section_id = scan.section_id"
    " AND rival.duplicate_of IS NULL AND rival.superseded_by IS NULL"
    " ORDER BY rival.left_out = '' DESC,"
    " EXISTS (SELECT 1 FROM slice WHERE slice.scan_id = rival.scan_id) DESC,"
    " rival.state <> 'quarantined' DESC, rival.precedence DESC LIMIT 1)"
)
"""Picks a section's scan that stands: the newest with rows, else the newest that is not lost."""

_NEWEST_OF_ALL = (
    "WITH RECURSIVE asked (kind) AS (VALUES (?)), met (section_id) AS"
    " (SELECT (SELECT min(section_id) FROM outbox WHERE kind = asked.kind) FROM asked UNION ALL"
    " SELECT (SELECT min(section_id) FROM outbox WHERE kind = asked.kind"
    " AND section_id > met.section_id) FROM met, asked WHERE met.section_id IS NOT NULL)"
    " SELECT (SELECT max(seq) FROM outbox WHERE kind = asked.kind"
    " AND section_id = met.section_id) FROM met, asked WHERE met.section_id IS NOT NULL"
)
"""Goes from section to section in the index, so that its cost is that of the sections alone."""


class Reader(FlagQueries, ProfileQueries):
    """
    The record, opened for reading; made by :meth:`open` and used from one thread.

    Each query is short, so that a reader never keeps the write-ahead log from
    being folded in.
    """

    def __init__(self, path: Path, *, is_at_rest: bool = False) -> None:
        self._path = path
        self._connection = open_reader(path, is_at_rest=is_at_rest)
        try:
            with as_store_error(path, "read"):
                refuse_foreign(self._connection, path)
                refuse_empty(self._connection, path)
            version = self._all("PRAGMA user_version")[0][0]
        except BaseException:
            self._connection.close()
            raise
        self._has_corrections = version >= _FIRST_WITH_CORRECTIONS
        self._has_questions = version >= _FIRST_WITH_QUESTIONS

    @classmethod
    def open(cls, path: Path, *, is_at_rest: bool = False) -> Self:
        """
        Open the record at ``path``.

        Parameters
        ----------
        path : Path
            The database.
        is_at_rest : bool, default False
            Whether nobody writes to it and nothing lies beside it; then no file is made there
            either. Not for a reader that lasts: it would not notice a writer.

        Raises
        ------
        StoreError
            If there is none, or it is not one that this version can read.
        """
        return cls(path, is_at_rest=is_at_rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def sections(self) -> list[StoredScan]:
        """Return the scan that stands of every section, in the order the sections were met."""
        return self._scans(
            f"WHERE {_STANDING} ORDER BY"  # noqa: S608 - the clause is a constant
            " (SELECT min(scan_no) FROM shown AS first WHERE first.section_id = scan.section_id)"
        )

    def scans(self, section_id: str | None = None) -> list[StoredScan]:
        """Return every scan in the order of opening, of one section or of all."""
        if section_id is None:
            return self._scans("ORDER BY scan_no")
        return self._scans("WHERE section_id = ? ORDER BY scan_no", section_id)

    def questioned(self) -> list[StoredScan]:
        """Return the scans that wait for an answer, in the order of opening."""
        return self._scans(
            "WHERE question <> '' AND left_out = '' AND superseded_by IS NULL ORDER BY scan_no"
        )

    def newest_scans(self, limit: int) -> list[StoredScan]:
        """Return the scans that changed last, the newest first."""
        return self._scans("ORDER BY updated_utc DESC, scan_no DESC LIMIT ?", limit)

    def acked_seq(self, sink: str) -> int:
        """Return up to which announcement a sink has delivered everything; 0 for nothing."""
        found = self._all("SELECT acked_seq FROM sink_cursor WHERE sink = ?", sink)
        return int(found[0][0]) if found else 0

    def scan(self, scan_id: str) -> StoredScan | None:
        """Return one scan; ``None`` if the record lacks it."""
        found = self._scans("WHERE scan_id = ?", scan_id)
        return found[0] if found else None

    def standing_scan(self, section_id: str) -> StoredScan | None:
        """Return the scan of a section that was not superseded; ``None`` if there is none."""
        found = self._scans(f"WHERE section_id = ? AND {_STANDING}", section_id)
        return found[0] if found else None

    def scan_log(self, scan_id: str) -> Iterator[StoredRow]:
        """Yield the rows of one scan, superseded or not, top first; nothing if it is unknown."""
        yield from row_pages.rows_of(self._all, scan_id)

    def composition_log(self, scan_id: str) -> Iterator[ComposedSlice]:
        """
        Yield a scan's compositions, top first; nothing where there is none.

        Of several, those that reach deepest, and of these the ones whose composer ran last.

        Raises
        ------
        StoreError
            If the record is of an older schema, without compositions.
        """
        if not self._all("SELECT 1 FROM sqlite_master WHERE name = 'composed_slice'"):
            raise StoreError(
                f"expected a record with compositions in {self._path}, got an older one; "
                "'downcore run' or 'downcore process' brings it up to date"
            )
        newest = self._all(
            "SELECT composer_id FROM composed_slice JOIN composer USING (composer_id)"
            " WHERE scan_id = ? GROUP BY composer_id"
            " ORDER BY max(slice_index) DESC, last_run_id DESC LIMIT 1",
            scan_id,
        )
        for (composer_id,) in newest:
            yield from row_pages.compositions_of(self._all, scan_id, composer_id)

    def corrections(self, section_id: str | None = None) -> list[Correction]:
        """Return what people corrected, oldest first: of one section or of all."""
        if not self._has_corrections:
            return []
        where = (
            ""
            if section_id is None
            else "WHERE ?1 IN (section_id, new_section_id) OR scan_id IN"
            " (SELECT scan_id FROM scan WHERE section_id = ?1)"
        )
        rows = self._all(
            f"SELECT {CORRECTION_COLUMNS} FROM correction {where} ORDER BY correction_no",  # noqa: S608 - the clause is a constant
            *([] if section_id is None else [section_id]),
        )
        return [correction_of_row(row) for row in rows]

    def depth_versions(self) -> list[Version]:
        """Return the versions of the depth ledger, the oldest first."""
        with as_store_error(self._path, "read"):
            return depth_ledger.versions(self._connection)

    def newest_depth_version(self) -> int:
        """Return the number of the newest version of the depth ledger; 0 without any."""
        known = self._all("SELECT 1 FROM sqlite_master WHERE name = 'depth_version'")
        if not known:
            return 0
        return int(self._all("SELECT coalesce(max(version_no), 0) FROM depth_version")[0][0])

    def measured_of(self, section_id: str) -> list[MeasuredPoint]:
        """
        Return what loggers measured of a section, by depth, then property.

        Rows of the section's other half count for it too, since a core is logged once. Values that
        a rewritten file no longer holds are left out; several files may say several values of one
        depth. None from a store of an older schema.
        """
        with as_store_error(self._path, "read"):
            return measured_rows.measured_of(self._connection, section_id)

    def measured_files(self) -> list[measured_rows.MeasuredFile]:
        """Return the newest reading of every logger's file, by path."""
        with as_store_error(self._path, "read"):
            return measured_rows.files(self._connection)

    def places_key(self) -> tuple[int, ...]:
        """Return numbers that change whenever sections or their depths may have changed."""
        return tuple(
            self._all(
                "SELECT (SELECT coalesce(max(scan_no), 0) FROM scan),"
                " (SELECT count(*) FROM scan WHERE superseded_by IS NOT NULL),"
                " (SELECT coalesce(max(version_no), 0) FROM depth_version),"
                " (SELECT coalesce(max(correction_no), 0) FROM correction)"
            )[0]
        )

    def abstained(self, scan_id: str) -> list[tuple[str, int]]:
        """Return for which reasons rows of a scan have no value, each with its centimetres."""
        return self._all(
            "SELECT reason, count(DISTINCT slice_index) FROM estimate"
            " WHERE scan_id = ? AND status = 'abstained' GROUP BY reason ORDER BY 2 DESC, 1",
            scan_id,
        )

    def prefix_digest(self, scan_id: str) -> str:
        """Return the digest of a scan's lines whose slices are in the store; empty without any."""
        found = self._all("SELECT prefix_digest FROM scan WHERE scan_id = ?", scan_id)
        return str(found[0][0]) if found else ""

    def bundles(self) -> list[StoredBundle]:
        """Return every bundle, in the order in which they were recorded."""
        return [
            StoredBundle(bundle_id, network, precision, training_data, bool(is_corrected))
            for bundle_id, network, precision, training_data, is_corrected in self._all(
                "SELECT bundle_id, network, precision, coalesce(manifest ->> '$.training_data',"
                " manifest ->> '$.manifest.training_data', ''),"
                " manifest ->> '$.corrected_series_of' IS NOT NULL"
                " FROM bundle WHERE bundle_id <> '' ORDER BY recorded_utc, bundle_id"
            )
        ]

    def counts(self) -> Counts:
        """Return how much the record holds."""
        row = self._all(
            "SELECT (SELECT count(DISTINCT section_id) FROM scan), (SELECT count(*) FROM scan),"
            " (SELECT count(*) FROM slice), (SELECT count(*) FROM estimate),"
            " (SELECT count(*) FROM quarantine)"
        )[0]
        return Counts(*row)

    def latest(self, section_id: str) -> StoredRow | None:
        """Return the deepest row of a section's scan that stands; ``None`` if it has none."""
        standing = self.standing_scan(section_id)
        if standing is None:
            return None
        scan_id = standing.scan.scan_id
        newest = self._all("SELECT max(slice_index) FROM slice WHERE scan_id = ?", scan_id)[0][0]
        return None if newest is None else row_pages.log_page(self._all, scan_id, newest - 1)[0]

    def quarantined(self, min_tries: int = 1) -> list[QuarantinedFile]:
        """Return the files that were tried ``min_tries`` times or more and did not succeed."""
        return [
            QuarantinedFile(*row)
            for row in self._all(
                "SELECT identity, path, reason, tries FROM quarantine"
                " WHERE tries >= ? ORDER BY path, identity",
                min_tries,
            )
        ]

    def origin(self) -> StoreOrigin:
        """Return which store this is and its newest announcement."""
        row = self._all(
            "SELECT epoch, instance_id, (SELECT coalesce(max(seq), 0) FROM outbox) FROM meta"
        )[0]
        return StoreOrigin(*row)

    def entries(self, after_seq: int, limit: int) -> list[OutboxEntry]:
        """Return the announcements that follow ``after_seq``, in order, at most ``limit``."""
        return self._entries("WHERE seq > ? ORDER BY seq LIMIT ?", after_seq, limit)

    def newest(self, kind: OutboxKind, after_seq: int = 0) -> list[OutboxEntry]:
        """Return the newest announcement of a kind for each section, newer than ``after_seq``."""
        if after_seq == 0:
            return self._entries(f"WHERE seq IN ({_NEWEST_OF_ALL}) ORDER BY seq", kind.value)
        # The plus keeps the index out of it: few rows follow, and they lie at the end.
        return self._entries(
            "WHERE seq IN (SELECT max(seq) FROM outbox WHERE +kind = ? AND seq > ?"
            " GROUP BY section_id) ORDER BY seq",
            kind.value,
            after_seq,
        )

    def _all(self, sql: str, *arguments: object) -> list[Any]:
        with as_store_error(self._path, "read"):
            return self._connection.execute(sql, arguments).fetchall()

    def _entries(self, where: str, *arguments: object) -> list[OutboxEntry]:
        rows = self._all(
            f"SELECT seq, kind, section_id, payload, created_utc FROM outbox {where}",  # noqa: S608 - the clause is a constant
            *arguments,
        )
        return [OutboxEntry(seq, OutboxKind(kind), *rest) for seq, kind, *rest in rows]

    def _scans(self, where: str, *arguments: object) -> list[StoredScan]:
        shown = _SHOWN if self._has_questions else _SHOWN_WITHOUT_QUESTIONS
        if not self._has_corrections:
            shown = _SHOWN_OF_OLDER
        rows = self._all(
            f"{shown} SELECT {SCAN_COLUMNS}, {STATUS_COLUMNS} FROM shown AS scan {where}",  # noqa: S608 - the clause is a constant
            *arguments,
        )
        n = SCAN_COLUMNS.count(",") + 1
        return [StoredScan(scan_of_row(row[:n]), status_of_row(row[n:])) for row in rows]
