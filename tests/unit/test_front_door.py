"""What a scientist gets from ``import downcore``: a record, never changed, or a clear error."""

import csv
import importlib
import io
import math
import shutil
import sqlite3
import statistics
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from composed_slices import composed

import downcore
from downcore import extras
from downcore.clock import SystemClock
from downcore.commands.composition_table import write_composition_csv
from downcore.commands.log_table import write_csv
from downcore.store import Store
from downcore.store.connection import APPLICATION_ID
from downcore.store.migrations import migrations
from downcore.strata.bundle import Manifest, OutputScaling
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.errors import SectionError, StoreError, UnknownSectionError
from downcore.strata.record import Run, Scan, ScanState, SliceRow
from downcore.strata.slices import CoreSlice, SliceColour

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "pandas", "xarray", "cv2", "openvino", "numba", "sqlite_utils", "pydantic")
COLOUR = SliceColour((55.5, 1.25, 9.75), (2.0, 0.5, 0.25), (0.2, 0.15, 0.1))


def scan_of(scan_id: str, section: str = "GC01_01") -> Scan:
    return Scan(scan_id, section, f"inbox/{section}.tif", "plain_tiff", Fraction(9600, 7), "up")


def row_at(index: int, bundle_id: str = "b1", status: Status = Status.PREDICTED) -> SliceRow:
    core_slice = CoreSlice(
        index=index,
        first_line=200 * index,
        n_lines=200,
        top_um=10_000 * index,
        bottom_um=10_000 * (index + 1),
        class_fractions=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        colour=COLOUR if status is Status.PREDICTED else None,
        flags=() if index else ("dark", "short"),
    )
    numbers = (1.5, 1.25, 1.75) if status is Status.PREDICTED else (None, None, None)
    reason = "" if status is Status.PREDICTED else "no sediment"
    estimates = tuple(
        Estimate(one, *numbers, status, reason, bundle_id) for one in ("density", "ms", "vp")
    )
    return SliceRow(core_slice, estimates)


def manifest_of(bundle_id: str) -> Manifest:
    scaling = OutputScaling("density", "g/cm3", False, 1.6, 0.2, 1.6, 0.05)  # noqa: FBT003 - as the manifest's order has it
    return Manifest(
        "resnet-18", "t", "2026", "int8", {}, (scaling,), (100, 400), 0.1, "generator", bundle_id
    )


def open_store(path: Path) -> Store:
    store = Store.open(path, clock=SystemClock(), announce=None)
    store.begin_run(Run("0", "0" * 64, "", "0"))
    for bundle_id in ("b1", "b2"):
        store.record_bundle(manifest_of(bundle_id), "{}")
    return store


def commit(store: Store, scan: Scan, rows: list[SliceRow], state: ScanState) -> None:
    store.open_scan(scan)
    store.commit_slices(scan.scan_id, rows, n_lines_done=200 * len(rows), prefix_digest="0" * 32)
    store.set_scan_state(scan.scan_id, state)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A record at rest: a section scanned twice, its third centimetre foam; and another one."""
    path = tmp_path / "downcore.db"
    with open_store(path) as store:
        commit(store, scan_of("a" * 32), [row_at(0)], ScanState.DONE)
        rows = [row_at(0), row_at(1), row_at(2, status=Status.MASKED)]
        commit(store, scan_of("b" * 32), rows, ScanState.DONE)
        commit(store, scan_of("c" * 32, "GC01_02"), [row_at(0)], ScanState.DONE)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def read_all(log: downcore.Log) -> None:
    for section in log.sections():
        log[section.section].to_pandas()
        log[section.section].to_xarray()
        log[section.section].composition.to_pandas()


def test_importing_downcore_loads_nothing_heavy_and_takes_no_time() -> None:
    code = (
        # Time of the processor, which others on the machine do not lengthen.
        "import sys, time; before = time.process_time(); import downcore;"
        "print(time.process_time() - before, *(m for m in sys.modules if '.' not in m))"
    )
    times = []
    for _ in range(5):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(ROOT / "edge"), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        took_s, *loaded = ran.stdout.split()
        times.append(float(took_s))
        assert not set(HEAVY) & set(loaded)

    assert statistics.median(times) < 0.15


def test_every_name_of_the_door_is_there_and_listed() -> None:
    for name in downcore.__all__:
        assert getattr(downcore, name).__doc__, name
        assert name in dir(downcore)
    with pytest.raises(AttributeError, match="'downcore' has no attribute 'reed_scan'"):
        downcore.reed_scan  # noqa: B018 - a slip of the keyboard


def test_reading_a_record_at_rest_leaves_its_folder_byte_for_byte_the_same(db: Path) -> None:
    before = contents(db.parent)

    read_all(downcore.open(db))

    assert contents(db.parent) == before


def test_a_record_is_read_while_a_daemon_writes_and_not_changed(db: Path) -> None:
    log = downcore.open(db)
    with open_store(db) as store:
        before = contents(db.parent)
        read_all(log)
        read_all(downcore.open(db))
        after = contents(db.parent)
        assert {name for name in after if after[name] != before.get(name)} <= {f"{db.name}-shm"}

        commit(store, scan_of("d" * 32, "GC01_03"), [row_at(0)], ScanState.GROWING)

        assert list(log) == ["GC01_01", "GC01_02", "GC01_03"]
        assert log.sections()[2].state == "growing"


def test_a_daemon_that_starts_while_a_record_is_read_is_noticed(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = downcore.open(db)
    database = importlib.import_module("downcore.notebook.database")
    plain, stores = database.Reader.open, []

    def open_late(path: Path, **arguments: Any) -> Any:
        reader = plain(path, **arguments)
        if not stores:
            # The writer comes between the reader's look at the files and its question.
            stores.append(open_store(db))
            commit(stores[0], scan_of("d" * 32, "GC01_03"), [row_at(0)], ScanState.GROWING)
        return reader

    monkeypatch.setattr(database.Reader, "open", open_late)
    try:
        assert [one.section for one in log.sections()][-1] == "GC01_03"
    finally:
        stores[0].close()


def test_a_section_is_its_newest_scan_and_the_superseded_one_can_be_read(db: Path) -> None:
    log = downcore.open(db)
    section = log["GC01_01"]

    assert section.scan_id == "b" * 32
    assert len(section.rows) == 3
    assert [(one.scan_id[0], one.state) for one in section.scans] == [
        ("a", "superseded"),
        ("b", "done"),
    ]
    assert section.scans[0].superseded_by == "b" * 32
    old = log.section("GC01_01", scan="aaaa")
    assert old.scan_id == "a" * 32
    assert len(old.rows) == 1


def test_an_unknown_section_names_the_nearest(db: Path) -> None:
    log = downcore.open(db)

    with pytest.raises(UnknownSectionError, match="did you mean 'GC01_02'") as raised:
        log["gc0102"]
    assert isinstance(raised.value, KeyError)
    assert str(raised.value).startswith("expected a section")
    assert "gc0102" not in log
    assert log.get("gc0102") is None
    for strange in ("ODP 1234", 0, ("GC01_01", "GC01_02")):
        with pytest.raises(UnknownSectionError, match="known: GC01_01, GC01_02"):
            log[strange]  # type: ignore[index] # as of a list or a frame


def test_an_unknown_scan_names_those_of_the_section(db: Path) -> None:
    log = downcore.open(db)

    for wrong in ("c" * 32, "", "x"):
        with pytest.raises(UnknownSectionError, match=r"aaaaaaaa \(GC01_01\), bbbbbbbb"):
            log.section("GC01_01", scan=wrong)
    with pytest.raises(UnknownSectionError, match="known: GC01_01, GC01_02"):
        log.section("GC09", scan="a" * 32)


def test_a_copy_names_the_scan_that_has_its_rows(db: Path) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute(
            "UPDATE scan SET duplicate_of = ? WHERE scan_id = ?", ("b" * 32, "c" * 32)
        )
    connection.close()
    log = downcore.open(db)

    with pytest.raises(SectionError, match="'GC01_02' is a copy of 'GC01_01'"):
        log["GC01_02"]
    with pytest.raises(SectionError, match=f"a copy of scan {'b' * 32}"):
        log.section("GC01_02", scan="cc")


def test_a_frame_has_the_columns_and_cells_of_the_csv(db: Path) -> None:
    out = io.StringIO()
    write_csv(db, "GC01_01", out)
    header, *lines = csv.reader(io.StringIO(out.getvalue()))

    frame = downcore.open(db)["GC01_01"].to_pandas()

    assert list(frame.columns) == header
    assert len(frame) == len(lines) == 9
    for line, (_, row) in zip(lines, frame.iterrows(), strict=True):
        for text, cell in zip(line, row, strict=True):
            is_missing = isinstance(cell, float) and math.isnan(cell)
            assert text == ("" if is_missing else str(cell))


def test_a_value_that_is_absent_is_nan_and_its_status_says_why(db: Path) -> None:
    section = downcore.open(db)["GC01_01"]
    frame, data = section.to_pandas(), section.to_xarray()

    foam = frame[frame["slice"] == 2]
    assert foam["value"].isna().all()
    assert foam["L*"].isna().all()
    assert set(foam["status"]) == {"masked"}
    assert set(foam["reason"]) == {"no sediment"}
    assert data["density"].to_numpy()[0].tolist()[:2] == [1.5, 1.5]
    assert math.isnan(data["density"].to_numpy()[0, 2])
    assert data["density status"].to_numpy()[0].tolist() == ["predicted", "predicted", "masked"]


def test_a_dataset_says_depth_bounds_and_units(db: Path) -> None:
    data = downcore.open(db)["GC01_01"].to_xarray()

    assert data.depth.to_numpy().tolist() == [0.5, 1.5, 2.5]
    assert data.depth.attrs["units"] == "cm"
    assert data[data.depth.attrs["bounds"]].to_numpy().tolist() == [[0, 1], [1, 2], [2, 3]]
    units = {"density": "g/cm3", "vp": "m/s", "ms": "1e-5 SI"}
    for name, unit in units.items():
        assert data[name].attrs["units"] == unit
        assert data[f"{name} lower 90 %"].attrs["units"] == unit
        assert "units" not in data[f"{name} status"].attrs
    assert data["vp"].attrs["long_name"] == "P-wave velocity"
    assert data.attrs == {"section": "GC01_01", "scan": "b" * 32}
    assert all("long_name" in data[name].attrs for name in data.data_vars)


def test_two_bundles_stand_beside_each_other_and_a_gap_between_them_is_nan(tmp_path: Path) -> None:
    db = tmp_path / "downcore.db"
    both = replace(row_at(0), estimates=(*row_at(0).estimates, *row_at(0, "b2").estimates))
    with open_store(db) as store:
        commit(store, scan_of("a" * 32), [both, row_at(1, "b2")], ScanState.DONE)

    data = downcore.open(db)["GC01_01"].to_xarray()

    assert data.bundle.to_numpy().tolist() == ["b1", "b2"]
    assert math.isnan(data["ms"].sel(bundle="b1").to_numpy()[1])
    assert data["ms status"].sel(bundle="b1").to_numpy().tolist() == ["predicted", ""]
    assert data["ms"].sel(bundle="b2").to_numpy().tolist() == [1.5, 1.5]


def test_a_slice_without_estimates_keeps_its_colour_in_a_dataset(tmp_path: Path) -> None:
    db = tmp_path / "downcore.db"
    with open_store(db) as store:
        commit(store, scan_of("a" * 32), [replace(row_at(0), estimates=())], ScanState.DONE)

    section = downcore.open(db)["GC01_01"]

    assert section.to_xarray()["L*"].to_numpy().tolist() == [55.5]
    assert section.to_pandas().empty


def test_a_composition_has_the_columns_and_cells_of_the_csv(db: Path) -> None:
    with open_store(db) as store:
        store.record_composer("c1", "{}")
        store.commit_compositions("b" * 32, [composed(0), composed(1)])
    out = io.StringIO()
    write_composition_csv(db, "GC01_01", out)
    header, *lines = csv.reader(io.StringIO(out.getvalue()))

    composition = downcore.open(db)["GC01_01"].composition
    frame, data = composition.to_pandas(), composition.to_xarray()

    assert list(frame.columns) == header
    for line, (_, row) in zip(lines, frame.iterrows(), strict=True):
        for name, text, cell in zip(header, line, row, strict=True):
            if text == "":
                assert cell == "" or math.isnan(cell), name
            elif isinstance(cell, str):
                assert cell == text
            else:
                assert float(cell) == float(text), name
    assert data["fraction"].dims == ("group", "depth")
    first = frame.iloc[0]
    assert float(data["fraction"].sel(group=first["group"], depth=0.5)) == first["fraction"]
    assert data.attrs["section"] == "GC01_01"


def test_a_section_that_is_not_composed_has_an_empty_composition(db: Path) -> None:
    composition = downcore.open(db)["GC01_01"].composition

    assert composition.to_pandas().empty
    assert composition.to_xarray().sizes["depth"] == 0


def test_the_list_of_sections_shows_as_a_table_and_is_made_of_frozen_values(db: Path) -> None:
    sections = downcore.open(db).sections()

    head, first, second = repr(sections).splitlines()
    assert head.split() == ["section", "scan", "state", "cm", "format", "px/cm"]
    assert first.split() == ["GC01_01", "bbbbbbbb", "done", "3", "plain_tiff", "1371.43"]
    assert second.startswith("GC01_02")
    assert "<td>GC01_02</td>" in sections._repr_html_()
    assert sections.to_pandas()["section"].tolist() == ["GC01_01", "GC01_02"]
    with pytest.raises(FrozenInstanceError):
        sections[0].state = "growing"  # type: ignore[misc] # frozen


def test_an_empty_record_has_no_sections(tmp_path: Path) -> None:
    open_store(tmp_path / "downcore.db").close()
    log = downcore.open(tmp_path / "downcore.db")

    assert list(log) == []
    assert repr(log.sections()).split() == ["section", "scan", "state", "cm", "format", "px/cm"]
    with pytest.raises(UnknownSectionError, match="known: none yet"):
        log["GC01_01"]


def refused(path: Path) -> str:
    with pytest.raises(StoreError) as raised:
        downcore.open(path)
    return str(raised.value)


def test_no_database_says_how_one_is_made(tmp_path: Path) -> None:
    said = refused(tmp_path / "downcore.db")

    assert "got none" in said
    assert "downcore process IMAGE --db" in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_names_the_databases_in_it(db: Path, tmp_path: Path) -> None:
    assert refused(db.parent).endswith("got a folder; name the file in it: downcore.db")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").endswith("it holds no *.db file")


@pytest.mark.parametrize("content", [b"", b"depth,density\n0,1.5\n", b"II*\0" * 100])
def test_what_is_no_database_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(content)

    said = refused(path)

    assert "expected a downcore database" in said
    assert "[store] path" in said
    assert path.read_bytes() == content


def test_another_application_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "zotero.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE items (title)")
    connection.close()
    before = contents(tmp_path)

    said = refused(path)

    assert "another application" in said
    assert "[store] path" in said
    assert contents(tmp_path) == before


def test_a_newer_record_asks_for_the_newer_downcore(db: Path) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    connection.close()

    assert "install that one again" in refused(db)


def test_an_older_record_is_read_and_its_missing_composition_says_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        for statement in migrations()[0].statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO meta VALUES (1, 1, 'x', '2025-01-01T00:00:00.000Z')")
        known = {
            "scan_id": "a",
            "section_id": "A",
            "px_per_cm": "200",
            "top": "up",
            "state": "done",
        }
        required = connection.execute(
            "SELECT name FROM pragma_table_info('scan') WHERE \"notnull\" AND dflt_value IS NULL"
        )
        cells = {name: known.get(name, "") for (name,) in required}
        connection.execute(
            f"INSERT INTO scan ({', '.join(cells)}) VALUES ({', '.join('?' * len(cells))})",  # noqa: S608 - its own columns
            list(cells.values()),
        )
    connection.close()
    section = downcore.open(path)["A"]

    assert section.to_pandas().empty
    with pytest.raises(StoreError, match="brings it up to date"):
        _ = section.composition


def test_a_young_record_copied_without_its_wal_says_how_to_copy_it(tmp_path: Path) -> None:
    with open_store(tmp_path / "live.db") as store:
        commit(store, scan_of("a" * 32), [row_at(0)], ScanState.GROWING)
        shutil.copy(tmp_path / "live.db", tmp_path / "copy.db")

    said = refused(tmp_path / "copy.db")

    assert "without copy.db-wal" in said
    assert "VACUUM INTO" in said


def test_a_copy_with_an_unfinished_scan_and_no_wal_is_read_with_a_warning(db: Path) -> None:
    with open_store(db) as store:
        commit(store, scan_of("d" * 32, "GC01_03"), [row_at(0)], ScanState.GROWING)
    copy = db.with_name("copy.db")
    shutil.copy(db, copy)

    with pytest.warns(UserWarning, match="newest rows are missing.*VACUUM INTO"):
        log = downcore.open(copy)
    assert len(log) == 3
    assert len(downcore.open(db)) == 3, "a station that was stopped in order is nothing to warn of"


def test_a_record_cut_short_is_said_to_be_damaged(db: Path) -> None:
    db.write_bytes(db.read_bytes()[:8192])

    said = refused(db)

    assert "damaged, or was copied while it was written" in said


def test_a_write_that_was_cut_off_names_what_undoes_it(db: Path) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    connection = sqlite3.connect(db, isolation_level=None)
    connection.execute("PRAGMA cache_size = 2")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE big (x)")
    connection.executemany("INSERT INTO big VALUES (?)", [("x" * 2000,)] * 50)
    cut = db.parent / "cut"
    cut.mkdir()
    for ending in ("", "-journal"):
        shutil.copy(f"{db}{ending}", cut / f"{db.name}{ending}")
    connection.rollback()
    connection.close()
    before = contents(cut)

    assert "start `downcore run`, which undoes it" in refused(cut / db.name)
    assert contents(cut) == before


@pytest.fixture
def without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pandas", "xarray"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without_pandas")
def test_without_pandas_the_error_names_a_command_that_works_here(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        extras, "requires", lambda _: ["numpy", 'pandas<4,>=2.2; extra == "notebook"']
    )
    section = downcore.open(db)["GC01_01"]

    assert len(section.slices) == 3, "values need no pandas"
    command = f"{sys.executable} -m pip install 'pandas<4,>=2.2'"
    with pytest.raises(ModuleNotFoundError) as raised:
        section.to_pandas()
    assert command in str(raised.value)
    with pytest.raises(ModuleNotFoundError, match="expected xarray"):
        section.to_xarray()
    with pytest.raises(ModuleNotFoundError, match="expected pandas"):
        downcore.open(db).sections().to_pandas()


def test_a_dataset_survives_a_change_to_pandas_and_back(db: Path) -> None:
    section = downcore.open(db)["GC01_01"]
    densities = section.to_pandas().query("property == 'density'")["value"]

    back = section.to_xarray()["density"].isel(bundle=0).to_series()

    pd.testing.assert_series_equal(
        back.reset_index(drop=True), densities.reset_index(drop=True), check_names=False
    )
