"""Names that scans of different folders share, and copies under the name of another section."""

from pathlib import Path

from downcore.file_names import printable
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.naming import name_apart
from downcore.sources.inbox.rules import place_in
from downcore.sources.inbox.section_names import SectionName
from downcore.store import Reader


def name_in_own_folder(station: Station, scan_files: ScanFiles, name: SectionName) -> SectionName:
    """
    Return the name of a scan that the store does not have: its own, unless another folder has it.

    The store decides, not the listing, so that files which were moved away since count as well.
    """
    path = scan_files.paths[0]
    place = place_in(station.inbox, path)
    rule = station.rules_by_place.rule_of(path)
    if place.is_absolute() or place == path or (rule is not None and rule.ignores_folder):
        return name
    with Reader.open(station.store.path) as reader:
        others = _others(reader, station.inbox, place, name.section_id)
        if not others:
            return name
        for is_whole in (False, True):
            apart = name_apart(name, place, others, is_whole=is_whole)
            if not _others(reader, station.inbox, place, apart.section_id):
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
    with Reader.open(station.store.path) as reader:
        stored = reader.scan(original)
    if stored is None or stored.scan.section_id == section_id:
        return reason, False
    return f"{reason} of section {stored.scan.section_id}, {stored.scan.path}", True


def _others(reader: Reader, inbox: Path, place: Path, section_id: str) -> list[Path]:
    """Return the places of a section's scans; none where one of them is in the same folder."""
    root = Path(printable(inbox))
    places = [
        Path(stored.scan.path).relative_to(root)
        for stored in reader.scans(section_id)
        if stored.status.duplicate_of is None and Path(stored.scan.path).is_relative_to(root)
    ]
    folder = Path(printable(place)).parent
    return [] if any(one.parent == folder for one in places) else places
