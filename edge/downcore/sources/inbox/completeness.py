"""
When a scan is done: a decision from evidence, with time as an argument.

No file is touched and no clock is read here. The service feeds in what each
look saw; the same evidence always gives the same decision.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Progress(IntEnum):
    """How far a file has come; more evidence never lowers it."""

    GROWING = 0
    """Changing, or not complete: what is complete may be read, the end is not known."""

    SETTLING = 1
    """Complete as far as its structure tells; it has not been still for long enough."""

    FINAL = 2
    """All scan lines are there. Bytes that arrive later reopen it."""


class Incomplete(StrEnum):
    """Why a file that has long been still is not a finished scan."""

    TRUNCATED = "truncated"
    """Its structure says that bytes are missing."""

    ZERO_TAILED = "zero-tailed"
    """It has its full size, but its last strips were never written."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file must be still; seconds of a clock that never jumps."""

    settle_s: float
    """Unchanged for this long, it is taken as finished when nothing says so sooner."""

    give_up_s: float
    """Incomplete and unchanged for this long, it is reported as such."""

    def __post_init__(self) -> None:
        if not 0 <= self.settle_s <= self.give_up_s:
            raise ValueError(
                f"expected 0 <= settle_s <= give_up_s, got {self.settle_s:g} and {self.give_up_s:g}"
            )


@dataclass(frozen=True, slots=True)
class FileStability:
    """For how long, and over how many looks, a file has been the same."""

    size: int
    """Bytes."""

    mtime_ns: int
    since_s: float
    """When the first of the equal looks was taken."""

    n_listings: int
    """Equal looks so far, the first included; at least 1."""

    is_closed: bool
    """Whether its writer closed it, renamed it into place or marked it as done, as it now is."""

    def has_settled(self, now_s: float, patience: Patience) -> bool:
        """Return whether it has been the same for ``settle_s``, over at least two looks."""
        return self.n_listings > 1 and now_s - self.since_s >= patience.settle_s


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a file besides its stillness."""

    is_complete: bool
    """Whether every byte that its structure promises is there."""

    is_tail_blank: bool
    """Whether its last strips hold nothing but zeros, as a preallocated file's do."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a file, and why."""

    progress: Progress

    because: str
    """The evidence in words, for the log and for ``downcore log``."""

    incomplete: Incomplete | None = None
    """Set once an incomplete file has been still for ``give_up_s``: set it aside, keep watching."""


def observe(
    before: FileStability | None, *, size: int, mtime_ns: int, now_s: float, is_closed: bool = False
) -> FileStability:
    """
    Return a file's stillness after one more look.

    Parameters
    ----------
    before : Stillness or None
        As it was after the look before; None at the first look, and after a restart.
    size, mtime_ns : int
        As seen at this look. Any difference, also a time that went back, is a change.
    now_s : float
        When the look was taken, on a clock that never jumps.
    is_closed : bool, default False
        Whether a close-write or rename-in was noticed since the look before, or a done
        marker lies beside it. It holds for the file as it now is, and lapses when the
        file changes again.
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
    Decide how far a file has come.

    It is final when its writer closed it, renamed it into place or left a done
    marker, or it has been the same for ``settle_s`` over at least two looks;
    *and* its structure is complete; *and* its last strips are not blank.
    """
    still_s = max(now_s - stability.since_s, 0.0)
    if not evidence.is_complete or evidence.is_tail_blank:
        return _unfinished(stability, evidence, still_s, patience)
    if stability.is_closed:
        because = "closed, renamed into place or marked as done by its writer, and complete"
        return Decision(Progress.FINAL, because)
    looks = f"{stability.n_listings} looks over {still_s:.1f} s"
    if stability.n_listings > 1 and still_s >= patience.settle_s:
        return Decision(Progress.FINAL, f"the same in {looks}, and complete")
    return Decision(
        Progress.SETTLING, f"complete; the same in {looks} of {patience.settle_s:g} s needed"
    )


def _unfinished(
    stability: FileStability, evidence: Evidence, still_s: float, patience: Patience
) -> Decision:
    if evidence.is_complete:
        kind, found = Incomplete.ZERO_TAILED, "its last strips are still blank"
    else:
        kind, found = Incomplete.TRUNCATED, "bytes that its structure promises are missing"
    if stability.n_listings > 1 and still_s >= patience.give_up_s:
        because = f"{kind}: {found}, and nothing changed for {still_s:.0f} s"
        return Decision(Progress.GROWING, because, kind)
    return Decision(Progress.GROWING, f"{found} at {stability.size} bytes")
