"""The demo waits for its last rows while they come, and for its scans to end, and no longer."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from downcore.demo.waiting import QUIET_S, wait_until_done, wait_while_rows_come


class HandClock:
    """A clock that stands still unless it is turned."""

    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_rfc3339(self) -> str:
        return "2026-01-01T00:00:00.000Z"


@dataclass
class SlowRows:
    """Rows that arrive one by one; waiting turns the clock."""

    clock: HandClock
    arrivals_s: list[float]
    n_rows: int = 0
    waits: list[float] = field(default_factory=list)

    def wait_for(self, n_rows: int, timeout_s: float) -> bool:
        self.waits.append(timeout_s)
        self.clock.now_s += timeout_s
        self.n_rows = sum(at_s <= self.clock.now_s for at_s in self.arrivals_s)
        return self.n_rows >= n_rows


def arrivals(n_rows: int, every_s: float) -> Iterator[float]:
    return (every_s * (i + 1) for i in range(n_rows))


def waited(rows: SlowRows, n_rows: int, *, ends_at_s: float = float("inf")) -> bool:
    return wait_while_rows_come(
        rows, n_rows, clock=rows.clock, has_ended=lambda: rows.clock.now_s >= ends_at_s
    )


def test_rows_that_come_slowly_are_waited_for_however_long_the_core_takes() -> None:
    rows = SlowRows(HandClock(), list(arrivals(84, 0.9 * QUIET_S)))

    assert waited(rows, 84)
    assert rows.n_rows == 84


def test_rows_that_stop_coming_are_given_up_after_a_while() -> None:
    rows = SlowRows(HandClock(), list(arrivals(33, 1.0)))

    assert not waited(rows, 84)
    assert rows.n_rows == 33
    assert QUIET_S <= rows.clock.now_s - 33.0 <= QUIET_S + 2.0


def test_nobody_waits_for_a_station_that_has_ended() -> None:
    rows = SlowRows(HandClock(), list(arrivals(3, 1.0)))

    assert not waited(rows, 84, ends_at_s=10.0)
    assert rows.clock.now_s <= 11.0


def done(clock: HandClock, *, done_at_s: float, ends_at_s: float = float("inf")) -> bool:
    def pause(seconds: float) -> None:
        clock.now_s += seconds

    return wait_until_done(
        lambda: clock.now_s >= done_at_s,
        clock=clock,
        has_ended=lambda: clock.now_s >= ends_at_s,
        pause=pause,
    )


def test_scans_that_have_all_their_rows_are_waited_for_until_they_are_done() -> None:
    clock = HandClock()

    assert done(clock, done_at_s=30.0)
    assert 30.0 <= clock.now_s <= 32.0


def test_a_scan_that_does_not_end_is_given_up_after_a_while() -> None:
    clock = HandClock()

    assert not done(clock, done_at_s=float("inf"))
    assert QUIET_S <= clock.now_s <= QUIET_S + 2.0


def test_nobody_waits_for_scans_of_a_station_that_has_ended() -> None:
    clock = HandClock()

    assert not done(clock, done_at_s=30.0, ends_at_s=10.0)
    assert clock.now_s <= 11.0
