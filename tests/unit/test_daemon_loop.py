"""The daemon's loop with its surroundings played: how often it looks, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from downcore.health import MIN_FREE_BYTES, lack_of_room
from downcore.publish import SinkHealth
from downcore.publish.payloads import StationState, StationStatus
from downcore.service import daemon as daemon_module
from downcore.service.daemon import Daemon
from downcore.service.scheduler import RemainingWork
from downcore.service.status_report import StatusReport
from downcore.settings import load_settings
from downcore.sources.inbox.events import Hint
from downcore.sources.inbox.leaving_out import LeftOut
from downcore.sources.inbox.listing import Listing, ListingProblem, SeenFile, Trouble
from downcore.sources.inbox.polling import FRESH_S, REST_PER_LISTING, ThrottledListing

NOTHING = Listing(files=(), not_yet=(), problems=(), is_listed=True)


@dataclass
class Clock:
    now_s: float = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_rfc3339(self) -> str:
        return "2026-01-31T23:59:59.123Z"


@dataclass
class SlowFolder:
    """A folder that takes its time to be looked at."""

    clock: Clock
    look_s: float
    n_listings: int = 0

    def look(self, _inbox: Path) -> Listing:
        self.n_listings += 1
        self.clock.now_s += self.look_s
        return NOTHING


def paced(folder: SlowFolder, *, settle_s: float = 20.0) -> ThrottledListing:
    return ThrottledListing(Path("inbox"), folder.clock, settle_s=settle_s, take=folder.look)


def test_a_look_serves_for_a_second_of_work_and_no_longer() -> None:
    clock = Clock()
    folder = SlowFolder(clock, look_s=0.1)
    listings = paced(folder)

    for _ in range(10):
        listings.list_inbox(may_be_the_last=True)
        clock.now_s += FRESH_S / 10 - 1e-3
    assert folder.n_listings == 1, "the folder was looked at before every turn"
    clock.now_s += 0.1
    listings.list_inbox(may_be_the_last=True)
    assert folder.n_listings == 2


def test_a_look_that_must_be_fresh_is_taken_at_once() -> None:
    folder = SlowFolder(Clock(), look_s=0.1)
    listings = paced(folder)

    for _ in range(3):
        listings.list_inbox(may_be_the_last=False)

    assert folder.n_listings == 3


def test_where_files_count_as_still_at_once_every_look_is_a_fresh_one() -> None:
    folder = SlowFolder(Clock(), look_s=0.0)
    listings = paced(folder, settle_s=0.0)

    for _ in range(3):
        listings.list_inbox(may_be_the_last=True)

    assert folder.n_listings == 3, "one look was taken for the two that stillness needs"


def test_a_look_serves_for_a_quarter_of_the_stillness_that_a_file_needs() -> None:
    folder = SlowFolder(Clock(), look_s=0.0)
    listings = paced(folder, settle_s=1.0)

    listings.list_inbox(may_be_the_last=True)
    folder.clock.now_s += 0.24
    listings.list_inbox(may_be_the_last=True)
    assert folder.n_listings == 1
    folder.clock.now_s += 0.02
    listings.list_inbox(may_be_the_last=True)
    assert folder.n_listings == 2, "a file could settle without a second look at the folder"


def test_a_folder_that_is_slow_to_look_at_is_given_rest() -> None:
    listings = paced(SlowFolder(Clock(), look_s=2.5))

    listings.list_inbox(may_be_the_last=False)

    assert listings.rest_s == pytest.approx(2.5 * REST_PER_LISTING)


@dataclass
class PlayedScheduler:
    """Has more to do in every round but the last, which stops the daemon."""

    daemon: Daemon
    clock: Clock
    n_rounds: int
    refused: dict[str, str] = field(default_factory=dict)
    doubt: str = ""
    left_out: tuple[LeftOut, ...] = ()
    questioned: dict[str, str] = field(default_factory=dict)

    def run_once(self, _listing: Listing, _closed: frozenset[Path]) -> RemainingWork:
        self.n_rounds -= 1
        self.clock.now_s += FRESH_S / 100
        if self.n_rounds == 0:
            self.daemon.stop()
        return RemainingWork(has_more=True, n_waiting=1)


@dataclass
class PlayedFollower:
    hints: Iterator[Hint]

    def wait(self, _timeout_s: float) -> Hint:
        return next(self.hints, Hint(woken=False))


@dataclass
class Heard:
    """A sink that notes what the station says of itself."""

    said: list[StationStatus] = field(default_factory=list)

    def report(self, status: StationStatus) -> None:
        self.said.append(status)

    def health(self) -> SinkHealth:
        return SinkHealth(is_connected=True)

    def stop(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(daemon_module, "notify_systemd", told.append)
    return told


def listings_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hints: list[Hint], **more: Any
) -> tuple[int, Heard]:
    """Run ten rounds with work to do; return how many looks were taken, and what was said."""
    clock = Clock()
    folder = SlowFolder(clock, look_s=0.0)
    settings = load_settings(
        None, inbox={"path": tmp_path}, store={"path": tmp_path / "downcore.db"}
    )
    daemon = Daemon(settings, clock=clock, **more)
    monkeypatch.setattr(daemon_module, "ThrottledListing", lambda *_a, **_k: paced(folder))
    scheduler = PlayedScheduler(daemon, clock, n_rounds=10, refused={"a.tif": "a grey image"})
    heard = Heard()
    report = StatusReport({"heard": heard}, clock)
    played = cast("Any", (scheduler, PlayedFollower(iter(hints)), report))
    daemon._loop(*played, ends_when_idle=False)
    return folder.n_listings, heard


def test_a_backlog_is_worked_off_without_a_look_before_every_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    n_listings, _heard = listings_in(tmp_path, monkeypatch, [])

    assert n_listings == 1
    assert sum("WATCHDOG=1" in one for one in told) == 10, "expected a ping for every turn"
    assert "1 set aside" in told[-1]


def test_a_hint_always_leads_to_a_fresh_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    hints = [Hint(woken=False), Hint(woken=True), Hint(woken=False), Hint(woken=True)]

    n_listings, _heard = listings_in(tmp_path, monkeypatch, hints)

    assert n_listings == 3
    assert told[0] == "READY=1"


def test_a_station_whose_disk_fills_up_says_once_that_it_is_degraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    del told

    _n_listings, heard = listings_in(
        tmp_path, monkeypatch, [], lack_of_room=lambda _store: "little is free"
    )

    assert [(one.state, one.reasons) for one in heard.said] == [
        (StationState.DEGRADED, ("little is free",))
    ]


def test_files_that_were_set_aside_are_no_fault_of_the_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    del told

    _n_listings, heard = listings_in(tmp_path, monkeypatch, [], lack_of_room=lambda _store: "")

    assert [one.state for one in heard.said] == [StationState.ONLINE]


def test_room_is_lacking_below_its_limit_and_not_at_it() -> None:
    store = Path("record/downcore.db")

    assert lack_of_room(store, lambda _: MIN_FREE_BYTES) == ""
    assert "200 MB are free in record" in lack_of_room(store, lambda _: MIN_FREE_BYTES - 1)


def test_a_disk_that_cannot_be_asked_is_left_to_the_store() -> None:
    def fails(_folder: Path) -> int:
        raise OSError(5, "Input/output error")

    assert lack_of_room(Path("downcore.db"), fails) == ""


@dataclass
class HalfRead(PlayedScheduler):
    """A scan was begun; what there is to do depends on the inbox alone."""

    out_of_reach: str = ""

    def run_once(self, listing: Listing, _closed: frozenset[Path]) -> RemainingWork:
        self.n_rounds -= 1
        if self.n_rounds == 0:
            self.daemon.stop()
        return RemainingWork(has_more=False, n_waiting=0 if listing.files else 1)

    def has_requests(self) -> bool:
        """Wait for nothing, so that no time passes."""
        return True


GONE = Listing(files=(), not_yet=(), problems=(), is_listed=False)
UNREADABLE = Listing(
    files=(SeenFile(Path("inbox/b.tif"), 1, 1, 1, 1),),
    not_yet=(),
    problems=(ListingProblem(Path("inbox/a"), Trouble.UNREADABLE, "cannot list it"),),
    is_listed=True,
)


def looks_until_the_end(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: Listing,
    *,
    ends_when_idle: bool,
    **more: str,
) -> tuple[int, Daemon, Heard]:
    """Take a share away after the first look; return the looks until the end, at most 100."""
    clock, heard = Clock(), Heard()
    settings = load_settings(
        None, inbox={"path": tmp_path}, store={"path": tmp_path / "downcore.db"}
    )
    daemon = Daemon(settings, clock=clock)
    first = iter([NOTHING])

    def take(_inbox: Path) -> Listing:
        return next(first, after)

    monkeypatch.setattr(
        daemon_module,
        "ThrottledListing",
        lambda *_a, **_k: ThrottledListing(Path("inbox"), clock, settle_s=20.0, take=take),
    )
    scheduler = HalfRead(daemon, clock, n_rounds=100, **more)
    report = StatusReport({"heard": cast("Any", heard)}, clock)
    played = cast("Any", (scheduler, PlayedFollower(iter([])), report))
    daemon._loop(*played, ends_when_idle=ends_when_idle)
    return 100 - scheduler.n_rounds, daemon, heard


@pytest.mark.parametrize(
    ("after", "more", "said"),
    [
        (GONE, {}, "cannot be listed"),
        (NOTHING, {"doubt": "the inbox is empty, and held 3 files"}, "held 3 files"),
        (UNREADABLE, {"out_of_reach": "inbox/a/GC01.tif"}, "GC01.tif is read in part"),
    ],
    ids=["unlisted", "emptied", "a folder that cannot be read"],
)
def test_a_run_that_ends_when_idle_ends_in_bounded_looks_where_its_share_goes_away(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: Listing,
    more: dict[str, str],
    said: str,
) -> None:
    n_looks, daemon, _heard = looks_until_the_end(
        tmp_path, monkeypatch, after, ends_when_idle=True, **more
    )

    assert n_looks <= daemon_module.AWAY_LOOKS + 1
    assert said in daemon.away
    assert "goes on from there" in daemon.away


def test_the_daemon_stays_degraded_while_its_share_is_away_and_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    del told
    n_looks, daemon, heard = looks_until_the_end(tmp_path, monkeypatch, GONE, ends_when_idle=False)

    assert n_looks == 100
    assert daemon.away == ""
    assert heard.said[-1].state is StationState.DEGRADED
