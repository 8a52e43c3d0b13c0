"""How a file is to be read: what a person said, then what settings, sidecar and name say."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePosixPath

from downcore.file_names import printable
from downcore.service.station import Station
from downcore.sources import Reading
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.naming import name_of_scan
from downcore.sources.inbox.rules import BY_RULE
from downcore.sources.inbox.section_names import SectionName, section_name
from downcore.store.scans import FinishedScan


@dataclass(frozen=True, slots=True)
class ExpectedReading:
    """Scale, side of the top and section of a file, as far as they are known unopened."""

    reading: Reading
    name: SectionName
    """As rules, settings and the file's name say, or a person."""
    is_named: bool = False
    """Whether a person gave the name."""

    def is_same_as(self, other: "ExpectedReading") -> bool:
        """Return whether a scan read either way is the same one."""
        # Strips may come in any order, and what is said of their name with them.
        return (self.reading, self.name.section_id) == (other.reading, other.name.section_id)


def expected_reading(station: Station, scan_files: ScanFiles, content: str = "") -> ExpectedReading:
    """
    Return how a scan's files are to be read.

    Parameters
    ----------
    station : Station
        With the settings and the store, which holds what people corrected.
    scan_files : ScanFiles
        The files.
    content : str
        Digest of their content; empty while it is not known.
    """
    path = scan_files.paths[0]
    asked = station.store.asked_reading(content, printable(path))
    if station.said is not None:
        asked = station.said.reading.over(asked)
    reading = station.reading_of(path)
    if asked.px_per_cm is not None:
        reading = replace(reading, px_per_cm=asked.px_per_cm, px_per_cm_from="correction")
    if asked.top is not None:
        reading = replace(reading, top=asked.top, top_from="correction")  # type: ignore[arg-type] # an AskedReading allows no other
    if asked.section is not None:
        return ExpectedReading(reading, _named(asked.section), is_named=True)
    name = name_of_scan(scan_files, None, station.rules_by_place, station.patterns)
    return ExpectedReading(reading, name)


def is_as_expected(finished: FinishedScan, expected: ExpectedReading) -> bool:
    """
    Return whether a scan is of the section and was read as its files are to be read now.

    What is left to sidecar and format cannot have changed without the files' signature, unless
    settings or a person said it before.
    """
    reading = expected.reading
    said_by, otherwise = finished.px_per_cm_from, reading.px_per_cm_otherwise
    if reading.px_per_cm is not None:
        is_scale_right = Fraction(reading.px_per_cm) == finished.px_per_cm
    elif said_by in _SAID or said_by.startswith(BY_RULE):
        is_scale_right = otherwise is not None and Fraction(otherwise) == finished.px_per_cm
    else:
        is_scale_right = True
    if reading.top is not None:
        is_top_right = reading.top == finished.top
    else:
        is_top_right = finished.top_from not in _SAID
    named = finished.expected_section or finished.section_id
    return is_scale_right and is_top_right and expected.name.section_id == named


_SAID = frozenset({"settings", "correction"})


def _named(section: str) -> SectionName:
    """Return the parts of a name that a person gave, where a pattern knows them."""
    found = section_name(PurePosixPath(f"{section}.tif"))
    if found.section_id == section:
        return replace(found, warning="")
    return SectionName("", "", "", "", section, "", "")
