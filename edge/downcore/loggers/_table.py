"""Rows of text from a file, and columns by name, whatever the columns mean."""

import csv
import io
import re
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from downcore.loggers._log import LogError
from downcore.loggers._units import unit_after

_MAX_BYTES = 64 * 1024 * 1024
_MAX_TITLE_ROWS = 100
"""Rows before the header; Geotek programs write one or two, people as many as they like."""
_TITLE_SHARE = 0.75
"""A title has fewer of its cells filled than this share of the fullest row that may be a header."""
_DELIMITERS = {
    "\t": None,
    ",": None,
    ";": None,
    "|": None,
    "two blanks": re.compile(r"[ \t]{2,}"),
    "blanks": re.compile(r"[ \t]+"),
}
"""What separates columns: a sign, within quotes a letter like others, or a pattern of blanks."""
_MAX_LINES_IN_CELL = 20
_MIN_ROWS = 3
_LETTERS = str.maketrans({"κ": "kappa", "χ": "chi", "ρ": "rho"})  # noqa: RUF001 - as they are written

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

    UTF-8 with or without a mark, UTF-16 with one or with Latin letters, else Windows' Latin
    letters, which logger programs write.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw[: len(raw) & ~1].decode("utf-16", errors="replace")
    elif wide := _wide_encoding(raw):
        text = raw[: len(raw) & ~1].decode(wide, errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # A head may end inside a letter; that alone does not make it Latin-1.
            cut = error.reason == "unexpected end of data"
            text = raw[: error.start].decode("utf-8-sig") if cut else _latin(raw)
    return None if "\0" in text else text


def _wide_encoding(raw: bytes) -> str:
    """Return the encoding of UTF-16 without a mark, by the zeros in every other byte; else ""."""
    start = raw[:512]
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = start[offset::2], start[1 - offset :: 2]
        if len(zeros) > 8 and not any(zeros) and all(others):  # noqa: PLR2004 - no chance
            return name
    return ""


def _latin(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def tables_of(text: str, *, is_head: bool = False) -> list[Table]:
    """
    Return the rows of a text, once for each delimiter that occurs near its beginning.

    Parameters
    ----------
    text : str
        A file's text.
    is_head : bool, default False
        Whether it may end inside a row.
    """
    start = text[:20_000]
    tables = []
    for name, pattern in _DELIMITERS.items():
        if not (pattern.search(start) if pattern else name in start):
            continue
        rows = _split(text, pattern) if pattern else _rows(text, name, is_head=is_head)
        if rows is not None:
            tables.append(Table(rows, name))
    return tables


def _split(text: str, pattern: re.Pattern[str]) -> tuple[tuple[str, ...], ...]:
    lines = (line.strip() for line in text.splitlines())
    return tuple(tuple(pattern.split(line)) for line in lines if line)


def _rows(text: str, delimiter: str, *, is_head: bool) -> tuple[tuple[str, ...], ...] | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[str, ...]] = []
    is_open = text.count('"') % 2 == 1
    broken = -1
    try:
        for row in reader:
            most = max((cell.count("\n") + cell.count("\r") for cell in row), default=0)
            if most > _MAX_LINES_IN_CELL:
                return None
            broken = len(rows) if most else broken
            cells = tuple(" ".join(cell.split()) for cell in row)
            if any(cells):
                rows.append(cells)
    except csv.Error:
        return None
    # A quote that is never closed swallows the rows after it.
    if is_open and broken >= 0:
        return tuple(rows[:broken]) if is_head and broken >= _MIN_ROWS else None
    return tuple(rows)


def plain(name: str) -> str:
    """Return a column's name without case, blanks and signs: ``PWVel_m/s`` is ``pwvelms``."""
    text = unicodedata.normalize("NFKC", name).lower().translate(_LETTERS)
    return re.sub(r"[^a-z0-9]+", "", text)


@lru_cache(maxsize=65_536)
def is_named(name: str, stem: str) -> bool:
    """Return whether a column's name is ``stem``, with or without a unit at its end."""
    return plain(name) == stem or unit_after(name, stem) is not None


def column_of(names: Row, stems: Sequence[str]) -> tuple[int | None, int]:
    """
    Return the first column that has the earliest of ``stems``, and how many have that stem.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    stems : sequence of str
        Plain names to look for, the best first.
    """
    for stem in stems:
        found = [i for i, name in enumerate(names) if name and is_named(name, stem)]
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

    It names a column of any of ``stems``; where several do, it is the first of those with about
    as many cells filled as any, which those of a title are not.
    """
    found = []
    for i in range(min(_MAX_TITLE_ROWS + 1, len(table.rows) - n_rows + 1)):
        names = joined(table.rows[i : i + n_rows])
        if column_of(names, stems)[0] is not None:
            found.append((sum(map(bool, table.rows[i])), i))
    most = max((filled for filled, _ in found), default=0)
    return next((i for filled, i in found if filled >= _TITLE_SHARE * most), None)
