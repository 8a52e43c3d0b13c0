"""What ``run --once`` shows on a terminal: each thing once, with its count and its command."""

import logging
from pathlib import Path

import pytest
from core_store import StoppedClock, make_core

from downcore.commands.once_summary import LeftOver, summary
from downcore.commands.once_view import WarningsOnce
from downcore.publish import payloads
from downcore.store import Store
from downcore.strata.record import ScanState

QUESTION = (
    "at 20 px/cm the sediment is {cm} cm wide, expected 2 to 20 cm. Is that right? "
    "`downcore accept {name}` if so, else `downcore redo {name} --px-per-cm N`"
)
TWENTY = "(GC10.tif, GC11.tif, GC12.tif and 17 more)"
PATTERN = "(a pattern such as 'GC01_*' answers for several)"
NOTHING_LEFT = LeftOver({}, {})
LONG_AGO = "2000-01-01T00:00:00Z"


def stored(folder: Path) -> Path:
    """Make a record of two sections that are done."""
    path = make_core(folder / "downcore.db", {"1": 3, "2": 4})
    with Store.open(path, clock=StoppedClock(), announce=payloads) as store:
        for section in ("145-887A-1H-1", "145-887A-1H-2"):
            store.set_scan_state(section.encode().hex().zfill(32), ScanState.DONE, "")
    return path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def logger(said: list[str]) -> logging.Logger:
    logger = logging.getLogger("downcore.tests.once")
    logger.propagate = False
    logger.handlers = [WarningsOnce(said.append)]
    return logger


def test_a_warning_that_holds_for_many_scans_is_said_once_and_then_counted(
    logger: logging.Logger, said: list[str]
) -> None:
    for n in range(400):
        logger.warning("%s: %s", f"GC{n}.tif", f"'GC{n}' has {n} rows too many")

    assert said == ["warning: GC0.tif: 'GC0' has 0 rows too many"]
    (counts,) = [one.counts() for one in logger.handlers if isinstance(one, WarningsOnce)]
    assert list(counts) == ["warning: 399 more like: GC0.tif: 'GC0' has 0 rows too many"]


def test_warnings_of_different_kinds_are_each_said(logger: logging.Logger, said: list[str]) -> None:
    logger.warning("%s: %s", "a.tif", "no colour")
    logger.warning("%s: %s", "b.tif", "no scale")
    logger.warning("no connection to %s:%d", "127.0.0.1", 1883)

    assert len(said) == 3


def test_what_the_summary_groups_by_reason_is_not_said_before(
    logger: logging.Logger, said: list[str]
) -> None:
    logger.info("station online")
    logger.warning("%s: set aside: %s", "a.tif", "damaged")
    logger.warning("section %s waits: %s", "GC01_01", "is that right?")

    assert said == []


def test_an_error_is_said_each_time(logger: logging.Logger, said: list[str]) -> None:
    for _ in range(3):
        logger.critical("stage %s died", "regions")

    assert len(said) == 3


def test_the_summary_of_a_run_says_sections_and_centimetres_in_one_line(tmp_path: Path) -> None:
    db = stored(tmp_path)

    (done, *_) = summary(db, LONG_AGO, NOTHING_LEFT, " --config edge.toml")

    assert done == "done: 2 sections, 7 cm; 'downcore log --config edge.toml' lists them"
    assert next(summary(db, "2999-01-01T00:00:00Z", NOTHING_LEFT, "")) == "done: 0 sections, 0 cm"


def test_files_set_aside_are_one_line_a_reason_with_the_command_that_releases_them(
    tmp_path: Path,
) -> None:
    db = stored(tmp_path)
    refused = {f"GC{n:02d}.tif": f"cut short after {n} lines" for n in range(40)}

    lines = list(summary(db, "2999", LeftOver(refused | {"x.png": "grey"}, {}), " --db a.db"))

    assert lines[1:] == [
        "set aside: 41 files",
        "  40: cut short after 0 lines (GC00.tif, GC01.tif, GC02.tif and 37 more)",
        "  1: grey (x.png)",
        "  once that is mended: downcore release FILE --db a.db",
    ]


def test_a_reason_that_names_its_own_file_is_still_one_line_for_many_files() -> None:
    refused = {
        f"/inbox/core {n}/a.tif": f"got none: /inbox/core {n}/a.tif; set px_per_cm"
        for n in (1, 2, 3)
    }

    seen = LeftOver(refused, {}).seen_from(Path("/inbox"))

    assert seen.refused == {
        "core 1/a.tif": "got none; set px_per_cm",
        "core 2/a.tif": "got none; set px_per_cm",
        "core 3/a.tif": "got none; set px_per_cm",
    }


def test_copies_are_one_warning_whatever_sections_and_files_they_name(
    logger: logging.Logger, said: list[str]
) -> None:
    for n, of in ((1, "1H-CC"), (2, "2H-1")):
        logger.warning(
            "section %s: %s: %s", f"GC{n}", f"/inbox/GC{n}.tif", f"the same content as scan {of}"
        )

    assert len(said) == 1


def test_questions_alike_are_said_once_with_the_two_commands_that_answer(tmp_path: Path) -> None:
    db = stored(tmp_path)
    asked = {f"GC{n}.tif": QUESTION.format(cm=60 + n, name=f"GC{n}") for n in range(10, 30)}

    lines = list(summary(db, "2999", LeftOver({}, asked), " --config edge.toml"))

    assert lines[1:] == [
        "waiting for an answer: 20 scans",
        f"  20: {QUESTION.format(cm=70, name='').partition('. Is')[0]} {TWENTY}",
        "     if that is right: downcore accept GC10 --config edge.toml",
        f"     if not: downcore redo GC10 --px-per-cm N --config edge.toml {PATTERN}",
    ]


def test_a_run_that_could_not_finish_says_so_last(tmp_path: Path) -> None:
    db = stored(tmp_path)

    *_, last = summary(db, LONG_AGO, LeftOver({}, {}, "the inbox cannot be listed"), "")

    assert last == "NOT FINISHED: the inbox cannot be listed"
