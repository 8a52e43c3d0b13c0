"""What a step of a scan begins with, and how it ends."""

import enum
from dataclasses import dataclass

from downcore.sources.inbox.completeness import FileStability


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
    """How stable the files are at one step."""

    stability: FileStability
    now_s: float
    is_still: bool
    """Whether they are closed, or have been the same for long enough to be finished."""
    is_closed: bool
    """Whether its writer closed it, or nothing has come for so long that nothing will."""
