"""Names that scans of different folders share, and copies under the name of another section."""

import logging
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanDescription
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.naming import name_apart, name_of_scan
from downcore.sources.inbox.rules import place_in
from downcore.sources.inbox.section_names import SectionName
from downcore.strata.record import ScanState

logger = logging.getLogger(__name__)


class ScanNaming:
    """
    The name of one scan, as more and more is known of it, and what is odd about that.

    Parameters
    ----------
    station : Station
        Its rules, patterns and store decide.
    scan_files : ScanFiles
        The files as they were first seen.
    """

    def __init__(self, station: Station, scan_files: ScanFiles) -> None:
        self._station = station
        self.name = name_of_scan(scan_files, None, station.rules_by_place, station.patterns)
        self.why_apart = ""
        """Why it does not have its own name: scans in another folder have it; else empty."""
        self._said = {self.name.warning}

    def by_sidecar(self, scan_files: ScanFiles, description: ScanDescription) -> None:
        """Take the name that the sidecar gives, where it does."""
        station = self._station
        self._call(name_of_scan(scan_files, description, station.rules_by_place, station.patterns))

    def keep_apart(self, scan_files: ScanFiles) -> bool:
        """
        Take the folder into the name of a new scan where another folder has it; return whether.

        The store decides, not the listing, so that files which were moved away since count as well.
        """
        station, path = self._station, scan_files.paths[0]
        place = place_in(station.inbox, path)
        rule = station.rules_by_place.rule_of(path)
        if place == path or (rule is not None and rule.ignores_folder):
            return False
        others = _others(station, place, self.name.section_id)
        if not others:
            return False
        apart = self.name
        for is_whole in (False, True):
            apart = name_apart(self.name, place, others, is_whole=is_whole)
            if not _others(station, place, apart.section_id):
                break
        self.why_apart = printable(apart.warning)
        self._call(apart)
        return True

    def _call(self, name: SectionName) -> None:
        if name.warning and name.warning not in self._said:
            self._said.add(name.warning)
            logger.warning("%s", printable(name.warning))
        self.name = name


def say_copy(
    station: Station, scan_files: ScanFiles, name: SectionName, scan_id: str, original: str
) -> str:
    """
    Return why a scan has no rows of its own; where it bears another section's name, say so.

    Parameters
    ----------
    station : Station
        Its store has both scans.
    scan_files, name, scan_id : ScanFiles, SectionName, str
        The scan that repeats another.
    original : str
        The scan with the same content.
    """
    reason = f"the same content as scan {original}"
    section, path = station.store.section_of(original)
    if section in {"", name.section_id}:
        return reason
    reason = f"{reason} of section {section}, {path}"
    shown = printable(scan_files.paths[0])
    logger.warning("section %s: %s: %s", name.section_id, shown, reason)
    station.store.set_scan_state(scan_id, ScanState.DONE, reason)
    return reason


def _others(station: Station, place: Path, section_id: str) -> list[Path]:
    """Return the places of a section's scans; none where one of them is in the same folder."""
    root = Path(printable(station.inbox))
    stored = [Path(path) for path in station.store.places_of(section_id)]
    places = [path.relative_to(root) for path in stored if path.is_relative_to(root)]
    folder = Path(printable(place)).parent
    return [] if any(one.parent == folder for one in places) else places
