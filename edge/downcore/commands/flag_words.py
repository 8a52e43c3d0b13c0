"""Flags in words, for the list of flags and beside the rows of a log."""

from collections.abc import Sequence

from downcore.strata.depth import SLICE_UM
from downcore.strata.flags import Flag, titled


def title(flag: Flag) -> str:
    """Return what a flag says, with its property."""
    return titled(flag.code, flag.property)


def span(flag: Flag) -> str:
    """Return which centimetres a flag covers."""
    return f"{flag.top_um / SLICE_UM:g} to {flag.bottom_um / SLICE_UM:g}"


def state(flag: Flag) -> str:
    """Return how a flag stands, in words."""
    words = f"cleared {flag.changed_utc}" if flag.is_cleared else "open"
    if flag.acknowledged_by:
        seen = f"seen by {flag.acknowledged_by}, {flag.acknowledged_utc}"
        said = f": {flag.word}" if flag.word else ""
        words = f"{words}; {seen}{said}" if flag.is_cleared else f"{seen}{said}"
    return words


def marks_of(flags: Sequence[Flag], index: int) -> str:
    """Return the marks of a centimetre in the log; empty where no flag covers it."""
    found = [
        f"flag {one.flag_no}"
        for one in flags
        if not one.is_cleared
        and one.top_um < (index + 1) * SLICE_UM
        and one.bottom_um > index * SLICE_UM
    ]
    return ", ".join(found)


def flag_notes(flags: Sequence[Flag]) -> list[str]:
    """Say of a section's standing flags what a person should know before the rows."""
    return [
        f"flag {one.flag_no}, {span(one)} cm, {title(one)}: {one.evidence}; {state(one)}"
        for one in flags
        if not one.is_cleared
    ]
