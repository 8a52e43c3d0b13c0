"""What the record keeps, refuses and never destroys."""

import math
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depthlog import Estimate, SliceRow, Status
from downcore.strata.errors import StoreError
from downcore.strata.mask.classes import MaskClass
from downcore.strata.record import (
    OutboxKind,
    Run,
    Scan,
    ScanState,
)
from downcore.strata.slices import CoreSlice, SliceColour

ALL_SEDIMENT = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
COLOUR = SliceColour((55.5, 1.25, 9.75), (2.0, 0.5, 0.25), (0.2, 0.15, 0.1))


class StoppedClock:
    """A clock that people set by hand, also backwards."""

    def __init__(self) -> None:
        self.utc = "2026-01-31T23:59:59.123Z"

    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return self.utc


def scan_of(scan_id: str, section_id: str = "S1", content: str = "") -> Scan:
    return Scan(
        scan_id, section_id, "inbox/a.tif", "tiff", Fraction(9600, 7), "up", content_digest=content
    )


def predicted(value: float, bundle_id: str = "b1") -> Estimate:
    return Estimate(
        "density", value, value - 0.1, value + 0.1, Status.PREDICTED, "", bundle_id, 0.02
    )


def row_at(index: int, *estimates: Estimate) -> SliceRow:
    core_slice = CoreSlice(
        index=index,
        first_line=200 * index,
        n_lines=200,
        top_um=10_000 * index,
        bottom_um=10_000 * (index + 1),
        class_fractions=ALL_SEDIMENT,
        colour=COLOUR,
        flags=("dark", "crack"),
    )
    return SliceRow(core_slice, estimates or (predicted(1.5 + index / 7),))


def commit(store: Store, scan_id: str, *rows: SliceRow) -> int:
    lines = max(row.core_slice.first_line + row.core_slice.n_lines for row in rows)
    return store.commit_slices(scan_id, rows, n_lines_done=lines, prefix_digest=f"to {lines}")


def manifest(bundle_id: str) -> Manifest:
    scaling = OutputScaling("density", "g/cm3", False, 1.6, 0.2, 1.6, 0.05)  # noqa: FBT003 - as the manifest's order has it
    return Manifest(
        "resnet-18", "t", "2026", "int8", {}, (scaling,), (100, 400), 0.1, "generator", bundle_id
    )


def opened(path: Path, clock: StoppedClock | None = None) -> Store:
    store = Store.open(path, clock=clock or StoppedClock(), announce=payloads)
    store.record_bundle(manifest("b1"), '{"one": 1}')
    store.record_bundle(manifest("b2"), '{"two": 2}')
    store.begin_run(Run("0.1.0", "00", "avx512_vnni", "2026.4"))
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "downcore.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with opened(path) as one:
        yield one


@pytest.fixture
def reader(store: Store) -> Iterator[Reader]:
    with Reader.open(store.path) as one:
        yield one


def test_what_is_stored_is_read_back_the_same(store: Store, reader: Reader) -> None:
    rows = (
        row_at(0, predicted(1.6), predicted(1.7, "b2")),
        row_at(1, Estimate("density", None, None, None, Status.ABSTAINED, "out of domain", "b1")),
        replace(row_at(2), core_slice=replace(row_at(2).core_slice, colour=None, flags=())),
    )
    store.open_scan(scan_of("a"))

    commit(store, "a", *rows)

    stored = list(reader.scan_log("a"))
    assert tuple(one.row for one in stored) == rows
    assert {(one.scan_id, one.run_id) for one in stored} == {("a", 1)}
    assert reader.sections()[0].scan == scan_of("a"), "the exact scale must survive"


def test_numbers_of_numpy_are_kept_as_numbers(store: Store, reader: Reader) -> None:
    whole = row_at(0).core_slice
    core_slice = replace(
        whole,
        index=np.int64(0),
        class_fractions=tuple(np.array(ALL_SEDIMENT, np.float32)),
        colour=replace(COLOUR, lab_mean=tuple(np.array(COLOUR.lab_mean, np.float32))),
    )
    value = np.float64(1.5)
    estimate = Estimate("density", value, value, value, Status.PREDICTED, "", "b1")
    store.open_scan(scan_of("a"))

    commit(store, "a", SliceRow(core_slice, (estimate,)))

    assert next(reader.scan_log("a")).row == SliceRow(whole, (estimate,))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_slice_with_a_number_that_is_none_is_refused_whole(
    store: Store, reader: Reader, number: float
) -> None:
    bad = replace(row_at(1).core_slice, colour=replace(COLOUR, lab_sd=(number, 0.0, 0.0)))
    store.open_scan(scan_of("a"))

    with pytest.raises(StoreError, match="finite number in slice 1"):
        commit(store, "a", row_at(0), SliceRow(bad, ()))

    assert reader.counts().slices == 0, "half of a refused batch was kept"


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_an_estimate_with_a_number_that_is_none_cannot_be_made(number: float) -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        Estimate("density", 1.5, 1.4, 1.6, Status.PREDICTED, "", "b1", number)


@pytest.mark.parametrize(
    "cells",
    [
        "'density', 'b1', NULL, NULL, NULL, NULL, 'predicted', ''",
        "'density', 'b1', 1.5, NULL, NULL, NULL, 'masked', 'tray'",
        "'density', 'b1', NULL, NULL, NULL, NULL, 'masked', ''",
        "'density', 'b1', NULL, NULL, NULL, 0.1, 'masked', 'tray'",
        "'density', 'b1', 1.5, 1.7, 1.6, NULL, 'predicted', ''",
        "'density', '', 1.5, 1.4, 1.6, NULL, 'predicted', ''",
        "'density', 'b1', 9e999, NULL, NULL, NULL, 'predicted', ''",
        "'density', 'b1', 'much', NULL, NULL, NULL, 'predicted', ''",
        "'density', 'unknown', 1.5, NULL, NULL, NULL, 'predicted', ''",
    ],
)
def test_the_database_itself_refuses_what_no_estimate_can_be(store: Store, cells: str) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", row_at(0, predicted(1.5, "b2")))

    with pytest.raises(Exception, match=r"constraint failed|cannot store"):
        store._database.conn.execute(f"INSERT INTO estimate VALUES ('a', 0, {cells}, 1)")  # noqa: S608 - the cases stand above


def test_the_same_rows_again_change_and_announce_nothing(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", row_at(0), row_at(1))
    before = reader.counts(), reader.origin()

    n_new = commit(store, "a", row_at(0))

    assert n_new == 0
    assert (reader.counts(), reader.origin()) == before
    again = store.open_scan(scan_of("a"))
    assert (again.is_new, again.n_slices, again.n_lines_done) == (False, 2, 400)
    assert again.prefix_digest == "to 400", "the cursor went back"


def test_a_second_bundle_adds_its_estimates_to_rows_that_are_there(
    store: Store, reader: Reader
) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", row_at(0), row_at(1))

    n_new = commit(store, "a", row_at(1, predicted(1.9, "b2")))

    assert n_new == 1
    assert [len(one.row.estimates) for one in reader.scan_log("a")] == [1, 2]


@pytest.mark.parametrize("other", [row_at(0, predicted(1.6)), replace(row_at(0), core_slice=replace(
    row_at(0).core_slice, flags=()))])  # fmt: skip
def test_a_row_that_differs_from_the_kept_one_is_an_error(store: Store, other: SliceRow) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", row_at(0))

    with pytest.raises(StoreError, match="must always give the same values"):
        commit(store, "a", row_at(1), other)

    assert store.open_scan(scan_of("a")).n_slices == 1, "half of a refused batch was kept"


def test_rows_need_a_scan_a_run_and_their_bundle(path: Path) -> None:
    with Store.open(path, clock=StoppedClock(), announce=None) as store:
        store.open_scan(scan_of("a"))
        with pytest.raises(StoreError, match="expected begin_run"):
            commit(store, "a", row_at(0))
        store.begin_run(Run("0", "0", "", ""))
        with pytest.raises(StoreError, match="FOREIGN KEY"):
            commit(store, "a", row_at(0))
        with pytest.raises(StoreError, match="'never opened'"):
            commit(store, "never opened", row_at(0))


def test_rows_cursor_and_announcement_are_one(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))

    commit(store, "a", row_at(0), row_at(1))

    status = reader.scans()[0].status
    entries = reader.entries(0, 10)
    assert (status.n_slices, status.n_lines_done) == (2, 400)
    assert [(one.seq, one.kind) for one in entries] == [(1, OutboxKind.STATE), (2, OutboxKind.LOG)]
    assert reader.newest(OutboxKind.LOG) == reader.newest(OutboxKind.LOG, 1) == entries[1:]
    assert reader.newest(OutboxKind.LOG, 2) == []


def test_the_newest_announcement_of_each_section_is_found_whatever_the_backlog(
    store: Store, reader: Reader
) -> None:
    for number in range(5):
        store.open_scan(scan_of(f"scan {number}", f"S{number % 3}"))
        store.set_scan_state(f"scan {number}", ScanState.GROWING)

    newest = reader.newest(OutboxKind.STATE)

    assert [(one.section_id, one.seq) for one in newest] == [("S2", 6), ("S0", 8), ("S1", 10)]
    assert reader.newest(OutboxKind.STATE, 6) == newest[1:]
    assert reader.newest(OutboxKind.LOG) == []


def test_a_rescan_takes_over_with_its_first_rows_and_destroys_nothing(
    store: Store, reader: Reader
) -> None:
    store.open_scan(scan_of("a", content="aa"))
    commit(store, "a", row_at(0), row_at(1))
    store.set_scan_state("a", ScanState.DONE)

    store.open_scan(scan_of("b", content="bb"))
    before = reader.standing_scan("S1")
    commit(store, "b", row_at(0, predicted(2.0)))

    after = reader.standing_scan("S1")
    assert before is not None
    assert after is not None
    assert (before.scan.scan_id, after.scan.scan_id) == ("a", "b")
    old = reader.scan("a")
    assert old is not None
    assert (old.status.state, old.status.superseded_by) == (ScanState.SUPERSEDED, "b")
    assert len(list(reader.scan_log("a"))) == 2, "rows of the older scan are gone"
    newest = reader.newest(OutboxKind.STATE)[0].payload
    assert '"scan_id":"b"' in newest, "the section's last state is not that of the scan that stands"


def test_an_older_scan_that_finishes_late_does_not_take_over(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))
    store.open_scan(scan_of("b"))
    commit(store, "b", row_at(0))

    commit(store, "a", row_at(0))
    is_changed = store.set_scan_state("a", ScanState.DONE)

    assert not is_changed
    assert [one.status.state for one in reader.scans()] == [ScanState.SUPERSEDED, ScanState.SEEN]
    assert [one.scan.scan_id for one in reader.sections()] == ["b"]


def test_a_broken_rescan_leaves_the_good_scan_standing(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", row_at(0))
    store.open_scan(scan_of("b"))

    store.set_scan_state("b", ScanState.QUARANTINED, "cut off")

    assert [one.scan.scan_id for one in reader.sections()] == ["a"]
    assert reader.scans()[1].status.reason == "cut off"


def test_a_scan_that_was_set_aside_stays_so_until_it_gets_rows_after_all(
    store: Store, reader: Reader
) -> None:
    store.open_scan(scan_of("a"))
    store.set_scan_state("a", ScanState.QUARANTINED, "cut off")
    store.open_scan(scan_of("b"))
    commit(store, "b", row_at(0))
    aside = reader.scans()[0].status

    commit(store, "a", row_at(0))

    late = reader.scans()[0].status
    assert (aside.state, aside.reason, aside.superseded_by) == (
        ScanState.QUARANTINED, "cut off", None,
    )  # fmt: skip
    assert (late.state, late.superseded_by) == (ScanState.SUPERSEDED, "b")
    assert [one.scan.scan_id for one in reader.sections()] == ["b"]


def test_a_scan_that_was_moved_is_found_where_it_now_is(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))

    store.open_scan(replace(scan_of("a"), path="inbox/leg 2/a.tif"))

    assert [one.scan.path for one in reader.scans()] == ["inbox/leg 2/a.tif"]


def test_the_same_content_under_another_name_is_linked_not_run(
    store: Store, reader: Reader
) -> None:
    store.open_scan(scan_of("a", content="aa"))
    commit(store, "a", row_at(0))

    copy = store.open_scan(scan_of("b", "S2", content="aa"))

    assert (copy.duplicate_of, copy.state) == ("a", ScanState.DONE)
    assert [one.scan.section_id for one in reader.sections()] == ["S1"]


def test_a_scan_can_turn_out_to_be_a_duplicate_when_it_is_complete(store: Store) -> None:
    store.open_scan(scan_of("a"))
    store.open_scan(scan_of("b", "S2"))

    answers = [store.end_scan("a", "aa"), store.end_scan("b", "aa"), store.end_scan("b", "aa")]

    assert answers == [None, "a", "a"]
    with pytest.raises(StoreError, match="scan id of its own"):
        store.end_scan("a", "other")
    with pytest.raises(StoreError, match="scan id of its own"):
        store.open_scan(scan_of("a", content="other"))


def test_only_rows_of_a_later_scan_supersede(store: Store) -> None:
    store.open_scan(scan_of("a"))

    with pytest.raises(ValueError, match="got superseded"):
        store.set_scan_state("a", ScanState.SUPERSEDED)


def test_the_same_state_again_is_not_announced(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))

    changes = [store.set_scan_state("a", ScanState.GROWING) for _ in range(2)]

    assert changes == [True, False]
    assert reader.origin().head_seq == 2


def test_order_does_not_come_from_the_clock(path: Path) -> None:
    clock = StoppedClock()
    with opened(path, clock) as store, Reader.open(path) as reader:
        for year, scan_id in ((2036, "a"), (1970, "b"), (2016, "c")):
            clock.utc = f"{year}-01-01T00:00:00.000Z"
            store.open_scan(scan_of(scan_id))
            commit(store, scan_id, row_at(0))

        assert [one.scan.scan_id for one in reader.scans()] == ["a", "b", "c"]
        assert [one.scan.scan_id for one in reader.sections()] == ["c"]
        latest = reader.latest("S1")
        assert latest is not None
        assert latest.scan_id == "c"


def test_an_attempt_counts_before_it_is_made_and_success_clears_it(
    store: Store, reader: Reader
) -> None:
    tries = [store.quarantine_try("id", "inbox/\udcff.tif", "") for _ in range(2)]
    tries.append(store.quarantine_try("id", "inbox/b.tif", "not a TIFF"))
    store.quarantine_try("id", "inbox/b.tif", "")

    kept = reader.quarantined(min_tries=3)
    assert tries == [1, 2, 3]
    assert [(one.path, one.reason, one.tries) for one in kept] == [("inbox/b.tif", "not a TIFF", 4)]
    store.quarantine_release("id")
    assert reader.quarantined() == []


def test_names_that_are_not_unicode_are_spelt_out(store: Store, reader: Reader) -> None:
    store.open_scan(replace(scan_of("a"), path="inbox/\udcff.tif", core="\udcff"))

    assert reader.scans()[0].scan.path == "inbox/\\xff.tif"
    with pytest.raises(ValueError, match="valid Unicode"):
        scan_of("a", "\udcff")


def test_an_acknowledgement_never_goes_back(store: Store) -> None:
    assert store.acked_seq("mqtt") == 0

    for seq in (5, 3):
        store.ack("mqtt", seq)

    assert store.acked_seq("mqtt") == 5


def test_a_bundle_id_resolves_to_one_manifest_for_ever(store: Store) -> None:
    store.record_bundle(manifest("b1"), '{"one": 1}')

    with pytest.raises(StoreError, match="expected the manifest that bundle b1 had before"):
        store.record_bundle(manifest("b1"), '{"one": 2}')


def test_a_reader_cannot_write(store: Store, reader: Reader) -> None:
    for sql in ("DELETE FROM meta", "PRAGMA query_only = OFF; DELETE FROM meta", "DROP TABLE scan"):
        with pytest.raises(Exception, match=r"readonly|one statement"):
            reader._connection.execute(sql)
    assert store.open_scan(scan_of("a")).is_new


def test_a_file_without_tables_is_no_record_yet(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()

    with pytest.raises(StoreError, match="got an empty one; has downcore run here yet"):
        Reader.open(empty)


def test_a_record_beside_which_nothing_can_be_made_says_where_it_can_be_read(
    path: Path, store: Store
) -> None:
    store.close()
    # Root may write to every folder; SQLite fails here as it does where it may not.
    path.with_name(path.name + "-wal").mkdir()

    with pytest.raises(StoreError, match=r"folder that may be written .* of your own"):
        Reader.open(path)


def test_commits_from_several_threads_do_not_mix(store: Store, reader: Reader) -> None:
    scans = [f"scan {n}" for n in range(4)]

    def work(scan_id: str) -> None:
        store.open_scan(scan_of(scan_id, f"section {scan_id}"))
        for index in range(10):
            commit(store, scan_id, row_at(index))
            store.ack(scan_id, index)

    threads = [threading.Thread(target=work, args=(scan_id,)) for scan_id in scans]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert [one.status.n_slices for one in reader.scans()] == [10] * 4
    assert [one.seq for one in reader.entries(0, 100)] == list(range(1, 45)), "a gap in seq"


def test_an_idle_moment_empties_the_log_of_writes(store: Store) -> None:
    store.open_scan(scan_of("a"))
    wal = store.path.with_name(store.path.name + "-wal")
    assert wal.stat().st_size > 0

    assert store.checkpoint()

    assert wal.stat().st_size == 0


def test_a_long_log_is_read_in_pages_without_a_seam(store: Store, reader: Reader) -> None:
    store.open_scan(scan_of("a"))
    commit(store, "a", *map(row_at, range(1201)))

    indexes = [one.row.core_slice.index for one in reader.scan_log("a")]

    assert indexes == list(range(1201))


def test_every_mask_class_has_its_column(store: Store) -> None:
    columns = {row[1] for row in store._database.conn.execute("PRAGMA table_info(slice)")}

    assert {f"fraction_{one.name.lower()}" for one in MaskClass} <= columns


def test_every_table_is_strict(store: Store) -> None:
    tables = store._database.conn.execute("PRAGMA table_list").fetchall()

    loose = [row[1] for row in tables if not row[5] and not row[1].startswith("sqlite_")]
    assert loose == [], "tables that take any type"
    assert len(migrations()) == store._database.conn.execute("PRAGMA user_version").fetchone()[0]


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.tuples(st.integers(0, 14), st.integers(1, 6), st.booleans()), max_size=6))
def test_any_replay_with_any_restart_gives_the_log_of_one_pass(
    cuts: list[tuple[int, int, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "downcore.db"
        store = opened(path)
        store.open_scan(scan_of("a"))
        for start, count, is_restarted in [*cuts, (0, 20, True)]:
            if is_restarted:
                store.close()
                store = opened(path)
            commit(store, "a", *map(row_at, range(start, start + count)))
        store.close()

        with Reader.open(path) as reader:
            rows = [one.row for one in reader.scan_log("a")]
            entries = reader.entries(0, 1000)
    assert rows == [row_at(index) for index in range(20)]
    announced = [part for one in entries for part in one.payload.split('"slice":')[1:]]
    assert len(announced) == 20, "a row was announced twice, or never"
    assert [one.seq for one in entries] == list(range(1, len(entries) + 1))


def test_runs_of_a_record_from_before_the_guard_name_none(path: Path) -> None:
    old = sqlite3.connect(path)
    for migration in migrations()[:3]:
        for statement in migration.statements:
            old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("INSERT INTO meta VALUES (1, 1, '00', '')")
    old.execute("INSERT INTO run VALUES (1, '0.1.0', '00', '', '', '2026')")
    old.execute("PRAGMA user_version = 3")
    old.commit()
    old.close()

    with Store.open(path, clock=StoppedClock(), announce=payloads) as store:
        store.begin_run(Run("0.2.0", "00", "", "", "g1"))
        told = store._database.conn.execute("SELECT novelty_guard_id FROM run").fetchall()

    assert told == [("",), ("g1",)]
