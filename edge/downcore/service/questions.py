"""Whether a scan must wait for a person before its first row is made."""

from dataclasses import dataclass, replace

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.service.scan_evidence import facts_of, folder_of
from downcore.service.station import Station
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.section_names import SectionName
from downcore.store import Reader
from downcore.store.questions import KnownWidth
from downcore.strata.core_depths import core_depths
from downcore.strata.depth_ledger import UM_PER_CM, CoreName, core_said, section_key
from downcore.strata.scan_doubts import Doubt, doubts_of, question

_SHOWN_ID = 8
"""Digits of a scan's identity that stand for it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a scan waits with."""

    words: str
    """With the commands that answer it."""
    is_new: bool
    """Whether it was not asked before."""


def open_question(
    station: Station,
    scan_files: ScanFiles,
    lines: ScanLines,
    scan_id: str,
    name: SectionName,
    *,
    n_lines: int,
    is_complete: bool,
    content: str,
) -> Question | None:
    """
    Return the question that a scan waits with; ``None`` where it may be read.

    What is asked is in the record and announced, and what the station insists on is accepted.

    Raises
    ------
    MoreLinesNeededError
        If the scan still grows, and its lines do not tell yet.
    """
    rules, store = station.doubts, station.store
    if not rules.ask:
        return None
    doubts = _doubts(
        station, scan_files, lines, scan_id, name, n_lines=n_lines, is_complete=is_complete
    )
    causes = frozenset(doubt.cause for doubt in doubts)
    left = causes - store.answered(scan_id, content, causes)
    if left and station.insists is not None:
        request = station.insists
        store.correct(
            replace(request, request_id=f"{request.request_id}-{scan_id}", scan_ids=(scan_id,))
        )
        left = frozenset()
    if not left:
        store.ask(scan_id, left, "")
        return None
    # Where the section has a log already, its name means the scan of that.
    with Reader.open(store.path) as reader:
        standing = reader.standing_scan(name.section_id)
    is_alone = standing is None or standing.scan.scan_id == scan_id
    called = name.section_id if is_alone else scan_id[:_SHOWN_ID]
    asked = printable(question([one for one in doubts if one.cause in left], called))
    return Question(asked, is_new=store.ask(scan_id, left, asked))


def _doubts(
    station: Station,
    scan_files: ScanFiles,
    lines: ScanLines,
    scan_id: str,
    name: SectionName,
    *,
    n_lines: int,
    is_complete: bool,
) -> tuple[Doubt, ...]:
    path = scan_files.paths[0]
    facts = facts_of(lines, path, station.doubts, n_lines=n_lines, is_complete=is_complete)
    width = KnownWidth(
        folder_of(path, lines.description.format_name),
        lines.n_across,
        None if facts.span is None else facts.span.width_px,
    )
    others = station.store.note_width(scan_id, width)
    with Reader.open(station.store.path) as reader:
        ledger_cm = ledger_lengths_cm(reader, name)
    section = section_key(name.section or "1")
    facts = replace(facts, others=others, section=section, ledger_cm=ledger_cm)
    return doubts_of(facts, station.doubts)


def ledger_lengths_cm(reader: Reader, name: SectionName) -> tuple[tuple[str, float], ...]:
    """
    Return the sections of a scan's core with their lengths, as the depth ledger has them.

    A section that was scanned expanded has the length that it was scanned with; none is listed
    whose length is not said.
    """
    if not name.core:
        return ()
    said = core_said(CoreName(name.expedition, name.core), reader.depth_versions())
    lengths = ((one.section, one.scanned_length_um) for one in core_depths(said).sections)
    return tuple((section, um / UM_PER_CM) for section, um in lengths if um is not None)
