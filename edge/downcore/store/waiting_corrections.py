"""Corrections whose scans are still to be read again: the daemon is under way, or was stopped."""

from dataclasses import dataclass
from fractions import Fraction

from downcore.store.queries import Reader
from downcore.store.stored_values import StoredScan
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import Correction, Verb

_READINGS = frozenset({Verb.REDO, Verb.RENAME, Verb.PROCESS})
_LEFT_OUT = frozenset({ScanState.SUPERSEDED, ScanState.EXCLUDED, ScanState.FORGOTTEN})


@dataclass(frozen=True, slots=True)
class WaitingCorrection:
    """One command of a person, and the sections that it has still to reach."""

    verb: Verb
    asked: str
    """Section or pattern as it was given."""
    made_by: str
    made_utc: str
    n_scans: int
    """Scans that it is about."""
    waiting: tuple[str, ...]
    """Sections that are still as they were read before, at least one."""

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"{self.verb} {self.asked}, by {self.made_by}, {self.made_utc}: {len(self.waiting)} of "
            f"{self.n_scans} still to be read again"
        )


def waiting_corrections(reader: Reader) -> list[WaitingCorrection]:
    """
    Return what people asked that is not done yet, the oldest first.

    A bare ``redo``, back to what settings and sidecar say, is not among them: what these say is
    known only when the file is opened.
    """
    # A scan that was read as asked, and is doubted, waits for an answer and not for the daemon.
    doubted = {one.scan.corrects for one in reader.questioned()}
    asked: dict[str, list[Correction]] = {}
    latest: dict[str, Correction] = {}
    for one in reader.corrections():
        if one.verb in _READINGS and one.scan_id is not None:
            asked.setdefault(one.request_id, []).append(one)
            latest[one.path] = one
    found: list[WaitingCorrection] = []
    for corrections in asked.values():
        last = [one for one in corrections if latest[one.path] is one]
        waiting = tuple(
            one.section_id for one in last if one.scan_id not in doubted and _waits(one, reader)
        )
        if waiting:
            one = corrections[0]
            found.append(
                WaitingCorrection(
                    one.verb, one.asked, one.made_by, one.made_utc, len(corrections), waiting
                )
            )
    return found


def _waits(correction: Correction, reader: Reader) -> bool:
    stored = reader.scan(correction.scan_id or "")
    return (
        stored is not None
        and stored.status.state not in _LEFT_OUT
        and not _is_read_so(stored, correction)
    )


def _is_read_so(stored: StoredScan, correction: Correction) -> bool:
    scan, reading = stored.scan, correction.reading
    return (
        (reading.px_per_cm is None or Fraction(reading.px_per_cm) == scan.px_per_cm)
        and reading.top in (None, scan.top)
        and reading.section in (None, scan.section_id)
    )
