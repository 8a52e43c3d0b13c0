"""How a format says which columns it has; finding its header in a file."""

from collections.abc import Callable
from dataclasses import dataclass

from downcore.loggers._cells import is_number
from downcore.loggers._log import MsKind, MsUnit
from downcore.loggers._table import (
    Table,
    column_of,
    is_named,
    joined,
    likeliest_header,
    plain,
    tables_of,
    text_of,
)

FIELDS = ("core", "section", "section_depth", "core_depth", "density", "vp", "ms")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of each field as :func:`plain` gives them, the best first."""

    core: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    section_depth: tuple[str, ...] = ()
    core_depth: tuple[str, ...] = ()
    density: tuple[str, ...] = ()
    vp: tuple[str, ...] = ()
    ms: tuple[str, ...] = ()

    def of(self, field: str) -> tuple[str, ...]:
        """Return the names of one of :data:`FIELDS`."""
        names: tuple[str, ...] = getattr(self, field)
        return names

    @property
    def depths(self) -> tuple[str, ...]:
        """Names of any column of depth."""
        return self.section_depth + self.core_depth

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of any column of values."""
        return self.density + self.vp + self.ms


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header of a file is, and what it says."""

    table: Table
    row: int
    """Index of its first row in the table."""
    names: tuple[str, ...]
    """Plain names of the columns."""
    written: tuple[str, ...]
    """The names as they stand in the file."""
    n_rows: int
    """Rows that the header takes."""
    unit_rows: tuple[tuple[str, ...], ...]
    """Rows without depth and values between the header and the first row of data."""

    @property
    def first_row(self) -> int:
        """Index of the first row of data."""
        return self.row + self.n_rows + len(self.unit_rows)

    def has(self, *stems: str) -> bool:
        """Return whether there is a column of any of these names."""
        return any(is_named(name, stem) for name in self.written for stem in stems)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a format knows of its files."""

    name: str
    title: str
    columns: Columns
    is_mine: Callable[[Header], bool]
    """Whether a header is of this format and of no other."""
    ms_kind: MsKind | Callable[[Header], MsKind]
    ms_unit: MsUnit | Callable[[Header], MsUnit]
    """Where a file does not say it: of every file, or a function of a file's header."""
    n_header_rows: int = 1
    core_parts: tuple[tuple[str, ...], ...] = ()
    """
    Plain names, the best first, of each column that names a core together with the others; empty
    to use ``columns.core``.
    """
    core_of: Callable[[tuple[str, ...]], str] = "".join
    """The core that the cells of the core's columns name; "" if they do not."""
    is_raw: bool = False
    """Whether the values are readings before calibration."""

    def ms_kind_of(self, header: Header) -> MsKind:
        """Return what measured the susceptibility of a file."""
        return self.ms_kind(header) if callable(self.ms_kind) else self.ms_kind

    def ms_unit_of(self, header: Header) -> MsUnit:
        """Return the unit of the susceptibility of a file."""
        return self.ms_unit(header) if callable(self.ms_unit) else self.ms_unit


def header_of(raw: bytes, layout: Layout, *, is_head: bool = False) -> Header | None:
    """Return the header of a file, or of its beginning, of this layout; None if it is none."""
    text = text_of(raw)
    if text is None:
        return None
    for table in tables_of(text, is_head=is_head):
        row = likeliest_header(table, layout.columns.depths, layout.n_header_rows)
        if row is None:
            continue
        header = _header_at(table, row, layout)
        is_table = column_of(header.written, layout.columns.measured)[0] is not None
        if is_table and layout.is_mine(header):
            return header
    return None


def _header_at(table: Table, row: int, layout: Layout) -> Header:
    written = joined(table.rows[row : row + layout.n_header_rows])
    names = tuple(plain(name) for name in written)
    labels, watched = (
        [
            at
            for field in fields
            if (at := column_of(written, layout.columns.of(field))[0]) is not None
        ]
        for fields in (FIELDS[:2], FIELDS[2:])
    )
    units: list[tuple[str, ...]] = []
    for cells in table.rows[row + layout.n_header_rows :]:
        is_data = any(i < len(cells) and is_number(cells[i]) for i in watched)
        is_calibration = any(i < len(cells) and is_calibration_cell(cells[i]) for i in labels)
        if is_data or is_calibration:
            break
        units.append(cells)
    return Header(table, row, names, written, layout.n_header_rows, tuple(units))


def is_calibration_cell(text: str) -> bool:
    """Return whether a section or core is called a calibration piece: ``cal``, ``CAL 2``."""
    words = text.lower()
    start = words.find("cal")
    if start < 0 or (start > 0 and words[start - 1].isalpha()):
        return False
    rest = words[start + 3 :]
    return not rest or not rest[0].isalpha() or rest.startswith("ib")
