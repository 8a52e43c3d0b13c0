"""The values that the record holds: scans, their rows, and announcements of both."""

import enum
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from downcore.strata.composed import ComposedSlice
from downcore.strata.depthlog import SliceRow
from downcore.strata.flags import Alarm
from downcore.strata.measured import MeasuredBatch
from downcore.strata.scan_corrections import Correction


class ScanState(enum.StrEnum):
    """State of a scan; the usual order is seen, growing, settling, final, done."""

    SEEN = "seen"
    """Found in the inbox; not read yet."""
    GROWING = "growing"
    """Read while the scanner still writes it."""
    SETTLING = "settling"
    """Complete by its structure, but not unchanged for long enough."""
    FINAL = "final"
    """Complete; its last slices are still to be committed."""
    DONE = "done"
    """Every slice is committed."""
    QUARANTINED = "quarantined"
    """Set aside, with the reason."""
    SUPERSEDED = "superseded"
    """A later scan of the section has rows; this one's rows are kept."""
    MISSING = "missing"
    """Its file disappeared before it was done."""
    EXCLUDED = "excluded"
    """A person left it out of the log; its rows can still be read by its id."""
    QUESTIONED = "questioned"
    """Its scale or side is doubted; no row is made before a person answers."""
    FORGOTTEN = "forgotten"
    """A person had it taken out of every view; its rows are kept."""


class OutboxKind(enum.StrEnum):
    """What an announcement is about."""

    LOG = "log"
    """Rows that were committed."""
    STATE = "state"
    """A scan's new state."""
    COMPOSITION = "composition"
    """Compositions that were committed."""
    CORRECTION = "correction"
    """What a person corrected."""
    MEASURED = "measured"
    """Measured values that were committed."""
    ALARM = "alarm"
    """The flags of a section that stand, after one of them changed."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over one section half, as it was found."""

    scan_id: str
    """Identity by content; never used again for another pass."""
    section_id: str
    """Which section half; made from the names below, or from the file's name."""
    path: str
    """Where the scan was found; for people, not an identity."""
    format: str
    """Name of the scanner format."""
    px_per_cm: Fraction
    """Scan lines per centimetre, exact."""
    top: str
    """Where the section's top lies in the image: ``up``, ``left`` or ``right``."""
    expedition: str = ""
    core: str = ""
    section: str = ""
    half: str = ""
    section_top_um: int | None = None
    """Depth of the section's top in the core; ``None`` where nothing says it."""
    header_digest: str = ""
    """Digest of the lines of the first centimetre; empty where not known yet."""
    content_digest: str = ""
    """Digest of everything; empty while the scan grows."""
    px_per_cm_from: str = ""
    """``settings``, ``correction`` or a sidecar's name; empty in rows of older versions."""
    top_from: str = ""
    """``settings``, ``correction`` or ``format``; empty in rows of older versions."""
    corrects: str | None = None
    """The scan of the same file, read another way, that this one is to supersede."""

    def __post_init__(self) -> None:
        if not self.scan_id or not self.section_id:
            raise ValueError(f"expected a scan id and a section id, got {self!r}")
        for text in (self.scan_id, self.section_id):
            if not text.isascii() and _is_not_utf8(text):
                raise ValueError(f"expected an id that is valid Unicode, got {text!r}")


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Rows of one scan that were committed together."""

    section_id: str
    scan_id: str
    section_top_um: int | None
    committed_utc: str
    rows: tuple[SliceRow, ...]


@dataclass(frozen=True, slots=True)
class CompositionBatch:
    """Compositions of slices of one scan that were committed together."""

    section_id: str
    scan_id: str
    section_top_um: int | None
    committed_utc: str
    slices: tuple[ComposedSlice, ...]


Announced: TypeAlias = (
    "LogBatch | CompositionBatch | MeasuredBatch | ScanStatus | Correction | Alarm"
)
"""What is announced of the record."""


@dataclass(frozen=True, slots=True)
class ScanStatus:
    """Where a scan stands."""

    section_id: str
    scan_id: str
    state: ScanState
    reason: str
    n_slices: int
    """Slices in the store."""
    n_lines_done: int
    """Scan lines whose slices are in the store."""
    superseded_by: str | None
    duplicate_of: str | None
    updated_utc: str


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One announcement that waits for its sinks, in the order of the commits."""

    seq: int
    """Counts up by one with each announcement of a store; with the epoch it is unique."""
    kind: OutboxKind
    section_id: str
    payload: str
    """JSON object, without epoch and seq."""
    created_utc: str


@dataclass(frozen=True, slots=True)
class StoreOrigin:
    """Which store announces, and how far it has come."""

    epoch: int
    """Rises whenever the store is not the one that was written last; 1 or more."""
    instance_id: str
    """Random, made with the store, 32 hex digits."""
    head_seq: int
    """The newest announcement; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a start of the program ran with; every row names its run."""

    code_version: str
    settings_sha256: str
    cpu_flags: str
    """The flags that change what a network answers, such as ``avx512_vnni``."""
    openvino_version: str
    novelty_guard_id: str = ""
    """Bundle id of the guard of bundles that saw generated cores alone; empty where none ran."""


def _is_not_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
