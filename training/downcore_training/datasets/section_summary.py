"""Section summaries of ODP and IODP archives: curated length and depth of each section."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from downcore.file_names import printable
from downcore.strata.input_text import finite_number
from downcore_training.datasets.section_image import SectionImage, is_core, section_key

_MAX_BYTES = 16 * 1024 * 1024
_CORE = (("leg", "exp"), ("site",), ("hole", "h"), ("core", "cor"), ("type", "t"))
_SECTION = ("section", "sect", "sc")
_LENGTH = ("curatedlengthm", "curatedlength")
_TOP = ("topmbsf", "topdepthmbsf", "topdepthcsfam")
_CM_PER_M = 100.0


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One section of a summary."""

    source: str
    """Name of the file."""
    core: str
    """Such as ``145-887A-1H``."""
    section: str
    length_cm: float
    """Curated."""
    top_cm: float | None
    """Depth of the section's top in the hole; None where it is not given."""


def summary_rows(path: Path) -> tuple[SummaryRow, ...]:
    """Return the sections in a file; none where it is no section summary."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    except (csv.Error, ValueError):
        return ()
    names = [re.sub(r"[^a-z0-9]+", "", name.lower()) for name in header]
    core = [_column(names, part) for part in _CORE]
    section, length, top = (_column(names, part) for part in (_SECTION, _LENGTH, _TOP))
    if section is None or length is None or None in core:
        return ()
    found = []
    for row in rows:
        cells = [_cell(row, column) for column in core]
        length_m, top_m = finite_number(_cell(row, length)), finite_number(_cell(row, top))
        if not all(cells) or length_m is None or length_m <= 0.0:
            continue
        leg, site, hole, number, kind = cells
        found.append(
            SummaryRow(
                source=printable(path.name),
                core=f"{leg}-{site}{hole}-{number}{kind}",
                section=_cell(row, section),
                length_cm=length_m * _CM_PER_M,
                top_cm=None if top_m is None else top_m * _CM_PER_M,
            )
        )
    return tuple(found)


def row_of(
    rows: Iterable[SummaryRow], expedition: str, core: str, section: str
) -> SummaryRow | None:
    """Return the row of a section, or None."""
    key = section_key(section)
    return next(
        (
            row
            for row in rows
            if section_key(row.section) == key and is_core(row.core, expedition, core)
        ),
        None,
    )


def with_lengths(image: SectionImage, rows: Sequence[SummaryRow]) -> SectionImage:
    """Return an image with length and depth of its section where no sidecar gives them."""
    row = row_of(rows, image.expedition, image.core, image.section)
    if row is None:
        return image
    return replace(
        image,
        length_cm=row.length_cm if image.length_cm is None else image.length_cm,
        top_cm=row.top_cm if image.top_cm is None else image.top_cm,
    )


def _column(names: Sequence[str], wanted: Iterable[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""
