"""Which scan of the store a file is: by its content, so that names and copies do not matter."""

import hashlib
from dataclasses import dataclass

from downcore.ports import ScanLines
from downcore.service.candidates import Candidate
from downcore.sources._identity import DIGEST_BYTES, PrefixDigest, content_digest, scan_id_of
from downcore.sources._names import SectionName
from downcore.sources._reconcile import printable
from downcore.store import OpenedScan, Store
from downcore.strata.record import Scan, ScanState


@dataclass(frozen=True, slots=True)
class Identity:
    """What was found out about a file before its rows are made."""

    scan_id: str
    opening: str
    """Digest of the lines of its first centimetre."""
    kept: OpenedScan | None
    """The scan as the store has it, with the same lines so far; ``None`` if it is new."""


def identify(
    lines: ScanLines, section_id: str, store: Store, *, n_lines: int, is_complete: bool
) -> Identity | None:
    """
    Find the scan that a file belongs to.

    The name of a scan is made from its section and its first centimetre. Where the
    store has that scan with other lines further down, the file was replaced: it is a
    new scan, named after the old one and what differs.

    Parameters
    ----------
    lines : ScanLines
        The opened file, refreshed.
    section_id : str
        Section that the file shows.
    store : Store
        Asked for what is kept.
    n_lines : int
        Lines that can be trusted by now.
    is_complete : bool
        Whether these are all.

    Returns
    -------
    Identity or None
        ``None`` while too few lines are there to tell.
    """
    first_slice = lines.scale.first_line_of_slice(1)
    if n_lines < first_slice and not is_complete:
        return None
    opening = PrefixDigest.replay(lines, min(first_slice, n_lines)).hexdigest()
    scan_id = scan_id_of(section_id, opening)
    while (kept := store.known_scan(scan_id)) is not None:
        if kept.n_lines_done > n_lines and not is_complete:
            return None
        seen = PrefixDigest.replay(lines, min(kept.n_lines_done, n_lines)).hexdigest()
        is_same = kept.n_lines_done == 0 or seen == kept.prefix_digest
        was_ended = kept.state in (ScanState.FINAL, ScanState.DONE)
        has_grown = was_ended and n_lines > kept.n_lines_done > 0
        if is_same and (not has_grown or kept.duplicate_of is not None):
            return Identity(scan_id, opening, kept)
        scan_id = scan_id_of(section_id, _joined(scan_id, seen))
    return Identity(scan_id, opening, None)


def scan_of(
    candidate: Candidate, lines: ScanLines, name: SectionName, found: Identity, *, content: str
) -> Scan:
    """Return the scan as the store shall know it; ``content`` is empty while it grows."""
    told = lines.description
    return Scan(
        scan_id=found.scan_id,
        section_id=name.section_id,
        path=printable(candidate.paths[0]),
        format=told.format_name,
        px_per_cm=lines.scale.px_per_cm,
        top=told.top,
        expedition=name.expedition,
        core=name.core,
        section=name.section,
        half=name.half,
        section_top_um=told.section_top_um,
        header_digest=found.opening,
        content_digest=content,
    )


def content_of(candidate: Candidate) -> str:
    """Return the digest of a scan's files, whole and in order."""
    if len(candidate.paths) == 1:
        return content_digest(candidate.paths[0])
    return _joined(*(content_digest(path) for path in candidate.paths))


def _joined(*digests: str) -> str:
    joined = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for one in digests:
        joined.update(bytes.fromhex(one))
    return joined.hexdigest()
