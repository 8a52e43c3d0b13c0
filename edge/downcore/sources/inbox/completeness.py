"""
When a scan is complete: a decision from evidence, with time as an argument.

No file is read and no clock is used here. The service passes in what each listing found; the
same evidence always gives the same decision.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Progress(IntEnum):
    """How complete a file is; more evidence never lowers it."""

    GROWING = 0
    """Changing, or not complete: its complete lines may be read, the end is not known."""

    SETTLING = 1
    """Complete by its structure, but not yet unchanged for long enough."""

    FINAL = 2
    """All scan lines are there. Bytes that arrive later reopen it."""


class Incomplete(StrEnum):
    """Why a file that has not changed for long is not a finished scan."""

    TRUNCATED = "truncated"
    """Bytes that its structure promises are missing."""

    ZERO_TAILED = "zero-tailed"
    """It has its full size, but its last strips were never written."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file must stay unchanged; seconds of a monotonic clock."""

    settle_s: float
    """Unchanged for this long, a file counts as finished, if its writer did not close it before."""

    give_up_s: float
    """Incomplete and unchanged for this long, it is reported as such."""

    def __post_init__(self) -> None:
        if not 0 <= self.settle_s <= self.give_up_s:
            raise ValueError(
                f"expected 0 <= settle_s <= give_up_s, got {self.settle_s:g} and {self.give_up_s:g}"
            )


@dataclass(frozen=True, slots=True)
class FileStability:
    """For how long, and in how many listings, a file has been unchanged."""

    size: int
    """Bytes."""

    mtime_ns: int
    since_s: float
    """Time of the first of the equal listings."""

    n_listings: int
    """Equal listings so far, the first included; at least 1."""

    is_closed: bool
    """Whether its writer closed it, renamed it into place or marked it as done, unchanged since."""

    def has_settled(self, now_s: float, patience: Patience) -> bool:
        """Return whether it was unchanged for ``settle_s``, in at least two listings."""
        return self.n_listings > 1 and now_s - self.since_s >= patience.settle_s


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the content of a file tells about its completeness."""

    is_complete: bool
    """Whether every byte that its structure promises is there."""

    is_tail_blank: bool
    """Whether its last strips are all zeros, as in a preallocated file."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a file, and why."""

    progress: Progress

    because: str
    """The evidence as a sentence, for the program's log and for ``downcore log``."""

    incomplete: Incomplete | None = None
    """Set once an incomplete file was unchanged for ``give_up_s``; it is set aside and watched."""


def observe(
    before: FileStability | None, *, size: int, mtime_ns: int, now_s: float, is_closed: bool = False
) -> FileStability:
    """
    Return a file's stability after one more listing.

    Parameters
    ----------
    before : FileStability or None
        After the listing before; None at the first one, and after a restart.
    size, mtime_ns : int
        In this listing. Any difference, also a time that went back, is a change.
    now_s : float
        Time of the listing, on a monotonic clock.
    is_closed : bool, default False
        Whether the file was closed or renamed into place since the listing before, or has a
        done marker. It holds until the file changes again.
    """
    if before is None or (before.size, before.mtime_ns) != (size, mtime_ns):
        return FileStability(size, mtime_ns, since_s=now_s, n_listings=1, is_closed=is_closed)
    return FileStability(
        size,
        mtime_ns,
        since_s=min(before.since_s, now_s),
        n_listings=before.n_listings + 1,
        is_closed=before.is_closed or is_closed,
    )


def assess(
    stability: FileStability, evidence: Evidence, *, now_s: float, patience: Patience
) -> Decision:
    """
    Decide how complete a file is.

    It is final when its writer closed it, renamed it into place or left a done marker, or it was
    unchanged for ``settle_s`` in at least two listings; *and* its structure is complete; *and* its
    last strips are not blank.
    """
    unchanged_s = max(now_s - stability.since_s, 0.0)
    if not evidence.is_complete or evidence.is_tail_blank:
        return _unfinished(stability, evidence, unchanged_s, patience)
    if stability.is_closed:
        because = "closed, renamed into place or marked as done by its writer, and complete"
        return Decision(Progress.FINAL, because)
    listings = f"{stability.n_listings} listings over {unchanged_s:.1f} s"
    if stability.n_listings > 1 and unchanged_s >= patience.settle_s:
        return Decision(Progress.FINAL, f"the same in {listings}, and complete")
    return Decision(
        Progress.SETTLING, f"complete; the same in {listings} of {patience.settle_s:g} s needed"
    )


def _unfinished(
    stability: FileStability, evidence: Evidence, unchanged_s: float, patience: Patience
) -> Decision:
    if evidence.is_complete:
        kind, found = Incomplete.ZERO_TAILED, "its last strips are still blank"
    else:
        kind, found = Incomplete.TRUNCATED, "bytes that its structure promises are missing"
    if stability.n_listings > 1 and unchanged_s >= patience.give_up_s:
        because = f"{kind}: {found}, and nothing changed for {unchanged_s:.0f} s"
        return Decision(Progress.GROWING, because, kind)
    return Decision(Progress.GROWING, f"{found} at {stability.size} bytes")
