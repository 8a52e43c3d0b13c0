"""A store that an earlier version made goes on as if this version had made it."""

import shutil
import sqlite3
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from played_device import Device, core_lines, job_of

from downcore.simulator.scanner import pattern_named
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations

OLDER = range(1, len(migrations()))

KEYS_OF_SCANS = (
    "INSERT INTO old.seen_file SELECT 'end:' || scan_id, scan_id FROM scan WHERE has_ended",
    (
        "INSERT INTO old.seen_file SELECT 'content:' || content_digest, scan_id FROM scan"
        " WHERE has_ended AND duplicate_of IS NULL"
    ),
    (
        "INSERT INTO old.seen_file SELECT DISTINCT 'opening:' || header_digest, min(scan_id)"
        " FROM scan WHERE duplicate_of IS NULL GROUP BY header_digest"
    ),
    "INSERT INTO old.seen_file SELECT signature || ':' || made_with, scan_id FROM finished_file",
)
"""What versions before schema 5 wrote of scans and files, all in one table."""


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


def write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.tif"
    for step in pattern_named("growing-tiff").write(job_of(core(), folder, name)):
        path = step.path
    return path


def as_an_older_version_had_it(database: Path, version: int) -> None:
    """Put in a database's place one of an older schema, with the rows that it had room for."""
    new = database.rename(database.with_suffix(".new"))
    connection = sqlite3.connect(new, isolation_level=None)
    connection.execute("ATTACH ? AS old", (str(database),))
    with sqlite3.connect(database) as made:
        for migration in migrations()[:version]:
            for statement in migration.statements:
                made.execute(statement)
        made.execute("DELETE FROM bundle")
        tables = made.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = {
            table: [row[1] for row in made.execute(f"PRAGMA table_info({table})")]
            for (table,) in tables
            if not table.startswith("sqlite_") and table != "seen_file"
        }
    made.close()
    for table, names in columns.items():
        listed = ", ".join(names)
        kept = "WHERE kind <> 'composition'" if table == "outbox" and version < 3 else ""
        connection.execute(
            f"INSERT INTO old.{table} ({listed}) SELECT {listed} FROM {table} {kept}"  # noqa: S608 - the names are the schema's
        )
    if 1 < version < 5:
        for statement in KEYS_OF_SCANS:
            connection.execute(statement)
    connection.execute(f"PRAGMA old.application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA old.user_version = {version}")
    connection.close()
    new.unlink()


def known(device: Device) -> list[object]:
    """Return all that the store knows of scans, but for times."""
    scans = device.scans("scan_id", "state", "content_digest", "duplicate_of", "n_lines_done",
                         "prefix_digest", "superseded_by", "header_digest",
                         "has_ended")  # fmt: skip
    finished = device.all(
        "SELECT signature, made_with, scan_id FROM finished_file ORDER BY signature"
    )
    return [scans, finished, [device.log_of(scan_id) for (scan_id, *_) in scans]]


@pytest.mark.parametrize("version", OLDER)
def test_scans_of_an_older_store_are_known_and_neither_read_again_nor_announced_again(
    tmp_path: Path, version: int
) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        shutil.copy(path, path.with_name("GC02.tif"))
        device.rest()
        before, n_announced = known(device), device.all("SELECT count(*) FROM outbox")
        device.stop()
        as_an_older_version_had_it(device.database, version)
        device.start()
        n_asked = [one.n_slices for one in device.predictors]
        if version > 1:
            assert known(device) == before, "what the store knew was lost on the way"
        device.rest()

        if version > 1:
            assert known(device) == before
        assert [one.n_slices for one in device.predictors] == n_asked, "slices were read again"
        assert device.all("SELECT count(*) FROM outbox") == n_announced


@pytest.mark.parametrize("version", OLDER)
def test_a_copy_that_comes_after_the_update_is_linked_to_the_scan_from_before(
    tmp_path: Path, version: int
) -> None:
    with Device(tmp_path) as device:
        path = write(device.inbox, "GC01")
        device.rest()
        device.stop()
        as_an_older_version_had_it(device.database, version)
        device.start()
        shutil.copy(path, path.with_name("GC09.tif"))
        device.rest()

        (first, second) = device.scans("scan_id", "state", "duplicate_of")
        assert second[1:] == ("done", first[0])


@pytest.mark.parametrize("version", OLDER)
def test_an_older_store_has_the_tables_of_a_new_one_once_it_was_opened(
    tmp_path: Path, version: int
) -> None:
    def schema(database: Path) -> list[object]:
        with sqlite3.connect(database) as connection:
            tables = connection.execute(
                "SELECT name, sql FROM sqlite_master ORDER BY name"
            ).fetchall()
        connection.close()
        return tables

    with Device(tmp_path) as device:
        write(device.inbox, "GC01")
        device.rest()
        device.stop()
        new = schema(device.database)
        as_an_older_version_had_it(device.database, version)
        device.start()
        device.stop()

        assert schema(device.database) == new


def test_a_scan_that_had_not_ended_goes_on_after_the_update(tmp_path: Path) -> None:
    with Device(tmp_path, slices_per_step=4) as device:
        path = write(device.inbox, "GC01")
        while not device.scans("n_lines_done > 0"):
            device.round(path)
        assert device.scans("has_ended") == [(0,)], "it was meant to be cut off half way"
        device.stop()
        as_an_older_version_had_it(device.database, 4)
        device.start()
        assert device.scans("has_ended") == [(0,)]
        device.rest()

        assert device.scans("state", "has_ended") == [("done", 1)]


@pytest.mark.parametrize(
    ("version", "n_done"), [*((5, n) for n in range(1, 7)), *((6, n) for n in (1, 6, 12, 15, 19))]
)
def test_an_update_that_is_killed_between_two_statements_leaves_the_older_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, n_done: int
) -> None:
    with Device(tmp_path) as device:
        write(device.inbox, "GC01")
        device.rest()
        before = known(device)
        device.stop()
        as_an_older_version_had_it(device.database, version - 1)
        older, new = migrations()[: version - 1], migrations()[version - 1]
        with monkeypatch.context() as patched:
            broken = type(new)(version, "", (*new.statements[:n_done], "SELECT no_such_column"))
            patched.setattr("downcore.store.schema.migrations", lambda: (*older, broken))
            with pytest.raises(Exception, match="no_such_column"):
                device.start()
        with sqlite3.connect(device.database) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version - 1,)
            if version == 5:
                assert connection.execute("SELECT count(*) FROM seen_file").fetchone()[0] == 4
        connection.close()
        device.start()

        assert known(device) == before


def test_keys_that_no_version_looked_up_are_left_behind(tmp_path: Path) -> None:
    with Device(tmp_path) as device:
        write(device.inbox, "GC01")
        device.rest()
        before = known(device)
        device.stop()
        as_an_older_version_had_it(device.database, 4)
        with sqlite3.connect(device.database) as connection:
            connection.execute("INSERT INTO seen_file SELECT 'no key', scan_id FROM scan")
        connection.close()
        device.start()

        assert known(device) == before
