"""Flags that the second opinion puts on measured logs, as the record keeps them."""

import enum
from dataclasses import dataclass

from downcore.strata.second_opinion.codes import Code


class FlagEventKind(enum.StrEnum):
    """What happened to a flag."""

    RAISED = "raised"
    CHANGED = "changed"
    """It covers other centimetres, or its score has changed by a tenth or more."""
    CLEARED = "cleared"
    """What is measured and predicted now gives no cause for it any more."""
    ACKNOWLEDGED = "acknowledged"
    """A person has seen it."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag as it stands."""

    flag_no: int
    section_id: str
    code: Code
    property: str
    """Empty where the section as a whole is meant."""
    top_um: int
    """Below the section's top."""
    bottom_um: int
    score: float
    limit: float
    evidence: str
    raised_utc: str
    changed_utc: str
    """When it was raised, changed or cleared last."""
    is_cleared: bool = False
    acknowledged_by: str = ""
    """Empty while nobody has."""
    acknowledged_utc: str = ""
    word: str = ""
    """What that person said of it."""


def titled(code: str, name: str) -> str:
    """Return a code with its property, which some codes name themselves."""
    return str(code) if not name or str(code).startswith(name) else f"{name} {code}"


def is_open(flag: Flag) -> bool:
    """Return whether a flag stands and nobody has acknowledged it."""
    return not flag.is_cleared and not flag.acknowledged_by


@dataclass(frozen=True, slots=True)
class FlagEvent:
    """One thing that happened to a flag."""

    event_no: int
    flag_no: int
    kind: FlagEventKind
    made_by: str
    """Empty for what the program did."""
    word: str
    made_utc: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """All flags of a section that stand, after one of them changed."""

    section_id: str
    updated_utc: str
    flags: tuple[Flag, ...]
    n_left_out: int = 0
    """Flags that are not named, since the message would be too large."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person acknowledges a flag."""

    request_id: str
    flag_no: int
    made_by: str
    made_utc: str
    word: str
