"""``downcore run``: follows the inbox until it is stopped."""

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Protocol

from downcore.clock import SystemClock
from downcore.exit_codes import INTERNAL, OK, REFUSED, exit_code_of
from downcore.file_names import printable
from downcore.health import lack_of_room, notify_systemd
from downcore.ports import Clock
from downcore.publish import Wake, payloads
from downcore.service.backlog import Backlog
from downcore.service.left_out_report import LeftOutReport
from downcore.service.live_report import LiveReport
from downcore.service.logger_thread import LoggerThread
from downcore.service.repeated_warnings import RepeatedWarnings
from downcore.service.scheduler import Scheduler
from downcore.service.second_opinion import SecondOpinionThread
from downcore.service.station_setup import (
    check_settings,
    open_sinks,
    open_station,
    scan_settings,
)
from downcore.service.status_report import StatusReport
from downcore.service.stop_signals import StopSignals
from downcore.settings import Settings
from downcore.sources.inbox.events import Follower, Hint
from downcore.sources.inbox.listing import Listing, ListingLimits, list_inbox
from downcore.sources.inbox.polling import ThrottledListing
from downcore.strata.errors import DowncoreError, SettingsError
from downcore.strata.reasons import grouped, such_as

logger = logging.getLogger(__name__)

LIVE_SLICES = 4
"""Slices of one scan in one turn, in live mode; keeps a backlog from delaying a live scan."""

BACKLOG_SLICES = 32
"""The same in backlog mode."""

ACTIVE_WAIT_S = 0.5
"""Longest wait between two listings of the inbox while a scan grows or settles."""

AWAY_LOOKS = 20
"""Looks at an inbox that is away, one after the other, after which ``run --once`` ends."""

STOP_CHECK_S = 0.5
"""Longest that a wait lasts before it checks whether to stop."""


class Daemon:
    """
    The service without its process: no signals, no exit codes.

    Parameters
    ----------
    settings : Settings
        Of the device.
    clock : Clock
        Time.
    lack_of_room : callable, optional
        Returns why the store's disk is a fault, empty while it is none.
    on_backlog : callable, optional
        Called after every look with how far the scans of the inbox have come.
    without_sinks : frozenset of str, optional
        Names of sinks that are not opened, whatever the settings say.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        lack_of_room: Callable[[Path], str] = lack_of_room,
        on_backlog: Callable[[Backlog], None] = lambda _: None,
        without_sinks: frozenset[str] = frozenset(),
    ) -> None:
        self._without_sinks = without_sinks
        self._lack_of_room = lack_of_room
        self._on_backlog = on_backlog
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        self._on_look: Callable[[], None] = lambda: None
        """Called at every look, and while there is nothing to do."""
        self.is_starting = True
        """Whether it has not begun to look at the inbox."""
        self.refused: dict[str, str] = {}
        """Reason by path of what was set aside, once ``run`` has ended."""
        self.questioned: dict[str, str] = {}
        """Question by path of what waits for an answer, once ``run`` has ended."""
        self.started_utc = clock.utc_rfc3339()
        self.away = ""
        """Why a run that ends when idle ended though scans were left; empty where none were."""

    def stop(self) -> None:
        """Ask ``run`` to end after the step it is in; may be called from anywhere."""
        self._stopping.set()

    def run(self, *, ends_when_idle: bool = False) -> None:
        """
        Follow the inbox until :meth:`stop`.

        Parameters
        ----------
        ends_when_idle : bool, default False
            End once nothing in the inbox is left to do.

        Raises
        ------
        SettingsError, BundleError, StoreError
            If the station cannot be opened, the record can no longer be kept, or a run that
            is to end when idle finds no inbox.
        """
        check_settings(self._settings)
        wake = Wake()
        is_live = self._settings.predict.mode == "live"
        with ExitStack() as stack:
            station = stack.enter_context(
                open_station(
                    self._settings,
                    clock=self._clock,
                    announce=payloads,
                    slices_per_step=LIVE_SLICES if is_live else BACKLOG_SLICES,
                    on_commit=wake.notify,
                )
            )
            station.store.warn_of_sqlite()
            sinks = stack.enter_context(
                open_sinks(self._settings, station, wake, without=self._without_sinks)
            )
            report = StatusReport(sinks, self._clock)
            inbox = self._settings.inbox
            follower = stack.enter_context(
                Follower(inbox.path) if inbox.watch_events else nullcontext()
            )
            scheduler = Scheduler(station, is_stopping=self._stopping.is_set)
            stack.callback(scheduler.close)
            said = stack.enter_context(
                LiveReport(self._settings, self._clock, scheduler, report, sinks)
            )

            def on_look() -> None:
                station.store.refuse_replaced()
                said.update()
                self._on_backlog(scheduler.backlog)

            self._on_look = on_look
            self.is_starting = False
            opinion = stack.enter_context(SecondOpinionThread(station.store, self._clock))
            loggers = stack.enter_context(LoggerThread(self._settings, station))
            self._loop(scheduler, follower, report, ends_when_idle=ends_when_idle)
            if ends_when_idle and not self._stopping.is_set():
                loggers.finish()
                opinion.finish()
            self.refused = dict(scheduler.refused)
            self.questioned = dict(scheduler.questioned)
            report.end()

    def _loop(
        self,
        scheduler: Scheduler,
        follower: Follower | None,
        report: StatusReport,
        *,
        ends_when_idle: bool,
    ) -> None:
        inbox = self._settings.inbox
        leave_out = scan_settings(self._settings).leave_out
        listings = ThrottledListing(
            inbox.path,
            self._clock,
            settle_s=inbox.settle_s,
            take=lambda path: list_inbox(path, limits=ListingLimits(), leave_out=leave_out),
        )
        said = LeftOutReport(inbox.path)
        is_ready = has_more = False
        n_away = 0
        closed: set[Path] = set()
        while not self._stopping.is_set():
            # Hints are taken before the listing, so that it never misses what a hint is about.
            hint = follower.wait(0.0) if follower else Hint(woken=False)
            closed |= hint.closed
            listing = listings.list_inbox(may_be_the_last=has_more and not hint.woken)
            if ends_when_idle and not is_ready and not listing.is_listed:
                raise SettingsError(
                    f"inbox.path: expected a folder that can be listed, got "
                    f"{printable(inbox.path)}; mount the share, or set the path"
                )
            remaining = scheduler.run_once(listing, frozenset(closed))
            closed.clear()
            said.update((*listing.left_out, *scheduler.left_out))
            report.update(self._faults(listing, scheduler.doubt))
            if not is_ready:
                is_ready = True
                notify_systemd("READY=1")
            _feed_watchdog(f"{remaining.n_waiting} scans under way", scheduler, report)
            self._on_look()
            has_more = remaining.has_more
            if has_more:
                continue
            away = _away(listing, scheduler, inbox.path)
            n_away = n_away + 1 if away else 0
            if ends_when_idle and n_away >= AWAY_LOOKS:
                self.away = (
                    f"{away}; looked {n_away} times; what is stored stays, and the same command "
                    "goes on from there once the inbox is back"
                )
                return
            if ends_when_idle and remaining.n_waiting == 0 and not away:
                return
            is_active = remaining.n_waiting or (ends_when_idle and away)
            wait_s = ACTIVE_WAIT_S if is_active else inbox.reconcile_s
            closed |= self._wait(follower, scheduler, report, max(wait_s, listings.rest_s))

    def _wait(
        self,
        follower: Follower | None,
        scheduler: Scheduler,
        report: StatusReport,
        left_s: float,
    ) -> frozenset[Path]:
        """Wait for a hint, a correction, the next look or the end; return the files that closed."""
        while left_s > 0 and not self._stopping.is_set():
            turn_s = min(left_s, STOP_CHECK_S)
            left_s -= turn_s
            if scheduler.has_requests():
                break
            if follower is None:
                self._stopping.wait(turn_s)
            elif (hint := follower.wait(turn_s)).woken:
                return hint.closed
            report.refresh()
            _feed_watchdog("waiting for scans", scheduler, report)
            self._on_look()
        return frozenset()

    def _faults(self, listing: Listing, doubt: str) -> tuple[str, ...]:
        """Return what is wrong with the station itself, in words."""
        away = (
            "" if listing.is_listed else f"the inbox {self._settings.inbox.path} cannot be listed"
        )
        return tuple(filter(None, (away, doubt, self._lack_of_room(self._settings.store.path))))


def _away(listing: Listing, scheduler: Scheduler, inbox: Path) -> str:
    """Return why the scans that are left cannot be reached at the moment; empty where they can."""
    if not listing.is_listed:
        return f"the inbox {printable(inbox)} cannot be listed; mount the share again"
    if scheduler.doubt:
        return scheduler.doubt
    if not listing.problems:
        return ""
    lost = scheduler.out_of_reach
    return f"{lost} is read in part and cannot be looked at any more" if lost else ""


def _feed_watchdog(doing: str, scheduler: Scheduler, report: StatusReport) -> None:
    """Tell systemd that the loop still runs, and what it is doing."""
    n_refused = len(scheduler.refused)
    aside = f"; {n_refused} set aside, see the journal" if n_refused else ""
    n_questioned = len(scheduler.questioned)
    aside += f"; {n_questioned} wait for an answer" if n_questioned else ""
    degraded = f"; degraded: {printable('; '.join(report.reasons))}" if report.reasons else ""
    notify_systemd(f"WATCHDOG=1\nSTATUS={doing}{aside}{degraded}")


class RunView(Protocol):
    """Shows a run that ends by itself to the person who waits for it."""

    @property
    def log_handler(self) -> logging.Handler:
        """Takes what is logged."""
        ...

    @property
    def without_sinks(self) -> frozenset[str]:
        """Names of sinks that are not opened, since this shows what they would."""
        ...

    def on_backlog(self, backlog: Backlog) -> None:
        """Show how far the scans of the inbox have come."""
        ...

    def tell_end(self, daemon: Daemon) -> None:
        """Say in the end what was done and what is left."""
        ...


def run_daemon(
    settings: Settings,
    *,
    ends_when_idle: bool,
    view: RunView | None = None,
) -> int:
    """
    Run the daemon in this process until SIGTERM or SIGINT; return its exit code.

    Parameters
    ----------
    settings : Settings
        Of the device.
    ends_when_idle : bool
        End once nothing in the inbox is left to do.
    view : RunView or None
        Shows the run to a person in place of the log and the rows; ``None`` for the log.

    Raises
    ------
    DowncoreError
        If it cannot start, or can no longer keep the record.
    """
    repeats = _begin_logging(settings, view)

    def on_progress(backlog: Backlog) -> None:
        if backlog.n_left == 0:
            repeats.say_counts()
        if view is not None:
            view.on_backlog(backlog)

    daemon = Daemon(
        settings,
        clock=SystemClock(),
        on_backlog=on_progress,
        without_sinks=frozenset() if view is None else view.without_sinks,
    )
    deaths = _stop_when_a_thread_dies(daemon)
    signals = StopSignals(daemon)
    with signals:
        try:
            daemon.run(ends_when_idle=ends_when_idle)
        finally:
            repeats.say_counts()
    if signals.has_stopped_start:
        return OK
    if deaths:
        cause = deaths[0]
        return exit_code_of(cause) if isinstance(cause, DowncoreError) else INTERNAL
    if view is not None:
        view.tell_end(daemon)
    elif ends_when_idle:
        _say_what_is_left(daemon)
    if ends_when_idle and (daemon.refused or daemon.questioned or daemon.away):
        return REFUSED
    logger.info("stopped; starting again goes on from here")
    return OK


def _begin_logging(settings: Settings, view: RunView | None) -> RepeatedWarnings:
    """Log to the view, or as the journal has it; return what says repeated warnings there."""
    repeats = RepeatedWarnings()
    if view is not None:
        logging.basicConfig(level=settings.log.level, handlers=[view.log_handler])
        return repeats
    logging.basicConfig(level=settings.log.level, format="%(levelname)s %(name)s: %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(repeats)
    return repeats


def _say_what_is_left(daemon: Daemon) -> None:
    if daemon.away:
        logger.error("%s", daemon.away)
    if daemon.questioned:
        logger.warning(
            "%d scans wait for an answer, `downcore log` has the questions", len(daemon.questioned)
        )
    if daemon.refused:
        logger.warning("%d files were set aside:", len(daemon.refused))
        for group in grouped(daemon.refused.items()):
            logger.warning("%d: %s (%s)", group.n, group.reason, such_as(group.subjects))


def _stop_when_a_thread_dies(daemon: Daemon) -> list[BaseException | None]:
    """
    Make the end of any thread by an error end the daemon, so that systemd starts it again.

    Returns the errors, in the order in which they come.
    """
    deaths: list[BaseException | None] = []

    def on_death(died: threading.ExceptHookArgs) -> None:
        logger.critical(
            "stage %s died", died.thread.name if died.thread else "?", exc_info=died.exc_value
        )
        deaths.append(died.exc_value)
        daemon.stop()

    threading.excepthook = on_death
    return deaths
