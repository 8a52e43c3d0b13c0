"""What a reader of the record is given: scans, rows, bundles, counts and quarantined files."""

from dataclasses import dataclass

from downcore.strata.depthlog import SliceRow
from downcore.strata.record import Scan, ScanStatus


@dataclass(frozen=True, slots=True)
class StoredScan:
    """A scan of the record and where it stands."""

    scan: Scan
    status: ScanStatus


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One centimetre of the record with where it comes from."""

    scan_id: str
    run_id: int
    """The run that wrote the slice."""
    row: SliceRow


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle of the record."""

    bundle_id: str
    network: str
    precision: str
    training_data: str
    """What it was trained on, in a sentence."""
    is_corrected: bool
    """Whether its values were corrected by measured rows of the section."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the record holds."""

    sections: int
    scans: int
    slices: int
    estimates: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A file that was tried and did not succeed so far."""

    identity: str
    path: str
    reason: str
    tries: int
