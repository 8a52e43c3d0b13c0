"""Rows of text from a file, and columns by name, whatever the columns mean."""

import csv
import io
import math
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from downcore.loggers._log import LogError

_MAX_BYTES = 64 * 1024 * 1024
_MAX_TITLE_ROWS = 12
"""Rows before the header; Geotek programs write one or two."""
_DELIMITERS = ("\t", ",", ";")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_BLANKS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--"})
_UNITS = (
    r"(?:cm|mm|m|mbsf|ms|ms1|m1s|gcc|gmcc|gcm3|gcm|gml|kgm3|si|si105|six105|x105si|105si|si10e5|1e5si"
    r"|e5si|x10e5si|siunits|si1e5|instrumentunits|instrunits|iu)?"
)
"""Units as they stand at the end of names, letters and digits only."""

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file, split at the delimiter that its header uses."""

    rows: tuple[tuple[str, ...], ...]
    """Blank lines left out."""
    delimiter: str


def read_bytes(path: Path, *, most: int = _MAX_BYTES, is_head: bool = False) -> bytes:
    """
    Return a regular file's bytes.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes to read at most.
    is_head : bool, default False
        Whether a longer file is cut, not refused.

    Raises
    ------
    LogError
        If it cannot be read, is no regular file, or is too long.
    """
    try:
        # Opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise LogError(f"expected a regular file, got a folder, pipe or device: {path}")
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise LogError(f"expected a readable log, got {error}: {path}") from error
    if len(raw) > most and not is_head:
        raise LogError(f"expected a log of at most {most} bytes, got more: {path}")
    return raw[:most]


def text_of(raw: bytes) -> str | None:
    """
    Return bytes as text, or None if they are not text.

    UTF-8 with or without a mark, UTF-16 with one, else Latin-1, which logger programs write.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw[: len(raw) & ~1].decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # A head may end inside a letter; that alone does not make it Latin-1.
            cut = error.reason == "unexpected end of data"
            text = raw[: error.start].decode("utf-8-sig") if cut else raw.decode("latin-1")
    return None if "\0" in text else text


def tables_of(text: str) -> list[Table]:
    """Return the rows of a text, once for each delimiter that occurs near its beginning."""
    start = text[:20_000]
    return [
        Table(rows, delimiter)
        for delimiter in _DELIMITERS
        if delimiter in start and (rows := _rows(text, delimiter)) is not None
    ]


def _rows(text: str, delimiter: str) -> tuple[tuple[str, ...], ...] | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = []
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            # A quote that is never closed swallows the rows after it.
            if any("\n" in cell for cell in cells):
                return None
            if any(cells):
                rows.append(cells)
    except csv.Error:
        return None
    return tuple(rows)


def plain(name: str) -> str:
    """Return a column's name without case, blanks and signs: ``PWVel_m/s`` is ``pwvelms``."""
    return re.sub(r"[^a-z0-9]+", "", unicodedata.normalize("NFKC", name).lower())


def is_named(name: str, stem: str) -> bool:
    """Return whether a plain name is ``stem``, with or without a unit at its end."""
    return re.fullmatch(re.escape(stem) + _UNITS, name) is not None


def column_of(names: Row, stems: Sequence[str]) -> tuple[int | None, int]:
    """
    Return the first column that has the earliest of ``stems``, and how many have that stem.

    Parameters
    ----------
    names : sequence of str
        Plain names of the columns.
    stems : sequence of str
        Plain names to look for, the best first.
    """
    for stem in stems:
        found = [i for i, name in enumerate(names) if is_named(name, stem)]
        if found:
            return found[0], len(found)
    return None, 0


def joined(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the names of a header that is split over several rows."""
    width = max(len(row) for row in rows)
    return tuple(" ".join(row[i] for row in rows if i < len(row) and row[i]) for i in range(width))


def likeliest_header(table: Table, stems: Sequence[str], n_rows: int) -> int | None:
    """
    Return the row near the top where a header of ``n_rows`` rows begins, or None.

    It names a column of any of ``stems``; where several do, it is the first of those with most
    of their cells filled, which those of a title are not.
    """
    found = []
    for i in range(min(_MAX_TITLE_ROWS + 1, len(table.rows) - n_rows + 1)):
        names = [plain(cell) for cell in joined(table.rows[i : i + n_rows])]
        if column_of(names, stems)[0] is not None:
            found.append((-sum(map(bool, table.rows[i])), i))
    return min(found)[1] if found else None


def number(text: str) -> float | None:
    """Return the number that a cell holds, NaN for a blank one, None for any other text."""
    if text.lower() in _BLANKS:
        return math.nan
    if len(text) > 60 or _NUMBER.fullmatch(text) is None:  # noqa: PLR2004 - no number is as long
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def has_number(text: str) -> bool:
    """Return whether a cell holds a number."""
    value = number(text)
    return value is not None and math.isfinite(value)
