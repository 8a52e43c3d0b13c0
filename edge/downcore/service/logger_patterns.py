"""The patterns of the names of loggers' files."""

from downcore.settings import Settings
from downcore.sources.inbox.name_patterns import NamePattern


def logger_patterns(settings: Settings) -> tuple[NamePattern, ...]:
    """
    Return the patterns of the names of loggers' files.

    Raises
    ------
    SettingsError
        If one may not be used.
    """
    return tuple(
        NamePattern(f"loggers-{n}", regex)
        for n, regex in enumerate(settings.loggers.name_patterns, start=1)
    )
