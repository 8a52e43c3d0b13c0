"""The real clock; tests bring their own."""

import datetime as dt
import time


class SystemClock:
    """Time of this machine."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def utc_rfc3339(self) -> str:
        """Return the wall clock in UTC, to the millisecond."""
        now = dt.datetime.now(dt.UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
