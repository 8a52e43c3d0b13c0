"""How far a backlog has come, and how long the rest will take at its pace so far."""

from dataclasses import dataclass

MIN_ELAPSED_S = 2.0
"""Before that a pace says nothing."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Scans that wait, and how long they will take."""

    n_done: int
    """Scans finished since the backlog began."""
    n_left: int
    seconds_left: float | None
    """``None`` while nothing is known of the pace."""

    def sentence(self) -> str:
        """Return it for people; empty where nothing is left."""
        if self.n_left == 0:
            return ""
        time = "" if self.seconds_left is None else f", about {in_words(self.seconds_left)} left"
        return f"{self.n_done} of {self.n_done + self.n_left} scans done{time}"


class BacklogPace:
    """Measures the pace of a backlog by the bytes of the scans that are done."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._n_left = self._bytes_left = 0
        self._n_done = self._bytes_done = 0

    def update(self, n_left: int, bytes_left: int, now_s: float) -> Backlog:
        """
        Take note of what is left.

        Parameters
        ----------
        n_left : int
            Scans that are not done.
        bytes_left : int
            Bytes of theirs that no row was made of.
        now_s : float
            Monotonic time.
        """
        if self._n_left == 0:
            self._began_s = now_s
            self._n_done = self._bytes_done = 0
        else:
            # What is new makes the rest longer; it does not make less of what was done.
            self._n_done += max(self._n_left - n_left, 0)
            self._bytes_done += max(self._bytes_left - bytes_left, 0)
        self._n_left, self._bytes_left = n_left, bytes_left
        elapsed_s = now_s - self._began_s
        is_known = self._bytes_done > 0 and elapsed_s >= MIN_ELAPSED_S
        seconds_left = bytes_left * elapsed_s / self._bytes_done if is_known else None
        return Backlog(self._n_done, n_left, seconds_left)


def in_words(seconds: float) -> str:
    """Return a span of time for people."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{seconds:.0f} s"
    if seconds < 5400:  # noqa: PLR2004 - an hour and a half
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004 - two days
