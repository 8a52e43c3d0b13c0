"""The depth log of a whole core: its sections one below the other, with the gaps between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from downcore.strata.core_depths import NEGLIGIBLE_UM, CoreDepths, DepthScale, PlacedSection
from downcore.strata.depth_ledger import in_cm
from downcore.strata.depthlog import SliceRow
from downcore.strata.measured_slices import Beside


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """One centimetre of a section, and where it lies in the core."""

    row: SliceRow
    """As the record has it, with its depth in the section."""
    top_um: int
    """Depth of its top in the core."""
    bottom_um: int
    """Depth of its bottom in the core; at the end of a section no deeper than that."""


@dataclass(frozen=True, slots=True)
class CorePiece:
    """What the record has of one section of a core, in the core."""

    section_id: str
    scan_id: str
    depths: CoreDepths
    """Of the core that it belongs to."""
    section: str
    """Its name in the ledger."""
    rows: tuple[PlacedRow, ...]
    """Top first; at least one."""
    n_left_out: int = 0
    """Rows of the scan that begin below the section's end, such as the tray after it."""
    beside: Beside = field(default_factory=Beside)
    """What a logger measured in each slice, and the flags on it."""

    def span_um(self, scale: DepthScale) -> tuple[int, int]:
        """
        Return where it begins and ends on a scale.

        Raises
        ------
        ValueError
            If the core has no depth on this scale.
        """
        offset_um = self.depths.offset_um(scale)
        if offset_um is None:
            raise ValueError(f"expected core {self.depths.core} to have a depth in the {scale}")
        return self.rows[0].top_um + offset_um, self.rows[-1].bottom_um + offset_um


@dataclass(frozen=True, slots=True)
class DepthGap:
    """Depths between two sections of which there is no row."""

    top_um: int
    bottom_um: int
    scale: DepthScale
    reason: str


@dataclass(frozen=True, slots=True)
class CoreLog:
    """The depth log of a core, or of the cores of a hole."""

    name: str
    scale: DepthScale
    parts: tuple[CorePiece | DepthGap, ...]
    """From the top down."""
    notes: tuple[str, ...]
    """What a person should know, a sentence each."""

    @property
    def pieces(self) -> tuple[CorePiece, ...]:
        """The sections, from the top down."""
        return tuple(part for part in self.parts if isinstance(part, CorePiece))

    @property
    def gaps(self) -> tuple[DepthGap, ...]:
        """The gaps between them."""
        return tuple(part for part in self.parts if isinstance(part, DepthGap))


def core_piece(
    section_id: str,
    scan_id: str,
    depths: CoreDepths,
    section: PlacedSection,
    rows: Iterable[SliceRow],
) -> CorePiece | None:
    """
    Return the rows of a section with their depth in the core.

    Rows that begin below the section's curated length, or its expanded one, are left out and
    counted: there the scan shows the tray.

    Returns
    -------
    CorePiece or None
        ``None`` where the section's top is not known, or no row is left.
    """
    end_um = section.scanned_length_um
    placed: list[PlacedRow] = []
    n_left_out = 0
    for row in rows:
        top_um, bottom_um = row.core_slice.top_um, row.core_slice.bottom_um
        if end_um is not None and top_um >= end_um:
            n_left_out += 1
            continue
        top = section.depth_in_core_um(top_um)
        bottom = section.depth_in_core_um(bottom_um if end_um is None else min(bottom_um, end_um))
        if top is None or bottom is None:
            return None
        placed.append(PlacedRow(row, top, bottom))
    if not placed:
        return None
    return CorePiece(section_id, scan_id, depths, section.section, tuple(placed), n_left_out)


def joined_log(
    name: str, pieces: Sequence[CorePiece], scale: DepthScale, notes: Iterable[str]
) -> CoreLog:
    """
    Return sections one below the other, with the gaps between them.

    Parameters
    ----------
    name : str
        Of the core or the hole.
    pieces : sequence of CorePiece
        In any order. Where depth begins again in each core, cores follow one another.
    scale : DepthScale
        By which they are ordered; all of them have a depth on it.
    notes : iterable of str
        What is known already.
    """
    all_notes = [*notes, *_left_out(pieces)]
    parts: list[CorePiece | DepthGap] = []
    for group in _groups(pieces, scale):
        ordered = sorted(group, key=lambda piece: piece.span_um(scale))
        parts += ordered[:1]
        for above, below in pairwise(ordered):
            top_um, bottom_um = above.span_um(scale)[1], below.span_um(scale)[0]
            if bottom_um - top_um >= NEGLIGIBLE_UM:
                parts.append(DepthGap(top_um, bottom_um, scale, _why(above, below)))
            elif top_um - bottom_um >= NEGLIGIBLE_UM:
                all_notes.append(
                    f"{above.section_id} and {below.section_id} overlap by "
                    f"{in_cm(top_um - bottom_um)} cm; the rows of both are there"
                )
            parts.append(below)
    return CoreLog(name, scale, tuple(parts), tuple(dict.fromkeys(all_notes)))


def _groups(pieces: Sequence[CorePiece], scale: DepthScale) -> list[list[CorePiece]]:
    """Return the pieces that share an axis: of each core, or of all cores of the hole."""
    if scale in {DepthScale.HOLE, DepthScale.COMPOSITE}:
        return [list(pieces)]
    cores = dict.fromkeys(piece.depths.core for piece in pieces)
    return [[piece for piece in pieces if piece.depths.core == core] for core in cores]


def _why(above: CorePiece, below: CorePiece) -> str:
    between = [
        f"{depths.core} section {one.section}"
        for depths in dict.fromkeys((above.depths, below.depths))
        for one in depths.sections
        if one.top_um is not None and _lies_between(depths, one.top_um, above, below)
    ]
    reason = f"no core between {above.section_id} and {below.section_id}"
    return f"{reason}; not in the store: {', '.join(between)}" if between else reason


def _lies_between(depths: CoreDepths, top_um: int, above: CorePiece, below: CorePiece) -> bool:
    """Whether a top lies below that of the section above and above that of the one below."""
    after = depths.core != above.depths.core or top_um > above.rows[0].top_um
    before = depths.core != below.depths.core or top_um < below.rows[0].top_um
    return after and before


def _left_out(pieces: Sequence[CorePiece]) -> list[str]:
    counted = [piece for piece in pieces if piece.n_left_out]
    if not counted:
        return []
    which = ", ".join(f"{piece.section_id} ({piece.n_left_out})" for piece in counted)
    return [f"rows below the length of their section are left out, as the tray after it: {which}"]


def with_notes(log: CoreLog, notes: Iterable[str]) -> CoreLog:
    """Return a log that says more."""
    return replace(log, notes=tuple(dict.fromkeys([*log.notes, *notes])))
