"""``downcore log --composition``: what slices are made of, as a table or CSV."""

from pathlib import Path
from typing import TextIO

from rich.table import Table

from downcore.commands.log_columns import COMPOSITION_COLUMNS, share_rows
from downcore.commands.log_table import print_csv, print_table
from downcore.commands.section_lookup import chosen_scan
from downcore.store import Reader
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import SLICE_UM
from downcore.strata.record import Scan
from downcore.strata.unmixing.composition import GroupShare, words_of


def write_composition_table(
    db: Path, section: str | None, out: TextIO, *, scan: str | None = None
) -> None:
    """
    Print what each centimetre of a section is made of, as far as the data tell groups apart.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    table = Table(box=None, pad_edge=False)
    for name in ("cm", "regions"):
        table.add_column(name, justify="right")
    table.add_column("of the solids, by volume")
    for one in _composed(db, section, scan)[1]:
        shares = one.composition.resolved_groups
        known = [_words(share) for share in shares if share.fraction is not None]
        first = one.composition.groups[0]
        table.add_row(
            f"{one.top_um / SLICE_UM:g}",
            "-" if one.regions is None else str(one.regions.n_regions),
            ", ".join(known) or f"{first.status}: {first.reason}",
        )
    print_table(table, out)
    if not table.rows:
        out.write("no composition: it was turned off, or the scan is not composed yet\n")


def write_composition_csv(
    db: Path, section: str | None, out: TextIO, *, scan: str | None = None
) -> None:
    """
    Write what a section is made of as CSV, one line for each slice and group.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    found, composed = _composed(db, section, scan)
    lines = share_rows(found.section_id, found.scan_id, composed)
    print_csv(COMPOSITION_COLUMNS, lines, out)


def _composed(db: Path, section: str | None, scan: str | None) -> tuple[Scan, list[ComposedSlice]]:
    """Return the scan that was asked for, and its compositions, top first."""
    with Reader.open(db) as reader:
        found = chosen_scan(reader, section, scan).scan
        return found, list(reader.composition_log(found.scan_id))


def _words(share: GroupShare) -> str:
    words = words_of(share.fraction or 0.0, share.lower or 0.0, share.upper or 0.0)
    return f"{share.group} {words}{', by the prior' if share.is_prior_driven else ''}"
