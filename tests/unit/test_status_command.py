"""What status says of a daemon that runs, ended, was killed or never ran; and of a backlog."""

import logging
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from downcore.cli import app
from downcore.commands.status import status_lines
from downcore.publish import payloads
from downcore.service.backlog import Backlog, BacklogPace, in_words
from downcore.service.live_status import (
    LONGEST_S,
    LiveStatus,
    ScanUnderWay,
    SinkStatus,
    StatusFile,
    read_status,
    status_file_of,
)
from downcore.service.repeated_warnings import N_IN_FULL, QUIET_S, RepeatedWarnings
from downcore.store import Store
from downcore.strata.reasons import grouped, shape_of, such_as
from downcore.strata.record import Run, Scan

NOW = datetime(2026, 2, 1, 0, 30, tzinfo=UTC)


class Clock:
    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_rfc3339(self) -> str:
        return "2026-02-01T00:00:00.000Z"


STATUS = LiveStatus(
    version="0.1.0",
    pid=4321,
    started_utc="2026-01-31T23:00:00.000Z",
    inbox="/srv/inbox",
    reasons=("less than 200 MB are free",),
    sinks=(
        SinkStatus(
            "mqtt",
            is_connected=False,
            problem="the broker refused: Not authorized",
            warning="",
            remark="",
        ),
    ),
    under_way=(ScanUnderWay("GC01_02", "GC01_02.tif", 34, 150, "waits for more lines"),),
    backlog=Backlog(n_done=12, n_left=28, seconds_left=840.0),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "downcore.db"
    with opened(path) as store:
        store.begin_run(Run("0.1.0", "", "", ""))
        store.open_scan(Scan("a", "GC01_01", "inbox/GC01_01.tif", "tiff", Fraction(200), "up"))
        with store._database.atomic():
            store._database.conn.executemany(
                "INSERT INTO quarantine VALUES (?, ?, ?, 1, '', '')",
                [(f"id {n}", f"s{n}.tif", f"expected a scale, got {n} px") for n in range(1650)],
            )
    return path


def opened(path: Path) -> Store:
    return Store.open(path, clock=Clock(), announce=payloads)


def said(path: Path) -> str:
    return "\n".join(status_lines(path, NOW))


def test_a_running_daemon_says_what_it_does_how_long_it_takes_and_what_is_wrong(
    path: Path,
) -> None:
    with opened(path):
        StatusFile(path, Clock()).write(STATUS)
        text = said(path)
        ran = CliRunner().invoke(app, ["status", "--db", str(path)])

    assert "running since 2026-01-31T23:00:00.000Z (process 4321, version 0.1.0)" in text
    assert "state: degraded\n  less than 200 MB are free" in text
    assert "mqtt: the broker refused: Not authorized" in text
    assert "backlog: 12 of 40 scans done, about 14 min left" in text
    assert "under way: GC01_02  34 of 150 cm; waits for more lines" in text
    assert "GB free in" in text
    assert "last rows: GC01_01  0 cm, seen" in text
    assert "1 announcements wait" in text
    assert ran.exit_code == 0, ran.output


def test_what_is_set_aside_is_said_once_a_reason_with_its_count(path: Path) -> None:
    lines = said(path).splitlines()

    (group,) = [line for line in lines if "expected a scale" in line]
    assert group.startswith("  1650: expected a scale, got ")
    assert group.endswith("and 1647 more)")


def test_a_daemon_that_has_ended_is_said_not_to_run_with_its_last_word_and_age(
    path: Path,
) -> None:
    file = StatusFile(path, Clock())
    file.write(STATUS)
    file.end("stopped in good order")

    ran = CliRunner().invoke(app, ["status", "--db", str(path)])

    assert said(path).startswith(
        "no daemon is running\nlast known state, of 2026-02-01T00:00:00.000Z, 30 min ago: "
        "stopped in good order"
    )
    assert "under way" not in said(path)
    assert ran.exit_code == 1


def test_a_daemon_that_was_killed_is_told_from_one_that_stopped(path: Path) -> None:
    StatusFile(path, Clock()).write(STATUS)

    assert "30 min ago: it did not end in good order" in said(path)


def test_where_no_daemon_ever_ran_that_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    text = said(tmp_path / "downcore.db")

    assert "no daemon is running" in text
    assert "store: expected a database" in text
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_another_command_has_open_is_no_running_daemon(path: Path) -> None:
    file = StatusFile(path, Clock())
    file.write(STATUS)
    file.end("stopped in good order")
    with opened(path):
        text = said(path)

    assert text.startswith("a daemon is starting, or another command has the store open")


def test_a_daemon_that_hangs_is_said_to_be_silent(path: Path) -> None:
    StatusFile(path, Clock()).write(STATUS)
    with opened(path):
        assert "silent: it last said something at 2026-02-01T00:00:00.000Z, 30 min ago" in said(
            path
        )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "1"}', "\x00" * 50])
def test_a_damaged_status_file_is_as_none(path: Path, text: str) -> None:
    status_file_of(path).write_text(text)

    assert read_status(path) is None
    assert "no daemon is running" in said(path)


def test_the_file_is_written_when_something_changed_and_now_and_then(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "downcore.db"
    file = StatusFile(path, clock)
    file.write(STATUS)
    other = Backlog(13, 27, 800.0)
    changed = LiveStatus(**{**{k: getattr(STATUS, k) for k in STATUS.__slots__}, "backlog": other})

    file.write(changed)
    early = read_status(path)
    clock.now_s = 1.0
    file.write(changed)
    later = read_status(path)
    status_file_of(path).unlink()
    clock.now_s = LONGEST_S
    file.write(changed)
    assert early is not None
    assert early.backlog == STATUS.backlog, "it was written twice within a second"
    assert later is not None
    assert later.backlog == other
    assert not status_file_of(path).exists(), "nothing changed, and no time has passed"
    clock.now_s = 1.0 + LONGEST_S
    file.write(changed)
    assert status_file_of(path).exists()


def test_a_status_that_cannot_be_written_is_said_once_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = StatusFile(tmp_path / "gone" / "downcore.db", Clock())

    file.write(STATUS)
    file.write(STATUS, at_once=True)

    assert caplog.text.count("cannot write") == 1


def test_the_time_that_is_left_follows_from_the_pace_so_far() -> None:
    pace = BacklogPace()

    assert pace.update(40, 4000, 100.0) == Backlog(0, 40, None)
    assert pace.update(30, 3000, 160.0) == Backlog(10, 30, 180.0)
    assert pace.update(35, 3500, 170.0) == Backlog(10, 35, 245.0), "new scans made less of it"
    assert pace.update(0, 0, 400.0).sentence() == ""
    assert pace.update(2, 200, 900.0) == Backlog(0, 2, None), "an old backlog counted"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (840, "14 min"), (7200, "2 h"), (400_000, "5 days")],
)
def test_spans_of_time_are_said_in_one_unit(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_reasons_that_differ_in_numbers_alone_are_one_group_the_largest_first() -> None:
    groups = grouped([("a", "no scale"), ("b", "7.5 px"), ("c", "12 px"), ("d", "1,650 px")])

    assert [(group.reason, group.n) for group in groups] == [("7.5 px", 3), ("no scale", 1)]
    assert such_as(groups[0].subjects, 2) == "b, c and 1 more"
    assert shape_of("1,650 of 12") == "# of #"


def warnings_of(n: int, created_s: float, name: str = "downcore.service.scan_record") -> list[bool]:
    repeats = RepeatedWarnings()
    return [repeats.filter(record(i, created_s * i, name)) for i in range(n)]


def record(number: int, created_s: float, name: str) -> logging.LogRecord:
    arguments = (f"s{number}.tif", f"got {number} px")
    one = logging.LogRecord(name, logging.WARNING, "", 0, "%s: set aside: %s", arguments, None)
    one.created = 1e9 + created_s
    return one


def test_one_reason_for_1650_scans_is_said_a_few_times_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    repeats = RepeatedWarnings()

    passed = [repeats.filter(record(n, 0.0, "downcore.service.scan_record")) for n in range(1650)]
    repeats.say_counts()

    assert sum(passed) == N_IN_FULL
    assert [one.getMessage() for one in caplog.records] == [
        "100 like this so far: s99.tif: set aside: got 99 px",
        "1000 like this so far: s999.tif: set aside: got 999 px",
        "1645 more like this: s1649.tif: set aside: got 1649 px",
    ]


def test_a_warning_that_comes_now_and_then_is_always_said() -> None:
    assert all(warnings_of(50, created_s=QUIET_S + 1))


def test_what_is_not_about_scans_is_never_counted_away() -> None:
    assert all(warnings_of(50, created_s=0.0, name="downcore.service.status_report"))
