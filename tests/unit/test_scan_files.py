"""Whether what was read of a scan's files still holds when they are listed again."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.listing import SeenFile

TOP = SeenFile(Path("/inbox/a.tif"), 1000, 1, 7, 1)
BOTTOM = SeenFile(Path("/inbox/b.tif"), 500, 1, 8, 1)


def files(*seen: SeenFile, beside: str = "") -> ScanFiles:
    return ScanFiles("", cast("Any", None), seen, signature="", beside=beside)


def test_a_file_that_grew_and_strips_that_got_one_more_are_gone_on_with() -> None:
    before = files(TOP)

    assert files(TOP).continues(before)
    assert files(replace(TOP, size=1001, mtime_ns=2)).continues(before)
    assert files(TOP, BOTTOM).continues(before)


def test_a_file_that_got_shorter_was_replaced_or_is_gone_is_read_anew() -> None:
    before = files(TOP, BOTTOM)

    assert not files(TOP, replace(BOTTOM, size=499)).continues(before)
    assert not files(TOP, replace(BOTTOM, inode=9)).continues(before)
    assert not files(TOP, replace(BOTTOM, device=2)).continues(before)
    assert not files(replace(TOP, size=2000)).continues(before)
    assert not files(TOP, replace(BOTTOM, path=Path("/inbox/c.tif"))).continues(before)


def test_a_file_whose_sidecar_changed_is_read_anew() -> None:
    assert not files(TOP, beside="new").continues(files(TOP, beside="old"))
