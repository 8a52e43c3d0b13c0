"""Keeps the file that says how the daemon fares, from its start to its end."""

import logging
import os
from collections.abc import Mapping
from typing import Self

from downcore import __version__
from downcore.ports import Clock
from downcore.publish import RunningSink
from downcore.service.live_status import LiveStatus, SinkStatus, StatusFile
from downcore.service.scheduler import Scheduler
from downcore.service.status_report import StatusReport
from downcore.settings import Settings

logger = logging.getLogger(__name__)

LOG_BACKLOG_EVERY_S = 60.0
"""Between two lines of the log that say how far a backlog has come."""


class LiveReport:
    """
    What ``downcore status`` reads, for as long as the block lasts.

    Parameters
    ----------
    settings : Settings
        Name the store and the inbox.
    clock : Clock
        Time.
    scheduler : Scheduler
        Knows the scans.
    report : StatusReport
        Knows why the station is degraded.
    sinks : mapping of str to RunningSink
        The sinks at work, by name.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        scheduler: Scheduler,
        report: StatusReport,
        sinks: Mapping[str, RunningSink],
    ) -> None:
        self._inbox = str(settings.inbox.path)
        self._file = StatusFile(settings.store.path, clock)
        self._clock = clock
        self._scheduler = scheduler
        self._report = report
        self._sinks = sinks
        self._started_utc = clock.utc_rfc3339()
        self._logged_at_s = clock.monotonic_s()

    def __enter__(self) -> Self:
        self._file.write(self._status(), at_once=True)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            self._file.write(self._status(), at_once=True)
        self._file.end("stopped in good order" if error is None else f"ended by an error: {error}")

    def update(self) -> None:
        """Say how things stand now, in the file at most once a second."""
        self._file.write(self._status())
        sentence = self._scheduler.backlog.sentence()
        now_s = self._clock.monotonic_s()
        if sentence and now_s - self._logged_at_s >= LOG_BACKLOG_EVERY_S:
            self._logged_at_s = now_s
            logger.info("backlog: %s", sentence)

    def _status(self) -> LiveStatus:
        healths = {name: sink.health() for name, sink in self._sinks.items()}
        return LiveStatus(
            version=__version__,
            pid=os.getpid(),
            started_utc=self._started_utc,
            inbox=self._inbox,
            reasons=self._report.reasons,
            sinks=tuple(
                SinkStatus(name, one.is_connected, one.problem, one.warning, one.remark)
                for name, one in healths.items()
            ),
            under_way=self._scheduler.under_way,
            backlog=self._scheduler.backlog,
        )
