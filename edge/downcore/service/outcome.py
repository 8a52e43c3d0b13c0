"""How a step of a scan's way ended."""

import enum


class Outcome(enum.Enum):
    """How a step of a journey ended."""

    WAITING = "waiting"
    """Nothing more can be done until the files change or time passes."""
    MORE = "more"
    """There is more to do at once; others may have their turn first."""
    DONE = "done"
    """Every row is kept, or the scan is linked to one that has them."""
    REFUSED = "refused"
    """Set aside, with its reason in the quarantine."""
