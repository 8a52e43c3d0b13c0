"""
Readers of the files of core loggers, one module for each format, discovered in this package.

To add one, put a module here that defines ``LOG_FORMAT``, and a sample in
``tests/support/log_samples.py``; the contract tests do the rest. Modules whose name starts with
an underscore are not formats.
"""

from functools import cache
from pathlib import Path

from downcore.discovery import values_in
from downcore.loggers._cells import Decimal, Numbers, decimal_of, numbers_of
from downcore.loggers._cleaning import CULLS, Cull, Culled, culled, usable
from downcore.loggers._conversion import in_our_unit
from downcore.loggers._log import (
    CREDIBLE,
    HEAD_BYTES,
    CoreLog,
    Doubt,
    LogError,
    LogFlag,
    LogFormat,
)
from downcore.loggers._parts import LogPart, log_parts, n_whole_bytes
from downcore.loggers._reasons import reason_not_a_log
from downcore.loggers._table import read_bytes
from downcore.loggers._table import text_of as table_text
from downcore.loggers._units import Kind

__all__ = [
    "CREDIBLE",
    "CULLS",
    "HEAD_BYTES",
    "CoreLog",
    "Cull",
    "Culled",
    "Decimal",
    "Doubt",
    "Kind",
    "LogError",
    "LogFlag",
    "LogFormat",
    "LogPart",
    "Numbers",
    "culled",
    "decimal_of",
    "in_our_unit",
    "log_format_of",
    "log_formats",
    "log_parts",
    "n_whole_bytes",
    "numbers_of",
    "read_log",
    "table_text",
    "usable",
    "why_not_a_log",
]


@cache
def _formats() -> tuple[LogFormat, ...]:
    return values_in(__name__, "LOG_FORMAT", LogFormat)


def log_formats() -> dict[str, LogFormat]:
    """Return every log format in this package, by name."""
    return {fmt.name: fmt for fmt in _formats()}


def log_format_of(path: Path) -> LogFormat | None:
    """
    Return the format of a file, by its first bytes, or None.

    Raises
    ------
    LogError
        If the file cannot be read.
    """
    head = read_bytes(path, most=HEAD_BYTES, is_head=True)
    return next((fmt for fmt in _formats() if fmt.looks_like(head)), None)


def why_not_a_log(path: Path) -> str:
    """Return why no format reads a file as a log, as a sentence without a subject."""
    return reason_not_a_log(path, (fmt.title for fmt in _formats()))


def read_log(path: Path) -> CoreLog:
    """
    Return the log in a file of any known format.

    Raises
    ------
    LogError
        If no format knows it, or it cannot be read.
    """
    fmt = log_format_of(path)
    if fmt is None:
        known = ", ".join(known.title for known in _formats())
        raise LogError(
            f"expected a log of a known format, got another file: {path}; known: {known}"
        )
    return fmt.read(path)
