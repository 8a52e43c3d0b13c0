"""Follows the logger's folder in a thread of its own, so that no scan waits for a log."""

import threading
from typing import Self

from downcore.service.logger_folder import LoggerFolder
from downcore.service.logger_patterns import logger_patterns
from downcore.service.station import Station
from downcore.settings import Settings
from downcore.sources.inbox.leaving_out import LeaveOut

LOOK_S = 2.0
"""Between two looks at the folder."""


class LoggerThread:
    """
    Looks at the folder of the logger for as long as the block lasts; without one it does nothing.

    Parameters
    ----------
    settings : Settings
        Name the folder.
    station : Station
        Takes what is measured.
    """

    def __init__(self, settings: Settings, station: Station) -> None:
        self._stopping = threading.Event()
        self._is_leaving = False
        path = settings.loggers.path
        self._folder = None
        if path is not None:
            self._folder = LoggerFolder(
                path,
                station.store,
                station.clock,
                settle_s=station.patience.settle_s,
                leave_out=LeaveOut(settings.inbox.leave_out),
                patterns=(*logger_patterns(settings), *station.patterns),
                is_stopping=lambda: self._is_leaving,
            )
        self._thread = threading.Thread(target=self._follow, name="downcore-loggers", daemon=True)

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_leaving = True
        self._join()

    def finish(self) -> None:
        """Read what is left, since nobody writes any more."""
        self._join()
        if self._folder is not None:
            self._folder.look(is_last=True)

    def _join(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        while self._folder is not None and not self._stopping.is_set():
            self._folder.look()
            self._stopping.wait(LOOK_S)
