"""Depth in the core from the record: files and typed tops, one log and one plate of a core."""

import csv
import io
import os
import sqlite3
import sys
from pathlib import Path

import cv2
import pytest
from core_store import DAY, StoppedClock, make_core

import downcore
from downcore import cli
from downcore.commands import correct
from downcore.commands.core_log_columns import CORE_LOG_COLUMNS
from downcore.commands.core_log_table import write_core_log
from downcore.commands.depths import TypedDepths, edit_depths, import_depths
from downcore.commands.depths_table import list_cores, show_depths, write_depths_csv
from downcore.commands.plate import DrawnPlate, stored_plate
from downcore.exit_codes import BAD_INPUT, OK
from downcore.publish import payloads
from downcore.sources import Limits
from downcore.store import Reader, Store, requests
from downcore.strata.core_depths import DepthScale
from downcore.strata.errors import (
    DepthLedgerError,
    SectionError,
    StoreError,
    UnknownSectionError,
)

REAL = os.environ.get("DOWNCORE_REAL_DATA")
HEADER = "expedition,core,section,top_in_core_cm,curated_length_cm\n"
PLAIN = HEADER + "145,887A-1H,1,0,30\n145,887A-1H,2,30,30\n145,887A-1H,3,70,20\n"
CLOCK = StoppedClock()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A record of three sections of a core, the second with two centimetres of tray."""
    return make_core(tmp_path / "a.db", {"1": 30, "2": 32, "3": 20})


def importing(db: Path, text: str, name: str = "depths.csv") -> list[str]:
    path = db.with_name(name)
    path.write_text(text)
    return import_depths(db, [path], CLOCK)


def log_of(
    db: Path, name: str = "887A-1H", scale: DepthScale = DepthScale.CORE
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    out = io.StringIO()
    notes = write_core_log(db, name, scale, out, as_csv=True)
    return list(csv.DictReader(io.StringIO(out.getvalue()))), notes


def shown(db: Path, name: str = "887A-1H", *, history: bool = False) -> str:
    out = io.StringIO()
    show_depths(db, name, out, history=history)
    return out.getvalue()


def contents(db: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT * FROM slice ORDER BY scan_id, slice_index").fetchall()


def drawn(db: Path, *names: str, scale: DepthScale | None = None) -> DrawnPlate:
    with Reader.open(db) as reader:
        return stored_plate(reader, names, Limits(), scale=scale)


def test_a_core_is_one_log_by_depth_with_its_gaps_and_section_depth_unchanged(db: Path) -> None:
    before = contents(db)
    importing(db, PLAIN)

    rows, notes = log_of(db)

    assert contents(db) == before
    tops = [float(row["top in core (cm)"]) for row in rows]
    assert tops == [float(i) for i in range(60)] + [60.0] + [70.0 + i for i in range(20)]
    gap = rows[60]
    assert gap["section"] == ""
    assert gap["bottom in core (cm)"] == "70.0"
    assert gap["reason"] == "gap: no core between 145-887A-1H-2 and 145-887A-1H-3"
    own = [row["top (cm)"] for row in rows if row["section"] == "145-887A-1H-2"]
    assert own == [f"{i}.0" for i in range(30)]
    assert any("left out, as the tray after it: 145-887A-1H-2 (2)" in note for note in notes)


def test_the_table_of_a_core_says_where_a_gap_is(db: Path) -> None:
    importing(db, PLAIN)
    out = io.StringIO()

    write_core_log(db, "145-887A-1H", DepthScale.CORE, out, as_csv=False)

    assert "gap to 70 cm: no core between 145-887A-1H-2 and 145-887A-1H-3" in out.getvalue()


def test_depth_in_the_section_of_a_whole_core_begins_again_in_each(db: Path) -> None:
    importing(db, PLAIN)
    out = io.StringIO()

    write_core_log(db, "887A-1H", DepthScale.SECTION, out, as_csv=False)

    depths = [line.split()[0] for line in out.getvalue().splitlines()[1:] if "gap" not in line]
    assert depths == [str(i) for n in (30, 30, 20) for i in range(n)]


def test_what_a_sidecar_said_is_in_the_ledger_and_a_typed_top_stands_before_it(
    tmp_path: Path,
) -> None:
    db = make_core(tmp_path / "a.db", {"1": 30, "2": 30}, tops_um={"1": 0, "2": 300_000})
    assert "sidecar of 145-887A-1H-2, 2026-01-31" in shown(db)
    with sqlite3.connect(f"file:{db}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT count(*) FROM depth_version").fetchone() == (0,)

    typed = TypedDepths(section="2", top_in_core_um=350_000)
    (said,) = edit_depths(db, "887a_1h", typed, CLOCK, why="read off the liner")

    assert said.startswith("section 2 of core 145-887A-1H: top 35 cm in the core; was top 30 cm")
    text = shown(db, history=True)
    assert "stands before top 30 cm in the core (sidecar of 145-887A-1H-2" in text
    assert "read off the liner" in text
    rows, _ = log_of(db)
    assert [float(row["top in core (cm)"]) for row in rows[30:32]] == [30.0, 35.0]
    with Reader.open(db) as reader:
        assert [one.scan.section_top_um for one in reader.sections()] == [0, 300_000]


def test_a_typed_top_that_is_withdrawn_leaves_the_sidecar_s(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 30, "2": 30}, tops_um={"1": 0, "2": 300_000})
    edit_depths(db, "887A-1H", TypedDepths(section="2", top_in_core_um=350_000), CLOCK)

    edit_depths(db, "887A-1H", TypedDepths(section="2", withdraws=True), CLOCK)

    rows, _ = log_of(db)
    assert float(rows[30]["top in core (cm)"]) == 30.0


@pytest.mark.parametrize("table", ["depth_version", "section_depth", "core_depth"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET version_no = 9"])
def test_nothing_of_the_ledger_is_changed_or_deleted(db: Path, table: str, sql: str) -> None:
    importing(db, PLAIN)
    edit_depths(db, "887A-1H", TypedDepths(core_top_um=1), CLOCK)

    with (
        sqlite3.connect(db) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only added to"),
    ):
        connection.execute(sql.format(table))


def test_importing_again_adds_nothing_and_another_value_says_what_it_was(db: Path) -> None:
    importing(db, PLAIN)

    again = importing(db, PLAIN)
    other = importing(db, PLAIN.replace("3,70,20", "3,65,20"), "other.csv")

    assert "depths.csv: the ledger says so already; nothing was added" in again
    assert any(
        line.startswith("section 3 of core 145-887A-1H: top 65 cm in the core; was top 70 cm")
        and "table depths.csv" in line
        for line in other
    )
    with Reader.open(db) as reader:
        assert [one.number for one in reader.depth_versions()] == [1, 2]
        assert reader.depth_versions()[0].made_utc == DAY


def test_what_is_shown_as_csv_and_imported_elsewhere_gives_the_same_log(
    db: Path, tmp_path: Path
) -> None:
    importing(db, PLAIN)
    edit_depths(db, "887A-1H", TypedDepths(core_top_um=6_700_000, shift_um=-123_456), CLOCK)
    out = io.StringIO()
    write_depths_csv(db, "887A-1H", out)
    other = make_core(tmp_path / "b.db", {"1": 30, "2": 32, "3": 20})

    importing(other, out.getvalue())

    assert log_of(other) == log_of(db)
    again = io.StringIO()
    write_depths_csv(other, "887A-1H", again)
    assert again.getvalue() == out.getvalue()


def test_two_files_that_disagree_are_refused_together_and_nothing_is_added(db: Path) -> None:
    for name, top in (("a.csv", 70), ("b.csv", 71)):
        db.with_name(name).write_text(f"{HEADER}145,887A-1H,3,{top},20\n")

    with pytest.raises(
        DepthLedgerError, match=r"a\.csv and b\.csv disagree on the top of section 3"
    ):
        import_depths(db, [db.with_name("a.csv"), db.with_name("b.csv")], CLOCK)

    with Reader.open(db) as reader:
        assert reader.depth_versions() == []


def test_sections_that_the_store_or_the_file_lacks_are_said(db: Path) -> None:
    lines = importing(db, HEADER + "145,887A-1H,1,0,30\n145,887A-1H,CC,90,10\n145,9A-1H,1,0,3\n")

    assert "core 145-887A-1H: not in the store: section CC; the depths are kept" in lines
    assert "core 145-887A-1H: depths.csv lacks section 2, 3 of the store" in lines
    assert "core 145-9A-1H: not in the store: section 1; the depths are kept" in lines
    assert "core 145-887A-1H: nothing says the top of section 2, 3" in lines


def test_rows_that_reach_below_or_end_above_the_length_are_said(db: Path) -> None:
    lines = importing(db, PLAIN.replace("1,0,30", "1,0,35").replace("2,30,30", "2,35,30"))

    short = "core 145-887A-1H: rows end above the length of their section: 145-887A-1H-1 by 5 cm"
    assert short in lines
    assert any(
        one.endswith("left out of depth in the core: 145-887A-1H-2 by 2 cm") for one in lines
    )


def test_overlapping_sections_are_said_by_import_and_log(db: Path) -> None:
    lines = importing(db, PLAIN.replace("2,30,30", "2,25,30"))

    assert "core 145-887A-1H: sections 1 and 2 overlap by 5 cm" in lines
    _, notes = log_of(db)
    assert any("145-887A-1H-1 and 145-887A-1H-2 overlap by 5 cm" in note for note in notes)


def test_a_core_is_found_by_any_spelling_and_an_unknown_one_names_the_nearest(db: Path) -> None:
    importing(db, PLAIN)

    for name in ("887A-1H", "145-887A-1H", "887a_1h", "887A 1H", "887A"):
        assert len(log_of(db, name)[0]) == 81
    with pytest.raises(UnknownSectionError, match=r"got '887A-2H'; did you mean '145-887A-1H'"):
        log_of(db, "887A-2H")
    with pytest.raises(UnknownSectionError, match="that is a section of core 145-887A-1H"):
        log_of(db, "145-887A-1H-2")


def test_a_core_name_of_two_expeditions_is_asked_about(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 3}, expedition="EXP1", core="GC01")
    make_core(db, {"1": 3}, expedition="EXP2", core="GC01")

    with pytest.raises(UnknownSectionError, match="EXP1-GC01, EXP2-GC01; give one of these"):
        log_of(db, "GC01")
    with pytest.raises(DepthLedgerError, match="EXP1-GC01, EXP2-GC01; add a column expedition"):
        importing(db, "core,section,top_cm\nGC01,1,0\n")
    importing(db, "core,section,top_cm\nEXP2_GC01,1,7\n")
    assert log_of(db, "EXP2-GC01")[0][0]["top in core (cm)"] == "7.0"


def test_sections_whose_names_say_no_core_are_put_in_one(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"scan1": 3, "scan2": 3}, expedition="", core="")

    edit_depths(db, "GC01", TypedDepths(section="scan1", top_in_core_um=0), CLOCK)
    edit_depths(db, "GC01", TypedDepths(section="scan2", top_in_core_um=50_000), CLOCK)

    rows, _ = log_of(db, "GC01")
    assert [row["top in core (cm)"] for row in rows] == [
        "0.0",
        "1.0",
        "2.0",
        "3.0",
        "5.0",
        "6.0",
        "7.0",
    ]


def test_of_two_halves_one_is_in_the_log_and_the_other_is_said(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 3, "2": 3}, half="W")
    make_core(db, {"1": 3, "2": 3}, half="A")
    importing(db, PLAIN)

    rows, notes = log_of(db)

    assert {row["section"] for row in rows} == {"145-887A-1H-1-A", "", "145-887A-1H-2-A"}
    assert any("145-887A-1H-1-W is left out" in note for note in notes)


def test_a_depth_that_nothing_says_is_an_error_that_says_how_to_add_it(db: Path) -> None:
    with pytest.raises(SectionError, match=r"nothing says the top of section 1, 2, 3.*'import'"):
        log_of(db)
    importing(db, PLAIN)
    with pytest.raises(SectionError, match=r"--core-top-m"):
        log_of(db, scale=DepthScale.HOLE)
    edit_depths(db, "887A-1H", TypedDepths(core_top_um=2_000_000), CLOCK)
    assert log_of(db, scale=DepthScale.HOLE)[0][0]["top in hole (m)"] == "2.0"
    with pytest.raises(SectionError, match=r"--shift-m"):
        log_of(db, scale=DepthScale.COMPOSITE)


def test_a_composite_table_shifts_cores_so_that_they_lie_along_one_axis(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 10}, core="887A-1H")
    make_core(db, {"1": 10}, core="887C-1H")
    importing(db, "expedition,core,section,top_mbsf\n145,887A-1H,1,0\n145,887C-1H,1,0.05\n")

    importing(db, "site,hole,core,type,cumulative offset (m)\n887,A,1,H,0\n887,C,1,H,0.25\n")

    rows, _ = log_of(db, "887C-1H", DepthScale.COMPOSITE)
    assert rows[0]["top in composite (m)"] == "0.3"
    assert rows[0]["top in hole (m)"] == "0.05"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (TypedDepths(), "expected a depth to add"),
        (TypedDepths(section="1", top_in_core_um=-1), "got a negative one"),
        (TypedDepths(section="9", top_in_core_um=1), "got '9'; known: 1, 2, 3"),
        (TypedDepths(top_in_core_um=1), "expected --section"),
        (TypedDepths(section="1", shift_um=1), "they are of the whole core"),
        (TypedDepths(section="1", top_in_core_um=1, gap_above_um=1), "expected one of --top-cm"),
        (TypedDepths(section="1", curated_length_um=0), "got 0"),
        (TypedDepths(section="1", top_in_core_um=1, withdraws=True), "--withdraw alone"),
    ],
)
def test_what_is_typed_and_makes_no_sense_is_refused(
    db: Path, typed: TypedDepths, says: str
) -> None:
    with pytest.raises(DepthLedgerError, match=says):
        edit_depths(db, "887A-1H", typed, CLOCK)


def test_no_store_is_made_by_a_mistyped_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a database"):
        importing(tmp_path / "none.db", PLAIN)
    assert not (tmp_path / "none.db").exists()


class NextDay(StoppedClock):
    """A clock that stands still a day later."""

    def utc_rfc3339(self) -> str:
        return "2026-02-01T00:00:00.000Z"


def test_depths_that_are_added_while_a_daemon_runs_are_handed_to_it(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correct, "PATIENCE_S", 0.0)
    with Store.open(db, clock=CLOCK, announce=payloads) as daemon:
        said = importing(db, PLAIN)
        assert said[-1] == "another downcore has the store open and takes it up at its next look"
        typed = TypedDepths(section="2", top_in_core_um=310_000)
        edit_depths(db, "887A-1H", typed, NextDay(), why="read from the log sheet")
        daemon.take_requests()
        assert not daemon.has_requests()
    with Reader.open(db) as reader:
        made = reader.depth_versions()
    assert [one.draft.why for one in made] == ["", "read from the log sheet"]
    assert made[1].draft.sections[0].top_um == 310_000


def test_depths_that_a_killed_daemon_took_up_are_not_added_twice(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correct, "PATIENCE_S", 0.0)
    with Store.open(db, clock=CLOCK, announce=payloads) as daemon:
        importing(db, PLAIN)
        monkeypatch.setattr(requests, "remove", lambda _: False)
        daemon.take_requests()
    with Store.open(db, clock=CLOCK, announce=payloads) as daemon:
        daemon.take_requests()
    with Reader.open(db) as reader:
        assert len(reader.depth_versions()) == 1


def test_a_request_for_depths_that_makes_no_sense_is_left_out_and_said(
    db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = requests.folder_of(db)
    folder.mkdir()
    for n, text in enumerate(('{"kind": "depths"}', '{"kind": "depths", "source": "typed"}', "[]")):
        (folder / f"{n}.json").write_text(text)
    with Store.open(db, clock=CLOCK, announce=payloads) as daemon:
        daemon.take_requests()
        assert not daemon.has_requests()
    assert caplog.text.count("not a request, left out") == 3


def test_a_plate_of_a_core_is_drawn_by_depth_in_it_without_the_tray(db: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plate needs the extra 'demo'")
    importing(db, PLAIN)

    found = drawn(db, "887A-1H")

    assert found.plate.is_depth_in_core
    spans = [(one.top_um, one.bottom_um) for one in found.plate.sections]
    assert spans == [(0, 300_000), (300_000, 600_000), (700_000, 900_000)]
    assert found.plate.title == "Core 145 887A-1H, sections 1, 2, 3"
    assert "not drawn below the length of the section: 145-887A-1H-2" in found.notes


def test_sections_that_are_only_joined_say_so_and_why(db: Path) -> None:
    found = drawn(db, "887A-1H")

    assert not found.plate.is_depth_in_core
    assert "depths begin again with each section: no depth in the core is known" in found.plate.note


def test_a_plate_of_a_hole_has_depth_in_the_hole(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 10}, core="887A-1H")
    make_core(db, {"1": 10}, core="887A-2H")
    importing(db, "expedition,core,section,top_mbsf\n145,887A-1H,1,0\n145,887A-2H,1,0.2\n")

    plate = drawn(db, "887A").plate

    assert plate.depth_name == "Depth in hole"
    assert [one.top_um for one in plate.sections] == [0, 200_000]


def test_an_expanded_section_is_compressed_on_a_plate_as_in_the_log(db: Path) -> None:
    text = PLAIN.replace("curated_length_cm", "curated_length_cm,expanded_length_cm")
    importing(db, text.replace("2,30,30", "2,30,16,32"))

    plate = drawn(db, "887A-1H").plate

    assert (plate.sections[1].top_um, plate.sections[1].bottom_um) == (300_000, 460_000)
    rows, _ = log_of(db)
    assert rows[31]["top in core (cm)"] == "30.5"


def test_a_notebook_has_the_same_log_of_a_core(db: Path) -> None:
    pytest.importorskip("pandas")
    importing(db, PLAIN)
    log = downcore.open(db)

    assert log.cores() == ("145-887A-1H",)
    core = log.core("887A-1H")
    assert repr(core) == "<CoreView 145-887A-1H: 3 sections>"
    found = core.log(depth="core")
    assert repr(found) == "<CoreDepthLog 887A-1H by depth in core: 80 slices of 3 sections, 1 gaps>"
    frame = found.to_pandas()
    rows, notes = log_of(db)
    assert found.notes == notes
    assert list(frame.columns) == [column.name for column in CORE_LOG_COLUMNS]
    assert frame["top in core (cm)"].tolist() == [float(row["top in core (cm)"]) for row in rows]
    assert frame["value"].isna().sum() == 1
    with pytest.raises(SectionError, match="section, core, hole, composite"):
        core.log(depth="age")


def test_a_record_of_an_older_version_has_an_empty_ledger(db: Path) -> None:
    with sqlite3.connect(db) as connection:
        for table in ("section_depth", "core_depth", "depth_version"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 5")

    out = io.StringIO()
    list_cores(db, out)
    assert "145-887A-1H" in out.getvalue()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["import", "depths.csv", "--db", "a.db"], OK),
        (["import", "none.csv", "--db", "a.db"], BAD_INPUT),
        (["edit", "887A-1H", "--section", "01", "--top-cm", "0,5", "--db", "a.db"], OK),
        (["edit", "887A-1H", "--section", "1", "--top-cm", "deep", "--db", "a.db"], 2),
        (["show", "--db", "a.db"], OK),
    ],
)
def test_depths_on_the_command_line(
    db: Path, words: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.with_name("depths.csv").write_text(PLAIN)
    monkeypatch.chdir(db.parent)
    monkeypatch.setattr(sys, "argv", ["downcore", "depths", *words])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert (ended.value.code or OK) == code


@pytest.mark.skipif(REAL is None, reason="DOWNCORE_REAL_DATA is not set")
def test_odp_887a_is_one_log_at_the_depths_of_its_published_table(tmp_path: Path) -> None:
    folder = Path(REAL or "") / "odp887"
    db = tmp_path / "887.db"
    for core, n_sections in (("887A-1H", 5), ("887A-2H", 7)):
        n_cm = {}
        for section in range(1, n_sections + 1):
            image = cv2.imread(str(folder / f"145-{core}-{section}.png"))
            assert image is not None
            n_cm[str(section)] = -(-image.shape[0] * 10 // 174)
        make_core(db, n_cm, core=core)
    with (folder / "odp887A_slices_1cm.csv").open() as file:
        published = {
            (row["section"], row["slice"]): float(row["depth_mbsf"])
            for row in csv.DictReader(file)
            if not row["section"].endswith("CC")
        }

    import_depths(db, [folder / "logs" / "odp887A_section_summary.csv"], CLOCK)
    rows, _ = log_of(db, "887A", DepthScale.HOLE)

    middles = {
        (row["section"], row["slice"]): sum(
            float(row[f"{end} in hole (m)"]) for end in ("top", "bottom")
        )
        / 2
        for row in rows
        if row["section"]
    }
    assert len(middles) == 1602
    assert middles.keys() == published.keys()
    assert all(abs(middles[key] - published[key]) <= 0.001 for key in published)
    (gap,) = [row for row in rows if not row["section"]]
    assert (gap["top in hole (m)"], gap["bottom in hole (m)"]) == ("6.44", "6.7")
    in_core, _ = log_of(db, "887A-2H", DepthScale.CORE)
    assert in_core[0]["top in core (cm)"] == "0.0"
    assert in_core[0]["top in hole (m)"] == "6.7"
