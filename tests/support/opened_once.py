"""Bundles that a station opened once and keeps for the next; opening one takes seconds."""

import contextlib
import functools
from collections.abc import Iterator

from downcore.service import opening

_open_guarded = functools.cache(opening.open_guarded)


@contextlib.contextmanager
def bundles_opened_once() -> Iterator[None]:
    """Let every station of this process share its bundles, as long as the block lasts."""
    before = opening.open_guarded
    opening.open_guarded = _open_guarded
    try:
        yield
    finally:
        opening.open_guarded = before
