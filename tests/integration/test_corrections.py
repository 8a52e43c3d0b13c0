"""A person corrects what scans were read as: one command, nothing lost, nothing doubled."""

import io
import logging
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from played_device import PX_PER_CM, Device, core_lines, expected_log, job_of

from downcore.commands.log_table import write_table
from downcore.commands.process import process_at
from downcore.commands.status import status_lines
from downcore.simulator.scanner import pattern_named
from downcore.sources.inbox.name_patterns import NamePattern
from downcore.store import Reader
from downcore.store.requests import hand_over
from downcore.store.waiting_corrections import waiting_corrections
from downcore.strata.scan_corrections import AskedReading, CorrectionRequest, Verb

WRONG = "10"
UTC = "2026-02-01T03:04:05Z"


@cache
def core() -> NDArray[np.uint8]:
    return core_lines()


def write(folder: Path, name: str = "GC01", *, pixels: NDArray[np.uint8] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    job = job_of(core() if pixels is None else pixels, folder, name, may_replace=True)
    for step in pattern_named("growing-tiff").write(job):
        path = step.path
    return path


def standing(device: Device) -> list[tuple[str, str]]:
    """Return section and scan of what stands, in the order of sections."""
    return device.all(
        "SELECT section_id, scan_id FROM scan WHERE superseded_by IS NULL"
        " AND duplicate_of IS NULL AND left_out = '' ORDER BY section_id"
    )


def ask(device: Device, verb: Verb, *sections: str, n: int = 1, **more: object) -> None:
    """Leave a request for the device that runs, as a command does."""
    known = dict(standing(device))
    scan_ids = tuple(known[section] for section in sections)
    request = CorrectionRequest(
        f"request {verb} {n}",
        verb,
        "anna",
        UTC,
        "GC*",
        scan_ids=scan_ids,
        **more,  # type: ignore[arg-type]
    )
    hand_over(device.database, request)


def redo(device: Device, *sections: str, n: int = 1, **reading: str) -> None:
    ask(device, Verb.REDO, *sections, n=n, reading=AskedReading(**reading), why="a typing error")


def expected(px_per_cm: str = PX_PER_CM) -> object:
    return expected_log(core(), px_per_cm=px_per_cm)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Device(tmp_path) as device:
        yield device


def test_a_scale_corrected_in_the_settings_makes_a_new_scan_that_supersedes(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.px_per_cm = WRONG
    device.restart()
    for name in ("GC01", "GC02"):
        write(device.inbox, name, pixels=core_lines(seed=len(name) + int(name[-1])))
    device.rest()
    before = device.scans("scan_id")
    device.px_per_cm = PX_PER_CM
    device.restart()
    with caplog.at_level(logging.INFO):
        device.rest()

    assert device.scans("state", "px_per_cm", "px_per_cm_from") == [
        ("superseded", "10", "settings"),
        ("superseded", "10", "settings"),
        ("done", "25/2", "settings"),
        ("done", "25/2", "settings"),
    ]
    assert device.scans("scan_id")[:2] == before, "the old scans are kept"
    assert device.log_of(standing(device)[0][1]) == expected_log(core_lines(seed=5))
    again = [r.message for r in caplog.records if "read again" in r.message]
    assert again == ["2 scans that were done are read again: scale, top or section is another now"]


def test_a_scale_set_back_lets_the_first_scan_stand_again_without_a_new_row(
    device: Device,
) -> None:
    write(device.inbox)
    device.rest()
    for px_per_cm in (WRONG, PX_PER_CM, WRONG, PX_PER_CM):
        device.px_per_cm = px_per_cm
        device.restart()
        device.rest()
        assert device.log_of(standing(device)[0][1]) == expected(px_per_cm)

    assert device.scans("state") == [("done",), ("superseded",)]


def test_a_top_corrected_in_the_settings_makes_a_new_scan_that_supersedes(device: Device) -> None:
    device.top = "left"
    device.restart()
    write(device.inbox)
    device.rest()
    device.top = "up"
    device.restart()
    device.rest()

    assert device.scans("state", "top") == [("superseded", "left"), ("done", "up")]
    assert device.log_of(standing(device)[0][1]) == expected()


def test_a_name_pattern_corrected_in_the_settings_renames_the_section(device: Device) -> None:
    write(device.inbox, "mud_7")
    device.rest()
    device.patterns = (NamePattern("own", "(?P<core>mud)_(?P<section>[0-9]+)"),)
    device.restart()
    device.rest()

    ((section, scan_id),) = standing(device)
    assert section == "MUD-7"
    assert device.scans("section_id", "superseded_by")[0] == ("mud_7", scan_id)
    assert device.log_of(scan_id) == expected()


def test_what_is_left_to_the_settings_is_not_read_again_when_they_say_the_same_otherwise(
    device: Device,
) -> None:
    write(device.inbox)
    device.rest()
    n_asked = device.predictors[0].n_slices
    device.px_per_cm = "25/2"
    device.top = "up"
    device.restart()
    device.rest()

    assert len(device.scans("scan_id")) == 1
    assert device.predictors[0].n_slices == n_asked


def test_forty_sections_are_redone_at_another_scale_by_one_request(device: Device) -> None:
    device.px_per_cm = WRONG
    device.slices_per_step = 50
    device.restart()
    names = [f"GC01_{n:02d}" for n in range(1, 41)]
    for n, name in enumerate(names):
        write(device.inbox, name, pixels=core_lines(seed=n, length_cm=2.3))
    device.rest()
    assert [section for section, _ in standing(device)] == names
    redo(device, *names, px_per_cm=PX_PER_CM)

    # Killed in the middle, twice, in the middle of a section.
    device.slices_per_step = 1
    for n_rounds in (9, 31):
        device.restart()
        for _ in range(n_rounds):
            device.round(after_s=20)
    n_partly = sum(state == "superseded" for (state,) in device.scans("state"))
    assert 0 < n_partly < 40, "expected the kill in the middle"
    (said,) = waiting_lines(device)
    assert said.startswith(f"redo GC*, by anna, {UTC}: {40 - n_partly} of 40 still to be read")
    last = names[-1]
    assert "these rows are still those of before redo GC* by anna" in table(device, last)
    assert f"correction: {said}" in "\n".join(status_lines(device.database))
    device.slices_per_step = 50
    device.restart()
    device.rest()

    scans = device.scans("section_id", "state", "px_per_cm", "px_per_cm_from")
    assert len(scans) == 80
    assert [(s[1], s[2]) for s in scans] == [("superseded", "10")] * 40 + [("done", "25/2")] * 40
    for n, (section, scan_id) in enumerate(standing(device)):
        assert section == names[n]
        pixels = core_lines(seed=n, length_cm=2.3)
        assert device.log_of(scan_id) == expected_log(pixels)
    doubled = device.all("SELECT count(*) FROM correction"), len(names)
    assert doubled[0] == [(doubled[1],)]
    assert waiting_lines(device) == []
    assert "these rows are still" not in table(device, last)


def test_a_rename_waits_until_the_section_has_its_rows(device: Device) -> None:
    write(device.inbox)
    device.rest()
    ask(device, Verb.RENAME, "GC01", reading=AskedReading(section="GC07"))
    device.round()
    device.stop()
    assert len(waiting_lines(device)) <= 1
    device.start()
    device.rest()
    assert [section for section, _ in standing(device)] == ["GC07"]
    assert waiting_lines(device) == []
    ask(device, Verb.RENAME, "GC07", n=2, reading=AskedReading(section="GC01"))
    device.rest()
    assert waiting_lines(device) == [], "a correction that another one took back does not wait"


def waiting_lines(device: Device) -> list[str]:
    with Reader.open(device.database) as reader:
        return [str(one) for one in waiting_corrections(reader)]


def table(device: Device, section: str) -> str:
    out = io.StringIO()
    write_table(device.database, section, out)
    return out.getvalue()


def test_a_correction_outlasts_the_settings_and_a_restart(device: Device) -> None:
    write(device.inbox)
    device.rest()
    redo(device, "GC01", px_per_cm=WRONG)
    device.rest()
    assert device.log_of(standing(device)[0][1]) == expected(WRONG)
    device.px_per_cm = "11"
    device.restart()
    device.rest()

    assert device.scans("px_per_cm", "px_per_cm_from")[-1] == ("10", "correction")
    assert len(device.scans("scan_id")) == 2
    redo(device, "GC01", n=2)
    device.rest()
    assert device.log_of(standing(device)[0][1]) == expected("11"), "a bare redo takes it back"


def test_a_correction_is_of_the_content_and_follows_it_to_another_place(device: Device) -> None:
    path = write(device.inbox)
    device.rest()
    redo(device, "GC01", px_per_cm=WRONG)
    device.rest()
    shutil.move(path, write(device.inbox / "archive").with_name("GC01.tif"))
    device.rest()
    device.restart()
    device.rest()

    logs = {device.log_of(scan_id) for _, scan_id in standing(device)}
    assert logs == {expected(WRONG)}


def test_another_scan_in_the_same_place_is_read_as_the_settings_say(device: Device) -> None:
    write(device.inbox)
    device.rest()
    redo(device, "GC01", px_per_cm=WRONG)
    device.rest()
    write(device.inbox, pixels=core_lines(seed=8))
    device.rest()

    assert device.log_of(standing(device)[0][1]) == expected_log(core_lines(seed=8))


def test_a_scan_is_corrected_while_it_grows(device: Device) -> None:
    steps = pattern_named("growing-tiff").write(job_of(core(), device.inbox))
    device.round()
    for _, _ in zip(range(6), steps, strict=False):
        device.round()
    assert device.scans("state") == [("growing",)]
    redo(device, "GC01", px_per_cm=WRONG)
    device.round()
    for _ in steps:
        device.round()
    device.rest()

    assert device.log_of(standing(device)[0][1]) == expected(WRONG)
    device.restart()
    device.rest()
    assert device.scans("state") == [("superseded",), ("done",)]


def test_a_renamed_section_has_its_rows_under_the_new_name_alone(device: Device) -> None:
    write(device.inbox)
    device.rest()
    ask(device, Verb.RENAME, "GC01", reading=AskedReading(section="GC05_02"))
    device.rest()
    device.restart()
    device.rest()

    ((section, scan_id),) = standing(device)
    assert (section, device.log_of(scan_id)) == ("GC05_02", expected())
    for n, name in enumerate(("GC06", "GC01", "GC05_02"), start=2):
        ((before, _),) = standing(device)
        ask(device, Verb.RENAME, before, n=n, reading=AskedReading(section=name))
        device.rest()
        assert [one for one, _ in standing(device)] == [name]
    assert device.log_of(standing(device)[0][1]) == expected()


def test_process_of_the_same_file_at_another_scale_supersedes_and_is_kept(device: Device) -> None:
    path = write(device.inbox)
    device.rest()
    said = CorrectionRequest(
        "r", Verb.PROCESS, "anna", UTC, "", reading=AskedReading(px_per_cm=WRONG)
    )
    from dataclasses import replace  # noqa: PLC0415

    (outcome,) = process_at(replace(device.station, said=said), [path], on_slices=lambda *_: None)
    assert outcome.is_stored
    device.restart()
    device.rest()

    assert device.log_of(standing(device)[0][1]) == expected(WRONG)
    assert device.scans("state") == [("superseded",), ("done",)]


def test_an_excluded_section_is_left_out_until_it_is_included(device: Device) -> None:
    write(device.inbox)
    device.rest()
    (scan,) = standing(device)
    ask(device, Verb.EXCLUDE, "GC01", why="a test scan")
    device.rest()
    assert standing(device) == []
    device.px_per_cm = WRONG
    device.restart()
    device.rest()
    assert standing(device) == [], "nor does it come back at another scale"

    include = CorrectionRequest("i", Verb.INCLUDE, "anna", UTC, "GC01", scan_ids=(scan[1],))
    hand_over(device.database, include)
    device.rest()
    assert device.log_of(standing(device)[0][1]) == expected(WRONG)


def test_a_bad_rescan_is_excluded_and_the_good_scan_stands_again(device: Device) -> None:
    write(device.inbox)
    device.rest()
    write(device.inbox, pixels=core_lines(seed=8))
    device.rest()
    ask(device, Verb.EXCLUDE, "GC01")
    device.rest()

    assert device.log_of(standing(device)[0][1]) == expected()


@pytest.mark.parametrize("verb", [Verb.EXCLUDE, Verb.FORGET])
def test_a_scan_that_is_left_out_while_it_grows_is_read_no_further(
    device: Device, verb: Verb
) -> None:
    steps = pattern_named("growing-tiff").write(job_of(core(), device.inbox))
    device.round()
    for _, _ in zip(range(6), steps, strict=False):
        device.round()
    ask(device, verb, "GC01")
    device.round()
    n_slices = device.all("SELECT count(*) FROM slice")
    for _ in steps:
        device.round()
    device.rest()

    assert device.all("SELECT count(*) FROM slice") == n_slices
    assert standing(device) == []


def test_another_scan_in_the_place_of_one_that_was_left_out_is_read(device: Device) -> None:
    steps = pattern_named("growing-tiff").write(job_of(core(), device.inbox))
    device.round()
    for _, _ in zip(range(6), steps, strict=False):
        device.round()
    ask(device, Verb.EXCLUDE, "GC01")
    device.round()
    write(device.inbox, pixels=core_lines(seed=8))
    device.rest()

    assert device.log_of(standing(device)[0][1]) == expected_log(core_lines(seed=8))


def test_a_file_without_a_scale_is_corrected_by_its_name(device: Device) -> None:
    device.px_per_cm = None
    device.restart()
    path = write(device.inbox)
    device.rest()
    assert "pixels per centimetre" in device.reasons()[path.name]
    reading = AskedReading(px_per_cm=PX_PER_CM)
    request = CorrectionRequest(
        "r", Verb.REDO, "anna", UTC, "GC01", paths=(str(path),), reading=reading
    )
    hand_over(device.database, request)
    device.rest()
    device.restart()
    device.rest()

    assert device.only_log() == expected()
    assert device.all("SELECT content_digest <> '' FROM correction") == [(1,)]


def test_a_file_that_killed_the_program_three_times_is_released(device: Device) -> None:
    path = write(device.inbox)
    key = _killed(device, path, n_times=4)
    device.rest()
    assert "died 3 times" in next(iter(device.reasons().values()))
    release = CorrectionRequest("r", Verb.RELEASE, "anna", UTC, "GC01", paths=(str(path),))
    hand_over(device.database, release)
    device.rest()

    assert device.only_log() == expected()
    assert device.all("SELECT 1 FROM quarantine WHERE identity = ?", key) == []


def _killed(device: Device, path: Path, *, n_times: int) -> str:
    from downcore.service.identity import attempt_key  # noqa: PLC0415
    from downcore.sources.inbox.grouping import ScanFilesFinder  # noqa: PLC0415
    from downcore.sources.inbox.listing import ListingLimits, list_inbox  # noqa: PLC0415

    (found,), _ = ScanFilesFinder().find(list_inbox(device.inbox, limits=ListingLimits()).files)
    for _ in range(n_times):
        device.station.store.quarantine_try(attempt_key(found), str(path), "")
    return attempt_key(found)


def test_a_request_is_applied_once_though_the_program_died_before_it_was_removed(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(device.inbox)
    device.rest()
    redo(device, "GC01", px_per_cm=WRONG)
    with monkeypatch.context() as patch:
        patch.setattr("downcore.store.requests.remove", lambda _: False)
        device.rest()
        assert not device.scheduler.has_requests(), "it would be looked at without end"
    device.restart()
    device.rest()

    assert device.all("SELECT count(*) FROM correction") == [(1,)]
    assert device.scans("state") == [("superseded",), ("done",)]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"verb": "drop"}', "[" * 5000, '{"request_id": 1}'],
    ids=["empty", "cut", "list", "verb", "deep", "number"],
)
def test_a_request_that_is_none_is_removed_and_harms_nothing(device: Device, text: str) -> None:
    folder = device.database.with_name(device.database.name + ".requests")
    folder.mkdir()
    (folder / "1.json").write_text(text)
    write(device.inbox)
    device.rest()

    assert device.only_log() == expected()
    assert list(folder.iterdir()) == []
