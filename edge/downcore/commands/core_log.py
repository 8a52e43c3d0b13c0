"""The depth log of a whole core from the record, by the depth that was asked for."""

from dataclasses import replace

from downcore.commands.beside_rows import beside_of
from downcore.commands.core_lookup import CoreIndex
from downcore.store import Reader
from downcore.store.stored_cores import CoreSection, StoredCore
from downcore.strata.core_depths import DepthScale
from downcore.strata.core_log import CoreLog, CorePiece, core_piece, joined_log
from downcore.strata.depth_ledger import section_order
from downcore.strata.errors import SectionError


def read_core_log(reader: Reader, name: str, scale: DepthScale) -> CoreLog:
    """
    Return the depth log of a core, or of the cores of a hole.

    Parameters
    ----------
    reader : Reader
        The record.
    name : str
        As :meth:`~downcore.commands.core_lookup.CoreIndex.find` takes it.
    scale : DepthScale
        Which depth the sections are ordered by.

    Raises
    ------
    UnknownSectionError
        If the record has no such core, or several.
    SectionError
        If it has no row, or nothing says the depth that was asked for.
    """
    cores = CoreIndex.of(reader).find(name)
    pieces: list[CorePiece] = []
    notes: list[str] = []
    for core in cores:
        said = (*core.notes, *core.depths.notes)
        notes += [f"core {core.name}: {note}" for note in said]
        if core.depths.offset_um(scale) is None:
            notes.append(f"core {core.name} is left out: {_lacking(core, scale)}")
            continue
        for one in chosen_halves(core, notes):
            piece = _piece(reader, core, one)
            if piece is None:
                notes += _why_absent(one, core)
            else:
                pieces.append(piece)
    if not pieces:
        raise SectionError(
            f"core {name} has no row with a depth in the {scale}: "
            f"{'; '.join(dict.fromkeys(notes)) or 'no section of it is in the store'}; "
            "'downcore depths show' says what is known, 'import' and 'edit' add to it"
        )
    return joined_log(name, pieces, scale, notes)


def chosen_halves(core: StoredCore, notes: list[str]) -> list[CoreSection]:
    """Return one scan for each section of a core that has rows, by name; say which are left out."""
    halves = [one.stored.scan.half for one in core.scans]
    best = max(
        dict.fromkeys(halves), key=lambda half: (halves.count(half), half != "W"), default=""
    )
    chosen: dict[str, CoreSection] = {}
    for one in core.scans:
        if not one.stored.status.n_slices:
            continue
        rival = chosen.get(one.section)
        if rival is None:
            chosen[one.section] = one
            continue
        is_better = one.stored.scan.half == best != rival.stored.scan.half
        kept, other = (one, rival) if is_better else (rival, one)
        chosen[one.section] = kept
        notes.append(
            f"{other.stored.scan.section_id} is left out: {kept.stored.scan.section_id} is the "
            "same section"
        )
    return sorted(chosen.values(), key=lambda one: section_order(one.section))


def _piece(reader: Reader, core: StoredCore, one: CoreSection) -> CorePiece | None:
    section = core.depths.section(one.section)
    if section is None:
        return None
    scan = one.stored.scan
    rows = [stored.row for stored in reader.scan_log(scan.scan_id)]
    piece = core_piece(scan.section_id, scan.scan_id, core.depths, section, rows)
    beside = beside_of(reader, scan.section_id, rows, one.stored.status.state)
    return piece and replace(piece, beside=beside)


def _lacking(core: StoredCore, scale: DepthScale) -> str:
    if core.depths.top_um is None:
        return "nothing says the depth of its top in the hole (--core-top-m)"
    return f"nothing says its shift to {scale} depth (--shift-m)"


def _why_absent(one: CoreSection, core: StoredCore) -> list[str]:
    """Say why a section has no row in a log, unless it was said that nothing says its top."""
    section = core.depths.section(one.section)
    if section is None or section.top_um is None:
        return []
    return [f"{one.stored.scan.section_id} is left out: all of its rows lie below its length"]
