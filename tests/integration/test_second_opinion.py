"""Flags on measured logs as a person meets them: from a growing file through a real daemon."""

import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from core_store import StoppedClock, make_core
from followed_logs import SetClock

import downcore.commands.flags as flags_command
from downcore.commands.flags import acknowledge, list_flags
from downcore.commands.log_table import write_csv, write_table
from downcore.publish import payloads
from downcore.service.daemon import Daemon
from downcore.service.logger_folder import LoggerFolder
from downcore.service.second_opinion import SecondOpinion
from downcore.settings import load_settings
from downcore.sources.inbox.leaving_out import LeaveOut
from downcore.store import Reader, Store
from downcore.strata.errors import UnknownFlagError
from downcore.strata.flags import Flag, FlagEventKind, is_open
from downcore.strata.second_opinion.codes import Code

SECTION = "145-887A-1H-1"
HEAD = "SB_DEPTH_cm,SECT_NUM_cm,SECT_DEPTH_cm,PWVel_m/s,Den_gm/cc,MS\n"
LENGTH_CM = 100


def log_rows(n: int, *, void_from: int = 1_000, section: int = 1, seed: int = 1) -> str:
    """Return rows of a log that follows what make_core predicts, but for a void of 6 cm."""
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(n):
        density = 1.6 + i / 1000 + 0.004 * rng.normal()
        if void_from <= i < void_from + 6:
            density -= 0.35
        lines.append(f"{i}.5,{section},{i}.5,,{density:.4f},\n")
    return "".join(lines)


@dataclass
class Watched:
    """A record, a logger's folder, and both that follow them."""

    folder: Path
    store: Store
    clock: SetClock

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.logs = LoggerFolder(
            self.folder, self.store, self.clock, settle_s=20.0, leave_out=LeaveOut()
        )
        self.opinion = SecondOpinion(self.store, self.clock)

    def write(self, text: str) -> None:
        (self.folder / "887A-1H.csv").write_text(HEAD + text)

    def settle(self) -> None:
        for wait_s in (1_000.0, 2_000.0):
            self.clock.now_s += wait_s
            self.logs.look()
            self.opinion.look()

    @property
    def flags(self) -> list[Flag]:
        with Reader.open(self.store.path) as reader:
            return reader.flags()

    @property
    def head(self) -> int:
        with Reader.open(self.store.path) as reader:
            return reader.origin().head_seq


@pytest.fixture(name="watched")
def _watched(tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "logger"
    folder.mkdir()
    db = make_core(tmp_path / "a.db", {"1": LENGTH_CM, "2": 80}, density_at=1.6)
    with Store.open(db, clock=SetClock(), announce=payloads) as store:
        yield Watched(folder, store, SetClock())


def test_a_void_in_a_growing_log_is_flagged_once_and_a_clean_log_is_not(watched: Watched) -> None:
    watched.write(log_rows(30))
    watched.settle()
    assert watched.flags == []
    watched.write(log_rows(80, void_from=40))
    watched.settle()

    (flag,) = watched.flags
    assert (flag.code, flag.property) == (Code.DENSITY_VOID, "density")
    assert abs(flag.top_um - 400_000) <= 20_000
    assert abs(flag.bottom_um - 460_000) <= 20_000
    assert is_open(flag)


def test_a_restart_writes_nothing_twice(watched: Watched) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    before, head = watched.flags, watched.head

    watched.restart()
    watched.settle()

    assert watched.flags == before
    assert watched.head == head


def test_a_flag_is_cleared_when_the_log_is_rewritten_without_its_cause(watched: Watched) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    watched.write(log_rows(80))
    watched.settle()

    (flag,) = watched.flags
    assert flag.is_cleared
    with Reader.open(watched.store.path) as reader:
        kinds = [one.kind for one in reader.flag_events(flag.flag_no)]
    assert kinds == [FlagEventKind.RAISED, FlagEventKind.CLEARED]
    out = io.StringIO()
    list_flags(watched.store.path, None, out)
    assert out.getvalue().startswith("no flags\ncleared: 1")


def test_an_instrument_that_stops_in_mid_row_keeps_the_flags_of_what_it_measured(
    watched: Watched,
) -> None:
    watched.write(log_rows(80, void_from=40)[:-9])
    watched.settle()
    assert [one.code for one in watched.flags if is_open(one)] == [Code.DENSITY_VOID]


def test_a_log_truncated_above_its_fault_loses_the_flag_and_nothing_else(watched: Watched) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    watched.write(log_rows(35))
    watched.settle()
    assert [one.is_cleared for one in watched.flags] == [True]


def test_the_log_marks_flagged_centimetres_and_its_csv_names_the_flag(watched: Watched) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    (flag,) = watched.flags
    out, table = io.StringIO(), io.StringIO()
    write_table(watched.store.path, SECTION, table)
    write_csv(watched.store.path, SECTION, out)

    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    marked = [int(one["slice"]) for one in rows if one["second opinion"] == "flag 1"]
    assert marked == list(range(flag.top_um // 10_000, flag.bottom_um // 10_000))
    assert "flag 1, " in table.getvalue()
    assert table.getvalue().count("flag 1 ") >= len(marked)


def test_a_flag_is_acknowledged_by_the_user_of_the_system_with_a_word(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    monkeypatch.setattr(flags_command, "user_name", lambda: "ann")
    monkeypatch.setattr("downcore.commands.correct.PATIENCE_S", 0.0)

    # The store is open, so the command leaves a request for who has it open.
    said = acknowledge(watched.store.path, 1, "gap at the liner")
    assert "takes it up at its next look" in said
    watched.store.take_requests()

    (flag,) = watched.flags
    assert (flag.acknowledged_by, flag.word) == ("ann", "gap at the liner")
    assert not is_open(flag)
    assert not flag.is_cleared
    out = io.StringIO()
    list_flags(watched.store.path, SECTION, out)
    assert "seen by ann" in out.getvalue()
    assert "gap at the liner" in out.getvalue()


def test_acknowledging_a_flag_that_is_not_there_says_how_to_find_the_others(
    watched: Watched,
) -> None:
    with pytest.raises(UnknownFlagError, match="downcore flags"):
        acknowledge(watched.store.path, 7, "")


def test_an_acknowledged_flag_stays_acknowledged_after_a_restart(watched: Watched) -> None:
    watched.write(log_rows(80, void_from=40))
    watched.settle()
    (flag,) = watched.flags
    monkey = replace(flag)
    with Reader.open(watched.store.path) as reader:
        assert reader.flag(flag.flag_no) == monkey
    watched.restart()
    watched.settle()
    assert watched.flags == [flag]


def test_a_real_daemon_flags_a_log_that_grows_and_takes_an_acknowledgement(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": LENGTH_CM}, density_at=1.6)
    for folder in ("inbox", "logger"):
        (tmp_path / folder).mkdir()
    log = tmp_path / "logger" / "887A-1H.csv"
    log.write_text(HEAD + log_rows(30))
    config = tmp_path / "edge.toml"
    config.write_text(
        '[loggers]\npath = "logger"\n[store]\npath = "a.db"\n[composition]\nenabled = false\n'
        '[mqtt]\nenabled = false\n[terminal]\nenabled = false\n[predict]\nbundles = ["resnet-18"]\n'
    )
    settings = load_settings(config)
    Daemon(settings, clock=StoppedClock()).run(ends_when_idle=True)
    with Reader.open(db) as reader:
        assert reader.flags() == []

    log.write_text(HEAD + log_rows(80, void_from=40))
    Daemon(settings, clock=StoppedClock()).run(ends_when_idle=True)
    with Reader.open(db) as reader:
        (flag,) = reader.flags()
    assert flag.code is Code.DENSITY_VOID

    acknowledge(db, flag.flag_no, "seen")
    Daemon(settings, clock=StoppedClock()).run(ends_when_idle=True)
    with Reader.open(db) as reader:
        (after,) = reader.flags()
        kinds = [one.kind for one in reader.flag_events(flag.flag_no)]
    assert after.word == "seen"
    assert kinds == [FlagEventKind.RAISED, FlagEventKind.ACKNOWLEDGED]
    assert threading.active_count() < 20
