"""``downcore log --composition``: what slices are made of, as a table or CSV."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.table import Table

from downcore.commands.log_table import print_table, rows_of
from downcore.store import Reader
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import SLICE_UM
from downcore.strata.unmixing.composition import GroupShare, words_of

CSV_HEADER = (
    "section", "scan", "slice", "top (cm)", "bottom (cm)", "table", "porosity", "group",
    "sum of groups", "fraction", "lower 90 %", "upper 90 %", "status", "prior-driven", "reason",
    "regions", "grain d50 (um)", "composer",
)  # fmt: skip
"""Columns of ``downcore log --composition --csv``; one line for each slice and group."""


def write_composition_table(db: Path, section: str, out: TextIO) -> None:
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
    for _, one in _composed(db, section):
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


def write_composition_csv(db: Path, section: str, out: TextIO) -> None:
    """
    Write what a section is made of as CSV, one line for each slice and group.

    Raises
    ------
    SectionError
        If the store has no such section.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for scan_id, one in _composed(db, section):
        grains = None if one.regions is None else one.regions.grains
        for share, is_sum in _shares(one):
            writer.writerow(
                [
                    section,
                    scan_id,
                    one.index,
                    one.top_um / SLICE_UM,
                    one.bottom_um / SLICE_UM,
                    one.table,
                    one.composition.porosity,
                    share.group,
                    int(is_sum),
                    share.fraction,
                    share.lower,
                    share.upper,
                    share.status.value,
                    int(share.is_prior_driven),
                    share.reason,
                    None if one.regions is None else one.regions.n_regions,
                    None if grains is None else grains.d50_um,
                    one.composer_id,
                ]
            )


def _composed(db: Path, section: str) -> Iterator[tuple[str, ComposedSlice]]:
    rows = rows_of(db, section)
    if not rows:
        return
    with Reader.open(db) as reader:
        for one in reader.composition_log(rows[0].scan_id):
            yield rows[0].scan_id, one


def _shares(one: ComposedSlice) -> Iterator[tuple[GroupShare, bool]]:
    for share in one.composition.groups:
        yield share, False
    for share in one.composition.joined:
        yield share, True


def _words(share: GroupShare) -> str:
    words = words_of(share.fraction or 0.0, share.lower or 0.0, share.upper or 0.0)
    return f"{share.group} {words}{', by the prior' if share.is_prior_driven else ''}"
