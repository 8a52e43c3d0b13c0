"""Measured values of a section: points of loggers' files, and rows that a person gives as CSV."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from downcore.strata.depth import SLICE_UM
from downcore.strata.errors import MeasuredRowsError
from downcore.strata.input_text import finite_number, shown
from downcore.strata.properties import PROPERTIES

LOGGED = tuple(prop.name for prop in PROPERTIES)
"""What a core logger measures."""

DEPTH_COLUMN = "depth_cm"
"""Depth below the top of the section, centimetres."""

MAX_CHARACTERS = 1_000_000
"""Longest text that is read."""

MAX_ROWS = 2_000
"""Largest number of rows of a section; the correction needs memory in the square of it."""

MAX_DEPTH_CM = 100_000.0
"""Greatest depth that is accepted; no section is as long."""


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """One value that a logger measured, where it lies in a section."""

    depth_um: int
    """Below the top of the section, 0 or more; of the middle of what the sensor sees."""
    property: str
    """Name of one of PROPERTIES."""
    value: float
    """In the property's unit; as it was written where the flag says that the unit is another."""
    footprint_um: int
    """Length of core that the sensor sees, full width at half height."""
    instrument: str
    """What wrote the file, in words."""
    flag: str = ""
    """
    Why not to rely on it: ``out of range``, ``other unit``, ``cut off`` or, of all values of the
    property in a file, ``doubted``; empty while nothing speaks against it.
    """
    file_name: str = ""
    """Name of the file that says it."""


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One cell of a logger's file on its way into the record, matched to a section or not."""

    line: int
    """Number of the row among the file's rows of data, from 0."""
    property: str
    value: float | None
    """``None`` where a text stands in place of a number."""
    flag: str
    footprint_um: int
    core: str
    """As the file has it, and so are section and depth."""
    section: str
    file_depth_um: int | None
    frame: str
    """From where that depth counts: ``section``, ``core`` or ``hole``; empty without a depth."""
    section_id: str
    """Empty where it could not be matched."""
    depth_um: int | None
    """Below the section's top; ``None`` where it could not be matched."""
    unmatched: str
    """Why it could not be matched; empty where it was."""


@dataclass(frozen=True, slots=True)
class MeasuredBatch:
    """Measured values of one section that were committed together."""

    section_id: str
    file_name: str
    instrument: str
    committed_utc: str
    values: tuple[MeasuredValue, ...]
    withdrawn: tuple[tuple[int, str], ...] = ()
    """Line and property of values of the file that do not count any more."""


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """What was measured at one depth."""

    depth_um: int
    """Below the top of the section; 0 or more."""
    values: tuple[float | None, ...]
    """In the order of the columns, each in its unit; ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class MeasuredRows:
    """The measured rows of one section."""

    rows: tuple[MeasuredRow, ...]
    """One or more, in order of depth."""
    sha256: str
    """SHA-256 of the text they were read from."""

    @property
    def last_um(self) -> int:
        """The greatest depth."""
        return self.rows[-1].depth_um


def parse_measured(text: str, name: str, columns: Sequence[str] = LOGGED) -> MeasuredRows:
    """
    Return the rows of a CSV: a header, ``depth_cm`` and any of ``density``, ``vp`` and ``ms``.

    A cell may be empty. Units are those of PROPERTIES. Nothing is guessed: an unknown column, a
    word in place of a number, a negative depth or a row without depth refuses the whole file.

    Parameters
    ----------
    text : str
        The file's content.
    name : str
        For the message of an error.
    columns : sequence of str, optional
        Other names than those of PROPERTIES; values are then in this order.

    Raises
    ------
    MeasuredRowsError
        If it is anything else; says which line and what was expected.
    """
    if len(text) > MAX_CHARACTERS:
        raise MeasuredRowsError(
            f"{name}: expected at most {MAX_CHARACTERS} characters, got more; is it "
            "a table of measured rows?"
        )
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(header, name, columns)
        rows = [
            _row(line, header, columns, f"{name}, line {lines.line_num}")
            for line in lines
            if any(cell.strip() for cell in line)
        ]
    except csv.Error as error:
        raise MeasuredRowsError(f"{name}: expected comma-separated values: {error}") from None
    if not rows:
        raise MeasuredRowsError(f"{name}: expected measured rows below the header, got none")
    if len(rows) > MAX_ROWS:
        raise MeasuredRowsError(
            f"{name}: expected at most {MAX_ROWS} measured rows of one section, got {len(rows)}; "
            "leave some out, spread over the section"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return MeasuredRows(tuple(sorted(rows, key=lambda row: row.depth_um)), digest)


def _check_header(header: list[str], name: str, known: Sequence[str]) -> None:
    others = [column for column in header if column not in {DEPTH_COLUMN, *known}]
    expected = f"expected the columns {DEPTH_COLUMN} and any of {', '.join(known)}"
    if DEPTH_COLUMN not in header or not set(header) & set(known) or others:
        got = shown(", ".join(header))[1:-1] or "none"
        raise MeasuredRowsError(f"{name}: {expected}, got {got}; rename or leave out the others")
    if len(set(header)) != len(header):
        raise MeasuredRowsError(f"{name}: {expected}, each once, got {', '.join(header)}")


def _cells(line: list[str], header: list[str], where: str) -> dict[str, float | None]:
    if len(line) != len(header):
        raise MeasuredRowsError(f"{where}: expected {len(header)} cells, got {len(line)}")
    return {
        column: _number(cell.strip(), f"{where}, {column}")
        for column, cell in zip(header, line, strict=True)
    }


def _number(cell: str, where: str) -> float | None:
    if not cell:
        return None
    value = finite_number(cell)
    if value is None:
        raise MeasuredRowsError(f"{where}: expected a number or an empty cell, got {shown(cell)}")
    return value


def _row(line: list[str], header: list[str], columns: Sequence[str], where: str) -> MeasuredRow:
    cells = _cells(line, header, where)
    depth_cm = cells[DEPTH_COLUMN]
    if depth_cm is None or depth_cm < 0.0:
        raise MeasuredRowsError(f"{where}: expected a {DEPTH_COLUMN} of 0 or more, got {depth_cm}")
    if depth_cm > MAX_DEPTH_CM:
        raise MeasuredRowsError(
            f"{where}: expected a {DEPTH_COLUMN} of at most {MAX_DEPTH_CM:g}, got {depth_cm:g}; "
            "is it in centimetres?"
        )
    return MeasuredRow(round(depth_cm * SLICE_UM), tuple(cells.get(column) for column in columns))
