"""What a person sees of measured logs: in the log, its CSV, status and doctor, from a real run."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from core_store import StoppedClock, make_core, row_at
from followed_logs import FollowedLogs, followed_logs

import downcore
from downcore.commands.doctor import _check_loggers
from downcore.commands.log_table import write_csv, write_table
from downcore.commands.measured_slices import measured_notes
from downcore.commands.status import status_lines
from downcore.service.daemon import Daemon
from downcore.settings import load_settings
from downcore.store import Reader
from downcore.store.stored_values import StoredRow
from downcore.strata.measured import MeasuredPoint

SECTION = "145-887A-1H-1"
HEAD = "SB_DEPTH_cm,SECT_NUM_cm,SECT_DEPTH_cm,PWVel_m/s,Den_gm/cc,MS\n"


def table_of(logs: FollowedLogs) -> str:
    out = io.StringIO()
    write_table(logs.store.path, SECTION, out)
    return out.getvalue()


def test_the_log_has_the_measured_mean_of_each_centimetre_beside_the_predicted_value(
    tmp_path: Path,
) -> None:
    rows = "0.2,1,0.2,1500,1.40,30\n0.7,1,0.7,1500,1.50,30\n5.5,1,5.5,1500,0.5,30\n"
    with followed_logs(tmp_path, {"1": 10}) as logs:
        logs.write("887A-1H.csv", (HEAD + rows + "12.5,1,12.5,1500,1.4,30\n").encode())
        logs.settle()
        said = table_of(logs)
        out = io.StringIO()
        write_csv(logs.store.path, SECTION, out)

    lines = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(one["measured"], one["measured flags"]) for one in lines[:6:5]] == [
        ("1.45", ""),
        ("0.5", "out of range"),
    ]
    assert lines[1]["measured"] == ""
    assert "measured: 12 values of 887A-1H.csv (OSU core repository table), 1 of them" in said
    assert "3 measured values lie below the last row" in said
    assert "0.5 (out of range)" in said


def test_the_log_has_what_rows_and_picture_say_together_and_the_stored_rows_stay(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{cm}.5,1,{cm}.5,1500,1.80,30\n" for cm in (1, 4, 7))
    with followed_logs(tmp_path, {"1": 40}) as logs:
        before = table_of(logs)
        logs.write("887A-1H.csv", (HEAD + rows).encode())
        logs.settle()
        out = io.StringIO()
        write_csv(logs.store.path, SECTION, out)
        frame = downcore.open(logs.store.path)[SECTION].to_pandas()
        said = table_of(logs)

    lines = [
        one for one in csv.DictReader(io.StringIO(out.getvalue())) if one["property"] == "density"
    ]
    assert [float(lines[cm]["profile"]) for cm in (1, 4, 7)] == pytest.approx([1.8] * 3, abs=0.05)
    assert lines[4]["value"] != lines[4]["profile"]
    assert "with 3 measured rows, the nearest 0.0 cm away" in lines[4]["profile reason"]
    assert lines[35]["profile"] == "", "27 cm below the last row the prediction stands"
    density = frame[frame["property"] == "density"]
    assert density["profile"].iloc[4] == pytest.approx(float(lines[4]["profile"]))
    assert "density with it" in said
    assert "density with it" not in before


def test_a_log_that_lies_too_deep_is_said_with_how_far_and_one_in_place_is_not() -> None:
    truth = np.convolve(np.random.default_rng(1).normal(size=170), np.ones(7) / 7, mode="same")
    density = 1.5 + 0.1 * truth[10:160]
    rows = []
    for i, value in enumerate(density):
        row = row_at(i)
        estimate = replace(row.estimates[0], value=float(value))
        rows.append(StoredRow("s", 1, replace(row, estimates=(estimate,))))

    def notes_at(lag: int) -> str:
        points = [
            MeasuredPoint(10_000 * (i + lag) + 5_000, "density", float(value), 11_774, "MSCL", "")
            for i, value in enumerate(density)
            if 0 <= i + lag < 150
        ]
        return "\n".join(measured_notes(points, rows))

    assert "but with r 1.00 if the measured log lies 4 cm too deep" in notes_at(4)
    assert "but with r 1.00 if the measured log lies 6 cm too shallow" in notes_at(-6)
    assert "agree with r 1.00 over 130 slices; no offset is significant" in notes_at(0)


def test_status_and_doctor_name_the_logger_and_what_is_not_used(tmp_path: Path) -> None:
    with followed_logs(tmp_path, {"1": 10}) as logs:
        logs.write("887A-1H.csv", (HEAD + "0.5,1,0.5,1500,1.4,30\n1,7,1,1500,1.4,30\n").encode())
        logs.write("notes.txt", b"lunch at noon\n")
        logs.settle()
        said = "\n".join(status_lines(logs.store.path))
        config = tmp_path / "edge.toml"
        config.write_text('[loggers]\npath = "logger"\n[store]\npath = "a.db"\n')
        check = _check_loggers(load_settings(config))

    assert (
        "logger: 887A-1H.csv  2 rows, 1 without a section (no scan of section 7 of core "
        "145-887A-1H is in the store), last new row 2026-02-01"
    ) in said
    assert "logger: 1 not read: it names no depth" in said
    assert check.is_ok
    assert "887A-1H.csv" in check.finding
    assert not _check_loggers(load_settings(None)).advice


def test_a_run_that_ends_when_idle_has_read_the_logger_to_its_last_line(tmp_path: Path) -> None:
    db = make_core(tmp_path / "a.db", {"1": 10})
    for folder in ("inbox", "logger"):
        (tmp_path / folder).mkdir()
    log = tmp_path / "logger" / "887A-1H.csv"
    log.write_text(HEAD + "0.5,1,0.5,1500,1.4,30\n1.5,1,1.5,1500,1.5,31")
    config = tmp_path / "edge.toml"
    config.write_text(
        '[loggers]\npath = "logger"\n[store]\npath = "a.db"\n[composition]\nenabled = false\n'
        '[mqtt]\nenabled = false\n[terminal]\nenabled = false\n[predict]\nbundles = ["resnet-18"]\n'
    )

    Daemon(load_settings(config), clock=StoppedClock()).run(ends_when_idle=True)

    with Reader.open(db) as reader:
        density = [one.value for one in reader.measured_of(SECTION) if one.property == "density"]
    assert density == [1.4, 1.5]
