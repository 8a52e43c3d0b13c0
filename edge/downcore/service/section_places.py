"""Names that scans of different folders share, and copies under the name of another section."""

from pathlib import Path

from downcore.file_names import printable
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.naming import name_apart
from downcore.sources.inbox.rules import place_in
from downcore.sources.inbox.section_names import SectionName


def name_in_own_folder(station: Station, scan_files: ScanFiles, name: SectionName) -> SectionName:
    """
    Return the name of a scan that the store does not have: its own, unless another folder has it.

    The store decides, not the listing, so that files which were moved away since count as well.
    """
    path = scan_files.paths[0]
    place = place_in(station.inbox, path)
    rule = station.rules_by_place.rule_of(path)
    if place == path or (rule is not None and rule.ignores_folder):
        return name
    others = _others(station, place, name.section_id)
    if not others:
        return name
    apart = name
    for is_whole in (False, True):
        apart = name_apart(name, place, others, is_whole=is_whole)
        if not _others(station, place, apart.section_id):
            break
    return apart


def copy_reason(station: Station, original: str, section_id: str) -> tuple[str, bool]:
    """
    Return why a scan has no rows of its own, and whether it bears another section's name.

    Parameters
    ----------
    station : Station
        Its store has both scans.
    original : str
        The scan with the same content.
    section_id : str
        Section of the scan that repeats it.
    """
    reason = f"the same content as scan {original}"
    section, path = station.store.section_of(original)
    if section in {"", section_id}:
        return reason, False
    return f"{reason} of section {section}, {path}", True


def _others(station: Station, place: Path, section_id: str) -> list[Path]:
    """Return the places of a section's scans; none where one of them is in the same folder."""
    root = Path(printable(station.inbox))
    stored = [Path(path) for path in station.store.places_of(section_id)]
    places = [path.relative_to(root) for path in stored if path.is_relative_to(root)]
    folder = Path(printable(place)).parent
    return [] if any(one.parent == folder for one in places) else places
