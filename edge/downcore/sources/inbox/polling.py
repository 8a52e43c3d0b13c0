"""How often the inbox is looked at: a look at a full folder on a share costs seconds."""

from collections.abc import Callable
from pathlib import Path

from downcore.ports import Clock
from downcore.sources.inbox.listing import Listing, ListingLimits, list_inbox

FRESH_S = 1.0
"""Longest that a look serves while there is work to do and no event came."""

REST_PER_LOOK = 4
"""Times as long as a look took, it is waited before the next."""


class ThrottledListing:
    """
    Looks at one folder, no more of them than the folder can bear.

    Parameters
    ----------
    inbox : Path
        The folder.
    clock : Clock
        Tells how long a look took, and how old it is.
    settle_s : float
        Seconds that a file must stay the same; a look serves for a quarter of it at most,
        so that one look is never taken for the two that stillness needs.
    take : callable, optional
        Takes a look; the file system's by default.
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
        """Least seconds to wait before the next look where no event asks for one."""

    def list_inbox(self, *, may_be_the_last: bool) -> Listing:
        """Return the folder as it is, or as it was within the last second where that will do."""
        now_s = self._clock.monotonic_s()
        if may_be_the_last and self._last and now_s - self._last_at_s < self._fresh_s:
            return self._last
        self._last = self._take(self._inbox)
        self._last_at_s = self._clock.monotonic_s()
        self.rest_s = REST_PER_LOOK * (self._last_at_s - now_s)
        return self._last
