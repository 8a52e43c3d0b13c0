"""What a step of a scan begins with, and how it ends."""

import enum
import errno
from dataclasses import dataclass

from downcore.sources.inbox.completeness import (
    Decision,
    Evidence,
    FileStability,
    Patience,
    assess,
)

_LASTING = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.ENODEV})
"""Failures to open a file that do not pass by themselves within a while."""


class Outcome(enum.Enum):
    """How a step of a scan ended."""

    WAITING = "waiting"
    """Nothing more can be done until the files change or time passes."""
    MORE = "more"
    """There is more to do at once; others may have their turn first."""
    DONE = "done"
    """Every row is stored, or the scan is linked to one that has them."""
    QUESTIONED = "questioned"
    """It waits for a person's answer; the question is in the record."""
    REFUSED = "refused"
    """Set aside, with its reason in the quarantine."""


@dataclass(frozen=True, slots=True)
class Observed:
    """How stable the files are at one step; made by :func:`observed_at`."""

    now_s: float
    stability: FileStability
    patience: Patience
    is_still: bool
    """Whether they are closed, or have been the same for long enough to be finished."""
    has_given_up: bool
    """Whether nothing has come for so long that nothing will."""

    @property
    def is_closed(self) -> bool:
        """
        Whether nothing more will come: they were closed and stayed so, or were left alone for long.

        Some scanners close a file after every strip, so that being closed alone tells nothing.
        """
        has_stayed = self.stability.has_settled(self.now_s, self.patience)
        return self.has_given_up or (self.stability.is_closed and has_stayed)

    def assess(self, evidence: Evidence) -> Decision:
        """Return what is decided of the files, by what their content tells."""
        return assess(self.stability, evidence, now_s=self.now_s, patience=self.patience)


def observed_at(now_s: float, stability: FileStability, patience: Patience) -> Observed:
    """
    Return what a step at a monotonic time begins with.

    Parameters
    ----------
    now_s : float
        The time.
    stability : FileStability
        For how long the files have been as they are.
    patience : Patience
        How long is long enough.
    """
    return Observed(
        now_s,
        stability,
        patience,
        is_still=stability.is_closed or stability.has_settled(now_s, patience),
        has_given_up=now_s - stability.since_s >= patience.give_up_s,
    )


def is_passing(error: Exception) -> bool:
    """Return whether files were refused for a failure of the system that may pass by itself."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno not in _LASTING
