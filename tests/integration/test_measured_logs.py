"""A core logger's files are followed as they grow: nothing is lost, and nothing is silent."""

import json
import logging
import sqlite3
import tempfile
from pathlib import Path

import pytest
from core_store import make_core
from followed_logs import FollowedLogs, followed_logs
from hypothesis import given, settings
from hypothesis import strategies as st
from log_samples import PLAIN, Sample, variants

from downcore.loggers import read_log
from downcore.publish.payloads import schema_id
from downcore.store import Reader
from downcore.strata.depth_ledger import CoreName, DepthSource, Draft, SectionEntry
from downcore.strata.record import OutboxKind

SAMPLES = tuple(variants())
HEAD = (
    b"887A-1H\r\nSB DEPTH\tSECT NUM\tSECT DEPTH\tCT\tPWAmp\tPWVel\tDen1\tMS1\tImp\tFP\r\n"
    b"cm\t\tcm\tcm\t\tm/s\tg/cm3\t1e-5 SI\t\t\r\n"
)
NAME = "887A-1H.out"


def row(section: int, depth_cm: float, density: str = "1.45", ms: str = "30") -> bytes:
    core_cm = depth_cm + 100 * (section - 1)
    return (
        f"{core_cm:g}\t{section}\t{depth_cm:g}\t6.6\t100\t1500\t{density}\t{ms}\t2000\t0.7\r\n"
    ).encode()


def density_of(logs: FollowedLogs, section: str = "1") -> list[tuple[float, float, str]]:
    return [
        (one.depth_um / 10_000, one.value, one.flag)
        for one in logs.points(f"145-887A-1H-{section}")
        if one.property == "density"
    ]


def values_once(content: bytes, name: str) -> list[tuple[object, ...]]:
    """Return what is kept of a file that is read once, when it is finished."""
    with tempfile.TemporaryDirectory() as place, followed_logs(Path(place)) as logs:
        logs.write(name, content)
        logs.settle()
        return [one[1:] for one in logs.values()]


def test_rows_enter_as_the_file_grows_and_half_a_row_waits(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0, "1.52")[:14])
        logs.look()
        assert density_of(logs) == [(1.0, 1.45, "")]

        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0, "1.52") + row(2, 3.0, "1.61"))
        logs.look()

        assert density_of(logs) == [(1.0, 1.45, ""), (2.0, 1.52, "")]
        assert density_of(logs, "2") == [(3.0, 1.61, "")]
        point = logs.points("145-887A-1H-2")[0]
        assert (point.instrument, point.file_name) == ("Geotek MSCL-S processed log (.out)", NAME)


def test_a_log_that_breaks_off_in_mid_row_keeps_no_half_row_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0, "1.52")[:14])
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, "")]
    assert "the last line ends in the middle of a row and is left out" in caplog.text


def test_a_whole_last_line_without_an_end_counts_once_the_file_is_finished(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0).rstrip())
        logs.look()
        assert [depth for depth, *_ in density_of(logs)] == [1.0]
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, ""), (2.0, 1.45, "cut off")]


def test_a_rewritten_file_counts_in_place_of_what_it_was_and_nothing_is_destroyed(
    tmp_path: Path,
) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0) + row(1, 3.0))
        logs.settle()
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0, "1.70"))
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, ""), (2.0, 1.7, "")]
        ended = logs.store._database.conn.execute(
            "SELECT line, value FROM measured_row WHERE superseded_by IS NOT NULL"
            " AND property = 'density' ORDER BY line"
        ).fetchall()
        assert ended == [(1, 1.45), (2, 1.45)]


def test_a_file_that_is_emptied_keeps_its_rows_until_it_has_others(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()
        logs.write(NAME, b"")
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, "")]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM measured_row",
        "DELETE FROM measured_file",
        "UPDATE measured_row SET value = 9",
        "UPDATE measured_row SET superseded_by = NULL",
        "UPDATE measured_file SET n_rows = 9",
    ],
)
def test_the_record_lets_nobody_change_what_was_measured(tmp_path: Path, sql: str) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()

        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            logs.store._database.conn.execute(sql)


def test_rows_without_a_section_are_kept_and_said_and_matched_once_it_is_scanned_or_placed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    content = b"SB_DEPTH_cm,hiresMS\n1,30\n120,45\n"
    with followed_logs(tmp_path) as logs:
        logs.write("887A-1H.csv", content)
        logs.settle()
        assert logs.points("145-887A-1H-1") == []
        assert "2 rows, 2 without a section (nothing says where the sections of core" in caplog.text

        core = CoreName("145", "887A-1H")
        places = (SectionEntry(core, "1", top_um=0), SectionEntry(core, "2", top_um=1_000_000))
        logs.store.add_depths(Draft(DepthSource.TYPED, "ann", sections=places))
        logs.clock.now_s += 60.0
        logs.look()

        first, second = logs.points("145-887A-1H-1"), logs.points("145-887A-1H-2")
        assert [(one.depth_um, one.value) for one in first] == [(10_000, 30.0)]
        assert [(one.depth_um, one.value) for one in second] == [(200_000, 45.0)]
        assert first[0].footprint_um == 11_774, "a point sensor"


def test_each_commit_is_announced_with_what_it_adds_and_what_it_ends(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + row(2, 1.0))
        logs.settle()
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()
        with Reader.open(logs.store.path) as reader:
            said = [one for one in reader.entries(0, 10_000) if one.kind is OutboxKind.MEASURED]

        one, two, gone = [json.loads(entry.payload) for entry in said]
        assert one["schema"] == schema_id("measured")
        assert (one["section_id"], two["section_id"]) == ("145-887A-1H-1", "145-887A-1H-2")
        assert [value["property"] for value in one["values"]] == ["density", "vp", "ms"]
        assert (gone["section_id"], gone["values"]) == ("145-887A-1H-2", [])
        assert [value["line"] for value in gone["withdrawn"]] == [1, 1, 1]


def test_a_foreign_file_is_named_once_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write("notes.txt", b"lunch at noon\n")
        for _ in range(3):
            logs.settle()
        logs.restart()
        logs.settle()

        with Reader.open(logs.store.path) as reader:
            (file,) = reader.measured_files()
        assert (file.summary.state, file.summary.n_rows) == ("refused", 0)
        assert "names no depth" in file.summary.reason
    assert caplog.text.count("notes.txt: not read as a log") == 2, "once in each start"


def test_a_log_that_stops_is_said_to_have_no_new_row_since(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.look()
        logs.write(NAME, HEAD + row(1, 1.0) + row(1, 2.0))
        logs.look()
        logs.clock.now_s += 601.0
        logs.look()
        logs.look()

    assert caplog.text.count("no new row since 2026-02-01T00:00:12.000Z") == 1


def test_values_that_may_not_be_used_are_flagged_as_a_whole(tmp_path: Path) -> None:
    rows = b"".join(row(1, cm, "2.4") for cm in range(1, 11))
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + rows + row(1, 11, "0.9") + row(1, 12, "n/a?"))
        logs.settle()

        flags = [flag for _, _, flag in density_of(logs)]
        assert flags == ["doubted"] * 10 + ["out of range"]
        (odd,) = [one for one in logs.values() if one[11] == "unreadable"]
        assert odd[10] is None


@pytest.mark.parametrize("sample", PLAIN, ids=lambda one: f"{one.format}, {one.label}")
def test_every_format_ends_as_if_read_once_wherever_its_growth_was_seen(
    sample: Sample, tmp_path: Path
) -> None:
    name = f"887A-1H{'.out' if 'out' in sample.format else '.csv'}"
    once = values_once(sample.content, name)
    content = sample.content
    with followed_logs(tmp_path) as logs:
        for at in range(1, len(content), max(len(content) // 25, 1)):
            logs.write(name, content[:at])
            logs.look()
        logs.write(name, content)
        logs.settle()

        assert [one[1:] for one in logs.values()] == once


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_growth_cuts_rewrites_and_restarts_end_as_the_last_file_read_once(
    data: st.DataObject,
) -> None:
    sample = data.draw(st.sampled_from(SAMPLES))
    name = f"887A-1H{'.out' if 'out' in sample.format else '.csv'}"
    final = sample.content
    steps = st.tuples(st.integers(0, len(final)), st.sampled_from(["cut", "other", "restart"]))
    with tempfile.TemporaryDirectory() as place, followed_logs(Path(place)) as logs:
        for at, kind in data.draw(st.lists(steps, max_size=6)):
            if kind == "restart":
                logs.restart()
                logs.look()
                continue
            changed = final.replace(b"1.4", b"1.6") if kind == "other" else final
            logs.write(name, changed[:at])
            (logs.settle if at % 3 == 0 else logs.look)()
        logs.write(name, final)
        logs.settle()

        assert [one[1:] for one in logs.values()] == values_once(final, name)


def test_a_start_that_was_killed_between_two_commits_goes_on(tmp_path: Path) -> None:
    content = HEAD + b"".join(row(1, cm / 10) for cm in range(900))
    asked = iter([False] * 4 + [True] * 1_000)
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, content)
        logs.logs._is_stopping = lambda: next(asked)
        logs.settle()
        n_kept = len(logs.values())
        assert 0 < n_kept < 2_700
        logs.restart()
        logs.settle()

        assert [one[1:] for one in logs.values()] == values_once(content, NAME)
        assert len(density_of(logs)) == 900
        n_rows = logs.store._database.conn.execute("SELECT count(*) FROM measured_row").fetchone()
        assert n_rows == (2_700,), "nothing was written twice"


def test_a_file_of_several_parts_is_as_one_and_only_its_end_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("downcore.loggers._parts.PART_LINES", 50)
    rows = [row(1 + i // 100, (i % 100) + 0.5) for i in range(180)]
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + b"".join(rows[:120]))
        logs.settle()
        logs.write(NAME, HEAD + b"".join(rows))
        logs.settle()

        log = read_log(logs.folder / NAME)
        kept = [(one[1], one[10]) for one in logs.values() if one[2] == "density"]
        assert kept == list(enumerate(log.density.tolist()))
        for n_rows in (100, 30):
            logs.write(NAME, HEAD + b"".join(rows[:n_rows]))
            logs.settle()
            assert len(logs.values()) == 3 * n_rows


def said_of(logs: FollowedLogs) -> str:
    with Reader.open(logs.store.path) as reader:
        (file,) = reader.measured_files()
    return f"{file.summary.state}: {file.summary.reason}{file.summary.notes}"


def test_a_header_that_is_repeated_is_counted_and_every_row_is_kept(tmp_path: Path) -> None:
    head = HEAD.split(b"\r\n", 1)[1]
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0) + head + row(1, 2.0))
        logs.settle()

        assert [depth for depth, *_ in density_of(logs)] == [1.0, 2.0]
        assert "1 repeated header rows were left out" in said_of(logs)


def test_a_second_header_with_other_columns_is_said_and_the_rows_above_it_stay(
    tmp_path: Path,
) -> None:
    other = b"SB DEPTH\tSECT NUM\tSECT DEPTH\tMS1\tDen1\r\n"
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()
        logs.write(NAME, HEAD + row(1, 1.0) + other + b"2\t1\t2\t30\t1.5\r\n")
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, "")]
        assert "refused: expected one log, got another header after 1 rows" in said_of(logs)


def test_depth_that_goes_back_is_said_and_every_row_is_kept(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 5.0) + row(1, 6.0, "1.5") + row(1, 2.0, "1.6") + row(1, 7.0))
        logs.settle()

        assert [value for _, value, _ in density_of(logs)] == [1.6, 1.45, 1.5, 1.45]
        assert "depth goes back 1 times within a section" in said_of(logs)


def test_calibration_pieces_are_no_rows_of_the_core(tmp_path: Path) -> None:
    piece = row(1, 1.0).replace(b"\t1\t", b"\tCAL 2\t", 1)
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + piece + row(1, 1.0, "1.5"))
        logs.settle()

        assert density_of(logs) == [(1.0, 1.5, "")]
        assert "1 calibration rows were left out" in said_of(logs)


def test_a_unit_that_is_converted_is_ours_and_one_that_is_not_is_flagged(tmp_path: Path) -> None:
    in_km = HEAD.replace(b"m/s", b"km/s").replace(b"g/cm3", b"furlong")
    rows = b"".join(row(1, cm).replace(b"\t1500\t", b"\t1.5\t") for cm in range(1, 8))
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, in_km + rows)
        logs.settle()

        points = logs.points("145-887A-1H-1")
        assert {(p.value, p.flag) for p in points if p.property == "vp"} == {(1500.0, "")}
        assert {p.flag for p in points if p.property == "density"} == {"other unit"}


def test_a_file_that_goes_away_leaves_its_rows(tmp_path: Path) -> None:
    with followed_logs(tmp_path) as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()
        (logs.folder / NAME).unlink()
        logs.settle()

        assert density_of(logs) == [(1.0, 1.45, "")]


def test_both_halves_of_a_section_have_what_was_measured_of_it(tmp_path: Path) -> None:
    make_core(tmp_path / "a.db", {"1": 10}, half="W")
    with followed_logs(tmp_path, half="A") as logs:
        logs.write(NAME, HEAD + row(1, 1.0))
        logs.settle()

        points = logs.points("145-887A-1H-1-A")
        assert len(points) == 3
        assert logs.points("145-887A-1H-1-W") == points
