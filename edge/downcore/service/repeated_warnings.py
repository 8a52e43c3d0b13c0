"""Warnings of one kind: the first few in full, the others counted and said together."""

import logging
from dataclasses import dataclass

from downcore.strata.reasons import shape_of

logger = logging.getLogger(__name__)

N_IN_FULL = 5
"""Warnings of one kind that are said one by one."""
QUIET_S = 60.0
"""A kind that was quiet for so long is said in full again."""
_SOURCES = ("downcore.service.sc", "downcore.service.logger_folder")
"""Whose warnings repeat: of ``scan_reading``, ``scan_record``, ``scheduler``, and of logs."""
SAY_AT = (100, 1_000, 10_000, 100_000)
"""Counts at which those that were not said are said to be so many."""


@dataclass(slots=True)
class _Kind:
    last_s: float = 0.0
    n: int = 0
    n_counted: int = 0
    reason: str = ""
    """The last that was only counted, in full."""


class RepeatedWarnings(logging.Filter):
    """
    Lets the first warnings of a kind through, and counts the others.

    A kind is a message, and what follows its first part, a file or section, but for numbers: one
    reason that holds for 1,650 scans is said a few times, then counted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be said."""
        arguments = record.args
        if record.levelno != logging.WARNING or not record.name.startswith(_SOURCES):
            return True
        if not isinstance(arguments, tuple) or not arguments:
            return True
        reason = " ".join(map(str, arguments[1:]))
        kind = self._kinds.setdefault((str(record.msg), shape_of(reason)), _Kind())
        if record.created - kind.last_s > QUIET_S:
            _say_count(kind)
            kind.n = 0
        kind.last_s = record.created
        kind.n += 1
        if kind.n <= N_IN_FULL:
            return True
        kind.reason = record.getMessage()
        kind.n_counted += 1
        if kind.n in SAY_AT:
            logger.warning("%d like this so far: %s", kind.n, kind.reason)
        return False

    def say_counts(self) -> None:
        """Say how many were only counted, and begin again."""
        for kind in self._kinds.values():
            _say_count(kind)
        self._kinds.clear()


def _say_count(kind: _Kind) -> None:
    if kind.n_counted:
        logger.warning("%d more like this: %s", kind.n_counted, kind.reason)
        kind.n_counted = 0
