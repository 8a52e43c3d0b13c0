"""What a person corrects about scans, and how it is kept: who, when, why and what it did."""

import enum
from dataclasses import dataclass

from downcore.strata.depth import LineScale
from downcore.strata.input_text import exact_ratio, shown

TOPS = ("up", "left", "right")
"""Sides of an image where a core's top can be."""


class Verb(enum.StrEnum):
    """What a correction does."""

    REDO = "redo"
    """Read the scan again, at another scale or from another side, or as the settings say."""
    RENAME = "rename"
    """The scan shows another section than its file's name says."""
    EXCLUDE = "exclude"
    """Leave the scan out of the log; its rows can still be read by its id."""
    INCLUDE = "include"
    """Take back an ``exclude`` or a ``forget``."""
    RELEASE = "release"
    """Try a file that was set aside once more."""
    FORGET = "forget"
    """Show the scan nowhere any more; its rows stay in the database."""
    ACCEPT = "accept"
    """The scan is right as it is read, whatever was doubted."""
    PROCESS = "process"
    """Scale or side that was given to ``downcore process``; it is valid for later reads too."""


@dataclass(frozen=True, slots=True)
class AskedReading:
    """How a person wants a scan read; what is ``None`` is left to settings, sidecar and name."""

    px_per_cm: str | None = None
    """Pixels per centimetre as exact text."""
    top: str | None = None
    """Side of the image where the core's top is: ``up``, ``left`` or ``right``."""
    section: str | None = None
    """The section that the scan shows."""

    def __post_init__(self) -> None:
        if self.px_per_cm is not None:
            ratio = exact_ratio(self.px_per_cm)
            if ratio is None:
                raise ValueError(
                    'expected pixels per centimetre such as "200", "98.4" or "1000/3", got '
                    f"{shown(self.px_per_cm)}"
                )
            LineScale(ratio)
        if self.top is not None and self.top not in TOPS:
            raise ValueError(f"expected a top among {', '.join(TOPS)}, got {shown(self.top)}")
        if self.section == "":
            raise ValueError("expected a section's name, got an empty one")

    def over(self, earlier: "AskedReading") -> "AskedReading":
        """Return this, with what it leaves open as ``earlier`` says."""
        return AskedReading(
            self.px_per_cm if self.px_per_cm is not None else earlier.px_per_cm,
            self.top if self.top is not None else earlier.top,
            self.section if self.section is not None else earlier.section,
        )

    @property
    def words(self) -> str:
        """What is asked for, in words; empty where everything is left open."""
        parts = (
            f"at {self.px_per_cm} px/cm" if self.px_per_cm is not None else "",
            f"with the top {self.top}" if self.top is not None else "",
            f"as section {self.section}" if self.section is not None else "",
        )
        return ", ".join(filter(None, parts))


AS_SETTINGS_SAY = AskedReading()
"""Nothing is asked for."""


@dataclass(frozen=True, slots=True)
class CorrectionRequest:
    """One command of a person, before it is in the record."""

    request_id: str
    """Random; the same request handed over twice is applied once."""
    verb: Verb
    made_by: str
    """Name of the user, as the operating system has it."""
    made_utc: str
    asked: str
    """The command's argument, as typed."""
    scan_ids: tuple[str, ...] = ()
    """The scans that are meant."""
    paths: tuple[str, ...] = ()
    """The files that are meant, where no scan of them is known; as the record shows them."""
    reading: AskedReading = AS_SETTINGS_SAY
    why: str = ""

    def __post_init__(self) -> None:
        if not self.request_id or not self.made_by:
            raise ValueError("expected a request's id and who made it, got none")


@dataclass(frozen=True, slots=True)
class Correction:
    """One row of the record: what was corrected about one scan or file."""

    correction_no: int
    request_id: str
    made_utc: str
    made_by: str
    verb: Verb
    asked: str
    section_id: str
    """The section before the correction; empty for a file of which no scan is known."""
    scan_id: str | None
    """``None`` for a file of which no scan is known."""
    path: str
    reading: AskedReading
    """How the scan is read from now on; of a ``redo``, ``rename`` and ``process`` alone."""
    why: str
    effect: str
    """What it does, a sentence."""
