import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from downcore.sources.inbox.events import RETRY_S, Follower, Hint
from downcore.sources.inbox.mounts import file_system_of, is_network_share

PATIENCE_S = 10.0


class Seconds:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def follower(inbox: Path, clock: Seconds) -> Iterator[Follower]:
    with Follower(inbox, file_system=lambda _: "ext4", monotonic_s=clock) as following:
        yield following


def hints_until(follower: Follower, is_enough: Callable[[Hint], bool]) -> set[Path]:
    """Gather hints until one is enough; fails when none comes."""
    closed: set[Path] = set()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        hint = follower.wait(1.0)
        closed |= hint.closed
        if is_enough(hint):
            return closed
    pytest.fail("no hint came that was waited for")


def test_nothing_happens_in_a_quiet_inbox(follower: Follower) -> None:
    assert follower.is_watching
    assert follower.wait(0.0) == Hint(woken=False)


def test_a_file_that_its_writer_closed_is_a_hint(follower: Follower, inbox: Path) -> None:
    (inbox / "GC01_01.tif").write_bytes(b"core")
    wanted = inbox / "GC01_01.tif"
    assert wanted in hints_until(follower, lambda hint: wanted in hint.closed)


def test_a_file_still_being_written_wakes_but_is_not_closed(
    follower: Follower, inbox: Path
) -> None:
    with (inbox / "GC01_01.tif").open("wb") as file:
        file.write(b"strip")
        file.flush()
        closed = hints_until(follower, lambda hint: hint.woken)
        assert closed == set()


@pytest.mark.parametrize("place", ["inbox", "outside"])
def test_a_file_renamed_into_place_is_a_hint(follower: Follower, inbox: Path, place: str) -> None:
    before = (inbox if place == "inbox" else inbox.parent) / "GC01_01.tif.part"
    before.write_bytes(b"core")
    wanted = inbox / "GC01_01.tif"
    before.rename(wanted)
    assert wanted in hints_until(follower, lambda hint: wanted in hint.closed)


def test_a_file_in_a_new_folder_is_a_hint(follower: Follower, inbox: Path) -> None:
    (inbox / "LP161B").mkdir()
    hints_until(follower, lambda hint: hint.woken)
    wanted = inbox / "LP161B" / "optical.tif"
    wanted.write_bytes(b"core")
    hints_until(follower, lambda hint: hint.woken)


def test_reading_a_scan_is_no_hint(follower: Follower, inbox: Path) -> None:
    wanted = inbox / "GC01_01.tif"
    wanted.write_bytes(b"core")
    hints_until(follower, lambda hint: wanted in hint.closed)
    for _ in range(20):
        wanted.read_bytes()
    marker = inbox / "marker"
    marker.write_bytes(b"x")
    closed = hints_until(follower, lambda hint: marker in hint.closed)
    assert wanted not in closed, "our own reading must not look like the scanner's writing"


def test_a_network_share_is_not_watched_but_waiting_works(inbox: Path) -> None:
    with Follower(inbox, file_system=lambda _: "cifs") as follower:
        assert not follower.is_watching
        (inbox / "GC01_01.tif").write_bytes(b"core")
        assert follower.wait(0.05) == Hint(woken=False)


def test_an_inbox_that_is_not_mounted_yet_is_watched_once_it_is(
    tmp_path: Path, clock: Seconds
) -> None:
    inbox = tmp_path / "later"
    with Follower(inbox, file_system=lambda _: "ext4", monotonic_s=clock) as follower:
        assert not follower.is_watching
        assert not follower.wait(0.0).woken
        inbox.mkdir()
        assert not follower.wait(0.0).woken, "it is tried again only now and then"
        clock.now_s += RETRY_S
        assert follower.wait(0.0).woken, "what happened unwatched must be looked for"
        assert follower.is_watching


def test_an_inbox_that_was_replaced_is_watched_again(
    follower: Follower, inbox: Path, clock: Seconds
) -> None:
    shutil.rmtree(inbox)
    inbox.mkdir()
    # The new folder may get the number of the old one; then the observer's end tells of it.
    deadline_s = time.monotonic() + PATIENCE_S
    while follower.is_watching and time.monotonic() < deadline_s:
        follower.wait(0.01)
    assert not follower.is_watching
    clock.now_s += RETRY_S
    hints_until(follower, lambda hint: hint.woken)
    wanted = inbox / "GC01_01.tif"
    wanted.write_bytes(b"core")
    hints_until(follower, lambda hint: wanted in hint.closed)


def test_an_observer_that_died_is_started_again(follower: Follower, clock: Seconds) -> None:
    observer = follower._observer
    assert observer is not None
    observer.stop()
    observer.join(PATIENCE_S)
    assert not follower.is_watching
    clock.now_s += RETRY_S
    assert follower.wait(0.0).woken, "what happened unwatched must be looked for"
    assert follower.is_watching


def test_an_overflow_in_watchdogs_log_is_a_hint_to_look(follower: Follower) -> None:
    logging.getLogger("watchdog.observers.inotify_c").warning(
        "Inotify queue overflowed; filesystem events were lost"
    )
    assert follower.wait(PATIENCE_S) == Hint(woken=True)
    assert follower.wait(0.0) == Hint(woken=False), "a hint is given once"


def test_following_leaves_no_thread_and_no_open_file_behind(inbox: Path) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only the number is wanted

    before = threading.active_count(), open_files()
    for _ in range(3):
        with Follower(inbox, file_system=lambda _: "ext4") as follower:
            assert follower.is_watching
    deadline = time.monotonic() + PATIENCE_S
    while (threading.active_count(), open_files()) != before and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert (threading.active_count(), open_files()) == before


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/core\040logger rw,relatime shared:9 - cifs //logger/images rw
31 22 0:41 / /mnt/nas rw - nfs4 nas:/images rw
32 31 0:42 / /mnt/nas/local rw - xfs /dev/sdb1 rw
33 22 0:43 / /home/tech/logger rw - fuse.sshfs tech@logger: rw
34 22 8:17 / /media/stick rw - fuseblk /dev/sdc1 rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind", "is_share"),
    [
        ("/data/inbox", "ext4", False),
        ("/mnt/core logger/inbox", "cifs", True),
        ("/mnt/nas", "nfs4", True),
        ("/mnt/nas/local/inbox", "xfs", False),
        ("/mnt/nasty", "ext4", False),
        ("/home/tech/logger/a/b", "fuse.sshfs", True),
        ("/media/stick/x", "fuseblk", False),
    ],
)
def test_the_mount_table_tells_shares_from_disks(folder: str, kind: str, *, is_share: bool) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind
    assert is_network_share(kind) is is_share
