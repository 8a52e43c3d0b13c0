"""A scan whose scale or side is doubted waits, without a row, until a person answers once."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, core_lines, expected_log, job_of
from small_bundle import write_bundle
from typer.testing import CliRunner

from downcore.cli import app
from downcore.commands.correct import request_of
from downcore.commands.correction_targets import find_targets
from downcore.commands.process import process_at
from downcore.publish.sinks._terminal_lines import lines_of
from downcore.simulator.scanner import pattern_named
from downcore.store import Reader
from downcore.store.requests import hand_over
from downcore.strata.scan_corrections import AskedReading, CorrectionRequest, Verb
from downcore.strata.scan_doubts import Cause, DoubtRules

ASK = DoubtRules(ask=True)
WRONG = "1.25"
"""A tenth of the scale, so that the core would be more than half a metre wide."""


@cache
def core(seed: int = 3) -> NDArray[np.uint8]:
    return core_lines(seed, length_cm=8.6, width_cm=7.0)


def steps(folder: Path, name: str = "GC01", *, seed: int = 3, pattern: str = "growing-tiff") -> (
    Iterator[Path]
):  # fmt: skip
    for step in pattern_named(pattern).write(job_of(core(seed), folder, name)):
        yield step.path


def write(folder: Path, name: str = "GC01", *, seed: int = 3) -> Path:
    return list(steps(folder, name, seed=seed))[-1]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path, doubts=ASK, px_per_cm=WRONG) as device:
        yield device


def questions(device: Device) -> list[str]:
    with Reader.open(device.database) as reader:
        return [one.status.reason for one in reader.questioned()]


def n_rows(device: Device) -> int:
    return int(device.all("SELECT count(*) FROM slice")[0][0])


def answer(device: Device, verb: Verb, asked: str, reading: AskedReading | None = None) -> None:
    """Leave a request for the device that runs, as a command does."""
    targets = find_targets(device.database, verb, asked)
    request = request_of(verb, asked, targets, reading=reading or AskedReading(), why="measured")
    hand_over(device.database, replace(request, made_by="anna"))


def states(device: Device, section: str = "GC01") -> list[str]:
    """Return the announced states, as terminal and MQTT give them."""
    with Reader.open(device.database) as reader:
        return [
            json.loads(entry.payload)["state"]
            for entry in reader.entries(0, 1000)
            if entry.kind == "state" and entry.section_id == section
        ]


def test_a_scan_of_the_wrong_scale_waits_with_a_question_and_no_row(device: Device) -> None:
    write(device.inbox)
    device.rest()

    (asked,) = questions(device)
    assert "53.6 cm wide, expected 2 cm to 20 cm" in asked
    assert "`downcore accept GC01`" in asked
    assert "`downcore redo GC01 --px-per-cm N`" in asked
    assert n_rows(device) == 0
    assert device.scheduler.questioned == {str(device.inbox / "GC01.tif"): asked}
    assert not device.round().n_waiting, "nothing is left to do but to wait for a person"
    with Reader.open(device.database) as reader:
        (state,) = [e for e in reader.entries(0, 99) if '"questioned"' in e.payload]
    assert json.loads(state.payload)["reason"] == asked
    assert lines_of(state) == [f"GC01  questioned: {asked}"]


def test_an_accepted_scan_is_read_as_it_is_and_never_asked_about_again(device: Device) -> None:
    write(device.inbox)
    device.rest()
    answer(device, Verb.ACCEPT, "GC01")
    device.rest()

    assert questions(device) == []
    assert device.only_log() == expected_log(core(), px_per_cm=WRONG)
    assert device.scans("state") == [("done",)]
    said = device.all("SELECT verb, made_by, why, causes, px_per_cm, top FROM correction")
    assert said == [("accept", "anna", "measured", "width", "5/4", "up")]
    device.restart()
    device.rest()
    shutil.copy(device.inbox / "GC01.tif", device.inbox / "GC09.tif")
    device.rest()
    assert questions(device) == [], "the answer is of the content"


def test_a_redo_is_the_other_answer(device: Device) -> None:
    write(device.inbox)
    device.rest()
    answer(device, Verb.REDO, "GC01", AskedReading(px_per_cm=PX_PER_CM))
    device.rest()

    assert questions(device) == []
    assert device.scans("state", "px_per_cm") == [("superseded", "5/4"), ("done", "25/2")]
    with Reader.open(device.database) as reader:
        standing = reader.standing_scan("GC01")
    assert standing is not None
    assert device.log_of(standing.scan.scan_id) == expected_log(core())


def test_a_scale_corrected_in_the_settings_is_an_answer_too(device: Device) -> None:
    write(device.inbox)
    device.rest()
    device.px_per_cm = PX_PER_CM
    device.restart()
    device.rest()

    assert questions(device) == []
    assert device.scans("state") == [("superseded",), ("done",)]


def test_a_scan_that_grows_is_asked_about_from_its_first_centimetres_and_catches_up(
    device: Device,
) -> None:
    asked_at: list[int] = []
    i = 0
    for i, path in enumerate(steps(device.inbox)):
        device.round(path)
        if questions(device):
            asked_at.append(i)
        assert n_rows(device) == 0 or len(asked_at) > 3
        if len(asked_at) == 3:
            answer(device, Verb.ACCEPT, "GC01")
            asked_at.append(-1)
    assert asked_at[0] < i - 3, "long before the scan is complete"
    device.rest()

    assert states(device).count("questioned") == 1
    assert device.only_log() == expected_log(core(), px_per_cm=WRONG)


def test_the_question_is_the_same_however_the_scan_came(tmp_path: Path) -> None:
    asked: set[str] = set()
    for name, pattern in (("live", "growing-tiff"), ("whole", "bmp-bottom-up")):
        home = tmp_path / name
        home.mkdir()
        with Device(home, doubts=ASK, px_per_cm=WRONG) as device:
            for path in steps(device.inbox, pattern=pattern):
                device.round(path)
            device.rest()
            asked.update(questions(device))
    assert len(asked) == 1


def test_a_restart_keeps_the_question_and_asks_no_second_time(device: Device) -> None:
    write(device.inbox)
    device.rest()
    before = questions(device)
    for _ in range(2):
        device.restart()
        device.rest()

    assert questions(device) == before
    assert states(device).count("questioned") == 1
    answer(device, Verb.ACCEPT, "GC01")
    device.restart()
    device.rest()
    assert device.only_log() == expected_log(core(), px_per_cm=WRONG)


def test_another_scan_with_the_same_cause_is_asked_about_unless_a_pattern_was_accepted(
    device: Device,
) -> None:
    write(device.inbox, "GC01_01")
    device.rest()
    answer(device, Verb.ACCEPT, "GC01_01")
    write(device.inbox, "GC01_02", seed=4)
    device.rest()
    assert len(questions(device)) == 1

    answer(device, Verb.ACCEPT, "GC01_*")
    device.rest()
    write(device.inbox, "GC01_03", seed=5)
    write(device.inbox, "GC02_01", seed=6)
    device.rest()
    (asked,) = questions(device)
    assert "accept GC02_01" in asked
    assert [one for (one,) in device.scans("state")] == ["done", "done", "done", "seen"]


def test_an_accepted_pattern_does_not_answer_for_another_cause(device: Device) -> None:
    write(device.inbox, "GC01_01")
    device.rest()
    answer(device, Verb.ACCEPT, "GC01_*")
    device.rest()
    path = write(device.inbox, "GC01_02_upside-down", seed=4)
    device.rest(path)
    assert len(questions(device)) == 1


def test_a_setting_answers_for_all(tmp_path: Path) -> None:
    for rules in (DoubtRules(), replace(ASK, not_asked=frozenset(Cause)),
                  replace(ASK, max_width_cm=100.0)):  # fmt: skip
        home = tmp_path / str(len(list(tmp_path.iterdir())))
        home.mkdir()
        with Device(home, doubts=rules, px_per_cm=WRONG) as device:
            write(device.inbox)
            device.rest()
            assert (questions(device), device.scans("state")) == ([], [("done",)])


def test_a_core_read_from_the_wrong_side_waits(tmp_path: Path) -> None:
    with Device(tmp_path, doubts=ASK, top="left") as device:
        device.doubts = ASK
        pixels = core_lines(length_cm=16.0, width_cm=7.0)
        for step in pattern_named("growing-tiff").write(job_of(pixels, device.inbox)):
            device.round(step.path)
        device.rest()
        (asked,) = questions(device)
        assert "wide" in asked
        assert "--top up" in asked
        assert n_rows(device) == 0


def said(px_per_cm: str) -> CorrectionRequest:
    return request_of(Verb.PROCESS, "GC03.tif", reading=AskedReading(px_per_cm=px_per_cm))


def test_a_scale_that_the_folders_scans_do_not_have_waits_and_is_answered_with_theirs(
    tmp_path: Path,
) -> None:
    with Device(tmp_path, doubts=ASK) as device:
        for n in (1, 2):
            write(device.inbox, f"GC0{n}", seed=n)
        device.rest()
        assert questions(device) == []
        path = write(device.inbox, "GC03", seed=7)
        twice = replace(device.station, said=said("25"))
        (outcome,) = process_at(twice, [path], on_slices=lambda *_: None)

        assert not outcome.is_stored
        assert "have as many pixels across and 12.5 px/cm, this one 25 px/cm" in outcome.sentence
        assert "--px-per-cm 12.5`" in outcome.sentence


def test_scans_that_are_read_again_as_changed_settings_say_are_not_asked_about_one_by_one(
    tmp_path: Path,
) -> None:
    with Device(tmp_path, doubts=ASK, px_per_cm="9") as device:
        for n in (1, 2, 3):
            write(device.inbox, f"GC0{n}", seed=n)
        device.rest()
        device.px_per_cm = PX_PER_CM
        device.restart()
        device.rest()
        assert questions(device) == []
        assert device.scans("state") == [("superseded",)] * 3 + [("done",)] * 3


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_process_asks_and_force_insists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOWNCORE_DOUBTS__ASK", raising=False)
    monkeypatch.setenv("DOWNCORE_COMPOSITION__ENABLED", "false")
    bundle = write_bundle(tmp_path / "small")
    image, db = write(tmp_path), str(tmp_path / "a.db")
    given = ("process", str(image), "--px-per-cm", WRONG, "--db", db, "--bundle", str(bundle))
    code, said = run(*given)
    assert code == 1
    assert "53.6 cm wide" in said
    assert run("log", "--db", db)[1].count("GC01 waits") == 1

    code, said = run(*given, "--force")
    assert (code, "cm" in said) == (0, True), said
    assert "accept" in run("corrections", "--db", db)[1]
    assert run(*given)[0] == 0, "not asked again"


def test_accept_of_what_does_not_wait_says_what_does(device: Device) -> None:
    write(device.inbox)
    device.rest()
    device.stop()
    code, _ = run("accept", "GC02", "--db", str(device.database))
    assert code == 1
    device.start()
    with pytest.raises(Exception, match="waiting: GC01"):
        find_targets(device.database, Verb.ACCEPT, "GC02")
