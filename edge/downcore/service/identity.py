"""Which scan of the store a file is: by its content, so that names and copies do not matter."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from downcore.file_names import printable
from downcore.ports import ScanLines
from downcore.service.station import Station
from downcore.sources.inbox.digests import DIGEST_BYTES, PrefixDigest, content_digest, scan_id_of
from downcore.sources.inbox.grouping import ScanFiles
from downcore.sources.inbox.section_names import SectionName
from downcore.sources.turns import TURN_BYTES, Turns
from downcore.store import OpenedScan, Store
from downcore.strata.record import Scan, ScanState


@dataclass(frozen=True, slots=True)
class Identity:
    """What was found out about a file before its rows are made."""

    scan_id: str
    opening: str
    """Digest of the lines of its first centimetre."""
    stored: OpenedScan | None
    """The scan as the store has it, with the same lines so far; ``None`` if it is new."""
    is_copy: bool = False
    """Whether a new scan begins as one that is known, so that it may turn out to be the same."""

    def has_all(self, n_lines: int, n_done_slices: int) -> bool:
        """Return whether the store has every row of it, or links it to a scan that has them."""
        stored = self.stored
        if stored is None:
            return False
        return stored.duplicate_of is not None or (
            stored.state in (ScanState.DONE, ScanState.SUPERSEDED)
            and n_lines == stored.n_lines_done
            and n_done_slices == stored.n_slices
        )


def identify(
    lines: ScanLines,
    section_id: str,
    store: Store,
    *,
    n_lines: int,
    is_complete: bool,
    content: str,
) -> Turns[Identity | None]:
    """
    Find the scan that a file belongs to, in turns, since its stored lines are read again.

    The name of a scan is made from its section and its first centimetre. Where the
    store has that scan with other lines further down, the file was replaced: it is a
    new scan, named after the old one and what differs. So it is where a scan that was
    done has more lines, and where one was read at another scale or from another side.

    Parameters
    ----------
    lines : ScanLines
        The opened file, refreshed.
    section_id : str
        Section that the file shows.
    store : Store
        Asked for the scans that it has.
    n_lines : int
        Lines that can be trusted by now.
    is_complete : bool
        Whether these are all.
    content : str
        Digest of the whole content; empty while it may still change.

    Returns
    -------
    Identity or None
        ``None`` while too few lines are there to tell, or the whole content is needed.
    """
    first_slice = lines.scale.first_line_of_slice(1)
    if n_lines == 0 or (n_lines < first_slice and not is_complete):
        return None
    opening = (yield from PrefixDigest.replay(lines, min(first_slice, n_lines))).hexdigest()
    scan_id = scan_id_of(section_id, opening)
    px_per_cm, top = lines.scale.px_per_cm, lines.description.top
    while (stored := store.known_scan(scan_id)) is not None:
        if (stored.px_per_cm, stored.top) != (px_per_cm, top):
            scan_id = scan_id_of(section_id, _joined(scan_id, _digest_of(f"{px_per_cm} {top}")))
            continue
        if stored.duplicate_of is not None:
            if not content:
                return None
            if content == stored.content_digest:
                return Identity(scan_id, opening, stored)
            scan_id = scan_id_of(section_id, _joined(scan_id, content))
            continue
        if stored.n_lines_done > n_lines and not is_complete:
            return None
        n_to_compare = min(stored.n_lines_done, n_lines)
        seen = (yield from PrefixDigest.replay(lines, n_to_compare)).hexdigest()
        is_same = stored.n_lines_done == 0 or seen == stored.prefix_digest
        has_grown = n_lines > stored.n_lines_done and stored.has_ended
        if is_same and not has_grown:
            return Identity(scan_id, opening, stored)
        scan_id = scan_id_of(section_id, _joined(scan_id, seen))
    is_copy = store.has_scan_that_begins_with(opening)
    return Identity(scan_id, opening, None, is_copy=is_copy)


def scan_of(
    scan_files: ScanFiles,
    lines: ScanLines,
    name: SectionName,
    found: Identity,
    *,
    content: str,
    corrects: str | None = None,
) -> Scan:
    """Return the scan as the store shall know it; ``content`` is empty while it grows."""
    description = lines.description
    return Scan(
        scan_id=found.scan_id,
        section_id=name.section_id,
        path=printable(scan_files.paths[0]),
        format=description.format_name,
        px_per_cm=lines.scale.px_per_cm,
        top=description.top,
        expedition=name.expedition,
        core=name.core,
        section=name.section,
        half=name.half,
        section_top_um=description.section_top_um,
        header_digest=found.opening,
        content_digest=content,
        px_per_cm_from=printable(description.px_per_cm_from),
        top_from=description.top_from,
        corrects=corrects,
    )


def content_of(scan_files: ScanFiles) -> Turns[str]:
    """Return the digest of a scan's files, whole and in order, in turns."""
    digests: list[str] = []
    n_bytes = 0
    for path, file in zip(scan_files.paths, scan_files.files, strict=True):
        digests.append((yield from content_digest(path)))
        n_bytes += file.size
        if n_bytes >= TURN_BYTES:
            n_bytes = 0
            yield
    return digests[0] if len(digests) == 1 else _joined(*digests)


def made_with(station: Station) -> str:
    """Return the ids of all that makes rows, with commas between."""
    config = station.composition_config
    return ",".join((*station.bundle_ids, *([] if config is None else [config.composer_id])))


def attempt_key(scan_files: ScanFiles) -> str:
    """Return under which key starts are counted that began with a scan and did not survive it."""
    path = scan_files.paths[0]
    # A file that grows stays the same one; what replaces it deserves a try of its own.
    which = scan_files.files[0].inode if scan_files.is_one_file else 0
    return f"attempt:{which}:{printable(scan_files.format.grouping(path))}"


def refusal_key(path: Path) -> str:
    """Return under which key the quarantine holds why a file was set aside; one for each path."""
    return f"file:{printable(path)}"


def _digest_of(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _joined(*digests: str) -> str:
    joined = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for digest in digests:
        joined.update(bytes.fromhex(digest))
    return joined.hexdigest()
