"""What the program's exit status means; the same numbers as sysexits(3) where they fit."""

from downcore.strata.errors import (
    BundleError,
    DepthLedgerError,
    DowncoreError,
    EndMemberError,
    MeasuredRowsError,
    SegmentError,
    SettingsError,
    StoreBusyError,
    StoreError,
)

OK = 0
"""All that was asked for was done."""
REFUSED = 1
"""The command ran, but some input was refused or some check failed; the reason was printed."""
USAGE = 2
"""The command line was wrong."""
BAD_INPUT = 65
"""The one file asked for could not be used."""
BAD_BUNDLE = 66
"""A bundle is missing, damaged, or fails its golden test."""
MISSING_EXTRA = 69
"""The command needs an extra that is not installed; the message names it."""
INTERNAL = 70
"""A fault of the program itself; a stage died."""
BAD_STORE = 74
"""The store cannot be kept: disk, permission, damage, or a newer schema."""
BUSY = 75
"""Another daemon owns the store."""
BAD_SETTINGS = 78
"""The settings cannot be used; the message names the key."""

INTERRUPTED = 130
"""Ctrl-C ended it; what was kept is kept."""


def exit_code_of(error: DowncoreError) -> int:
    """Return the exit code that says what kind of error this is."""
    kinds: tuple[tuple[type[DowncoreError], int], ...] = (
        (StoreBusyError, BUSY),
        (StoreError, BAD_STORE),
        (SettingsError, BAD_SETTINGS),
        (EndMemberError, BAD_SETTINGS),
        (BundleError, BAD_BUNDLE),
        (SegmentError, BAD_INPUT),
        (MeasuredRowsError, BAD_INPUT),
        (DepthLedgerError, BAD_INPUT),
    )
    for kind, code in kinds:
        if isinstance(error, kind):
            return code
    return REFUSED
