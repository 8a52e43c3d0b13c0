"""How often the inbox is listed; listing a full folder on a network share takes seconds."""

from collections.abc import Callable
from pathlib import Path

from downcore.ports import Clock
from downcore.sources.inbox.listing import Listing, ListingLimits, list_inbox

FRESH_S = 1.0
"""Longest time that a listing is used again while there is work to do and no event came."""

REST_PER_LISTING = 4
"""Least pause before the next listing, as a multiple of the time that one took."""


class ThrottledListing:
    """
    Lists one folder, the more rarely the longer that takes.

    Parameters
    ----------
    inbox : Path
        The folder.
    clock : Clock
        Measures how long a listing took, and how old it is.
    settle_s : float
        Seconds that a file must stay unchanged; a listing is used for a quarter of it at most,
        so that one is never taken for the two that stability needs.
    take : callable, optional
        Lists the folder; by default from the file system.
    """

    def __init__(
        self,
        inbox: Path,
        clock: Clock,
        *,
        settle_s: float,
        take: Callable[[Path], Listing] = lambda inbox: list_inbox(inbox, limits=ListingLimits()),
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._fresh_s = min(FRESH_S, settle_s / 4)
        self._take = take
        self._last: Listing | None = None
        self._last_at_s = 0.0
        self.rest_s = 0.0
        """Least seconds before the next listing, unless an event comes."""

    def list_inbox(self, *, may_be_the_last: bool) -> Listing:
        """Return a new listing, or where it may be the last one, one of at most a second ago."""
        now_s = self._clock.monotonic_s()
        if may_be_the_last and self._last and now_s - self._last_at_s < self._fresh_s:
            return self._last
        self._last = self._take(self._inbox)
        self._last_at_s = self._clock.monotonic_s()
        self.rest_s = REST_PER_LISTING * (self._last_at_s - now_s)
        return self._last
