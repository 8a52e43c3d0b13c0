"""Compositions in the record: as they were, once, with their announcement."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sqlite_utils
from composed_slices import composed, without_value

from downcore.composing.label_png import labels_of
from downcore.publish import payloads
from downcore.store import Reader, Store
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow, Status
from downcore.strata.errors import StoreError
from downcore.strata.record import OutboxKind, Run, Scan
from downcore.strata.slices import CoreSlice

UTC = "2026-01-31T23:59:59.123Z"


class StoppedClock:
    def monotonic_s(self) -> float:
        return 0.0

    def utc_rfc3339(self) -> str:
        return UTC


def row_at(index: int) -> SliceRow:
    fractions = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    core_slice = CoreSlice(
        index, 200 * index, 200, 10_000 * index, 10_000 * (index + 1), fractions, None, ()
    )
    return SliceRow(core_slice, ())


def opened(path: Path) -> Store:
    store = Store.open(path, clock=StoppedClock(), announce=payloads)
    store.begin_run(Run("0", "0", "none", "none"))
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "record.db") as one:
        one.open_scan(Scan("a", "S1", "a.tif", "tiff", Fraction(200), "up"))
        rows = [row_at(i) for i in range(120)]
        one.commit_slices("a", rows, n_lines_done=24_000, prefix_digest="")
        one.record_composer("c1", "{}")
        yield one


def kept(store: Store) -> list[ComposedSlice]:
    with Reader.open(store.path) as reader:
        return list(reader.composition_log("a"))


def entries(store: Store) -> list[tuple[str, str]]:
    with Reader.open(store.path) as reader:
        return [(one.kind.value, one.payload) for one in reader.entries(0, 1000)]


def test_what_is_composed_is_read_back_the_same(store: Store) -> None:
    told = [
        composed(0),
        without_value(1, Status.MASKED, "2 % sediment, needs 30 %"),
        replace(composed(2), composition=replace(composed(2).composition, porosity=None)),
    ]

    assert store.commit_compositions("a", told) == 3

    assert kept(store) == told


def test_a_guard_without_bound_is_read_back_the_same(store: Store) -> None:
    one = composed(0)
    assert one.composition.identifiability is not None
    endless = replace(one.composition.identifiability, condition=float("inf"))
    told = replace(one, composition=replace(one.composition, identifiability=endless))

    store.commit_compositions("a", [told])

    assert kept(store) == [told]


def test_a_long_section_is_read_in_pages_without_a_seam(store: Store) -> None:
    told = [composed(i) for i in range(120)]

    store.commit_compositions("a", told)

    assert kept(store) == told
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT count(*) FROM guard_report").fetchone() == (1,)


def test_the_same_again_changes_and_announces_nothing(store: Store) -> None:
    store.commit_compositions("a", [composed(0)])
    before = entries(store)

    assert store.commit_compositions("a", [composed(0)]) == 0

    assert entries(store) == before


def test_only_what_is_new_is_announced(store: Store) -> None:
    store.commit_compositions("a", [composed(0)])

    assert store.commit_compositions("a", [composed(0), composed(1)]) == 1

    kind, payload = entries(store)[-1]
    assert kind == OutboxKind.COMPOSITION
    assert [row["slice"] for row in json.loads(payload)["rows"]] == [1]


@pytest.mark.parametrize(
    "other",
    [
        composed(0, light=0.4),
        replace(composed(0), table="three"),
        replace(composed(0), labels=None),
    ],
    ids=["fraction", "table", "labels"],
)
def test_a_composition_that_differs_from_the_kept_one_is_an_error(
    store: Store, other: ComposedSlice
) -> None:
    store.commit_compositions("a", [composed(0)])
    before = entries(store)

    with pytest.raises(StoreError, match="the same scan must always give the same values"):
        store.commit_compositions("a", [composed(1), other])

    assert kept(store) == [composed(0)], "expected nothing of a refused commit"
    assert entries(store) == before


def test_a_composition_needs_its_slice_its_composer_and_a_run(store: Store) -> None:
    with pytest.raises(StoreError):
        store.commit_compositions("a", [composed(130)])
    with pytest.raises(StoreError):
        store.commit_compositions("a", [composed(0, composer_id="nobody")])
    with pytest.raises(StoreError, match="expected an opened scan"):
        store.commit_compositions("b", [composed(0)])

    assert kept(store) == []


def test_a_number_that_is_none_is_refused_whole(store: Store) -> None:
    one = composed(0)
    odd = replace(one, composition=replace(one.composition, porosity=float("nan")))

    with pytest.raises(StoreError, match="expected a finite number"):
        store.commit_compositions("a", [odd])

    assert kept(store) == []


def test_the_composer_that_ran_last_is_read_even_where_it_had_nothing_to_do(store: Store) -> None:
    store.commit_compositions("a", [composed(0), composed(1)])
    store.begin_run(Run("1", "0", "none", "none"))
    store.record_composer("c2", "{}")
    store.commit_compositions("a", [composed(i, composer_id="c2") for i in range(2)])
    assert {one.composer_id for one in kept(store)} == {"c2"}

    store.begin_run(Run("2", "0", "none", "none"))
    store.record_composer("c1", "{}")

    assert {one.composer_id for one in kept(store)} == {"c1"}


def test_what_is_composed_in_part_does_not_hide_what_is_complete(store: Store) -> None:
    store.commit_compositions("a", [composed(0), composed(1)])
    store.begin_run(Run("1", "0", "none", "none"))
    store.record_composer("c2", "{}")
    store.commit_compositions("a", [composed(0, composer_id="c2")])

    assert [one.composer_id for one in kept(store)] == ["c1", "c1"]
    assert store.n_slices_composed("a", "c1") == 2
    assert store.n_slices_composed("a", "c2") == 1


def test_a_record_of_an_older_schema_says_how_to_bring_it_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = sqlite_utils.Database(path)
    for migration in migrations()[:2]:
        for statement in migration.statements:
            old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("PRAGMA user_version = 2")
    old.conn.commit()
    old.close()

    with Reader.open(path) as reader, pytest.raises(StoreError, match="brings it up to date"):
        list(reader.composition_log("a"))


def test_an_older_record_keeps_its_announcements_and_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = sqlite_utils.Database(path)
    for migration in migrations()[:2]:
        for statement in migration.statements:
            old.execute(statement)
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("INSERT INTO meta VALUES (1, 1, '00', '')")
    old.execute("INSERT INTO outbox (seq, kind, section_id, payload, created_utc)"
                " VALUES (7, 'log', 'S1', '{}', '')")  # fmt: skip
    # The newest announcement may be gone; its number must not come again.
    old.execute("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'outbox'")
    old.execute("PRAGMA user_version = 2")
    old.conn.commit()
    old.close()

    with opened(path) as store:
        store.open_scan(Scan("a", "S1", "a.tif", "tiff", Fraction(200), "up"))
        store.commit_slices("a", [row_at(0)], n_lines_done=200, prefix_digest="")
        store.record_composer("c1", "{}")
        store.commit_compositions("a", [composed(0)])

        with Reader.open(path) as reader:
            found = [(one.seq, one.kind.value) for one in reader.entries(0, 10)]
    assert found == [(7, "log"), (10, "state"), (11, "log"), (12, "composition")]


def test_labels_above_65_535_are_kept(store: Store) -> None:
    one = composed(3)
    store.commit_compositions("a", [one])

    tile = kept(store)[0].labels
    assert tile is not None
    assert np.array_equal(labels_of(tile), np.arange(12).reshape(3, 4) + 210_000)
