"""Bundles that a station opened once and keeps for the next; opening one takes seconds."""

import contextlib
import functools
from collections.abc import Iterator

from downcore.service import station_setup

_open_guarded = functools.cache(station_setup.open_guarded)


@contextlib.contextmanager
def bundles_opened_once() -> Iterator[None]:
    """Let every station of this process share its bundles, as long as the block lasts."""
    before = station_setup.open_guarded
    station_setup.open_guarded = _open_guarded
    try:
        yield
    finally:
        station_setup.open_guarded = before
