"""Cells of a table as numbers: blanks, fill values, decimal commas, separators of thousands."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

_MAX_CHARACTERS = 60
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_THOUSANDS_POINT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?", re.ASCII)
_THOUSANDS_BLANK = re.compile(
    r"[+-]?\d{1,3}(?:[ \u00a0\u2009\u202f'\u2019]\d{3})+(?:[.,]\d*)?", re.ASCII
)
_BLANKS = frozenset(
    {
        *("", "na", "n/a", "n.a.", "n.a", "nan", "null", "none", "nil", "nd", "n.d.", "n.d", "n/d"),
        *("bdl", "b.d.l.", "b.d.", "bd", "<lod", "lod", "<dl", "no data", "nodata", "no_data"),
        *("missing", "empty", "blank", "not measured", "#n/a", "#na", "#value!", "#div/0!"),
        *("#ref!", "#num!", "#null!", "#name?", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"),
        *("1.#inf", "-1.#inf", "1.#snan", "-nan", "nan(ind)", "-nan(ind)", "\\n", "x", "?"),
    }
)
_STROKES = re.compile(r"[-\u2013\u2014_.*#?/]+")
"""Dashes, dots or stars in place of a number: ``--``, ``...``, ``******``."""
_NINES = re.compile(r"9{3,7}(?:\.(?:9+|0+|25))?")
_HUGE = 1e10
_WORD_LIMITS = frozenset({-32768.0, -32767.0, -2147483648.0})


class Decimal(Enum):
    """What stands before the decimals in a table."""

    POINT = "."
    COMMA = ","
    UNKNOWN = ""
    """No number of the table has decimals, so that ``1,520`` may be either."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """A column as numbers."""

    values: NDArray[np.float64]
    """NaN where the cell is blank, holds a fill value, or no number."""
    is_unreadable: NDArray[np.bool_]
    """Where a text stands that is neither a number nor a blank."""
    n_fills: int
    fills: tuple[str, ...]
    """The fill values, as they are written."""


def decimal_of(cells: Iterable[str]) -> Decimal:
    """Return what stands before the decimals of these cells; the point where both do."""
    has_comma = has_point = False
    for cell in cells:
        if "," not in cell and "." not in cell:
            continue
        if _COMMA_NUMBER.fullmatch(cell):
            has_comma |= _THOUSANDS_COMMA.fullmatch(cell) is None or cell.lstrip("+-")[0] == "0"
        elif _NUMBER.fullmatch(cell):
            has_point |= _THOUSANDS_POINT.fullmatch(cell) is None or cell.lstrip("+-")[0] == "0"
        elif _THOUSANDS_COMMA.fullmatch(cell):
            has_point = True
        elif _THOUSANDS_POINT.fullmatch(cell):
            has_comma = True
        elif _THOUSANDS_BLANK.fullmatch(cell):
            has_comma, has_point = has_comma or "," in cell, has_point or "." in cell
    if has_point:
        return Decimal.POINT
    return Decimal.COMMA if has_comma else Decimal.UNKNOWN


def number(text: str, decimal: Decimal = Decimal.POINT) -> float | None:
    """Return the number that a cell holds, NaN for a blank one, None for any other text."""
    if text.lower() in _BLANKS or _STROKES.fullmatch(text):
        return math.nan
    if len(text) > _MAX_CHARACTERS:
        return None
    plain = _with_point(re.sub("[\u2212\u2013]", "-", text), decimal)
    if _NUMBER.fullmatch(plain) is None:
        return None
    value = float(plain)
    return value if math.isfinite(value) else None


def _with_point(text: str, decimal: Decimal) -> str:
    if _THOUSANDS_BLANK.fullmatch(text):
        text = re.sub(r"[^0-9.,+-]", "", text)
    if decimal is Decimal.COMMA:
        if _THOUSANDS_POINT.fullmatch(text):
            text = text.replace(".", "")
        return text.replace(",", ".") if text.count(",") == 1 else text
    if decimal is Decimal.POINT and _THOUSANDS_COMMA.fullmatch(text):
        return text.replace(",", "")
    return text


def is_number(text: str) -> bool:
    """Return whether a cell holds a number, whatever stands before its decimals."""
    found = (number(text, decimal) for decimal in (Decimal.POINT, Decimal.COMMA))
    return any(value is not None and math.isfinite(value) for value in found)


def numbers_of(
    cells: Sequence[str],
    decimal: Decimal = Decimal.POINT,
    *,
    is_zero_blank: bool = False,
    huge: float = _HUGE,
) -> Numbers:
    """
    Return a column as numbers, fill values as blanks.

    A fill value is -999, 9999, -9999.99, -999.25 or their like where no other value is within a
    factor of two of it; what is huge; the least number of 16 or 32 bits.

    Parameters
    ----------
    cells : sequence of str
        The column, without blanks around.
    decimal : Decimal
        Of the table.
    is_zero_blank : bool, default False
        Whether the quantity cannot be 0, as density and velocity.
    huge : float
        Numbers of this size and more are fill values.
    """
    found = [number(cell, decimal) for cell in cells]
    values = np.array([math.nan if value is None else value for value in found], np.float64)
    filled = np.abs(values) >= huge
    filled |= np.isin(values, sorted(_WORD_LIMITS))
    if is_zero_blank:
        filled |= values == 0.0
    known = np.unique(values[np.isfinite(values) & ~filled])
    nines = np.array([_NINES.fullmatch(f"{abs(value):.10g}") is not None for value in known], bool)
    for value in known[nines]:
        # Nines among other numbers of their size may have been measured.
        others = known[~nines] / value
        if not ((others > 0.5) & (others < 2.0)).any():  # noqa: PLR2004 - a factor of two
            filled |= values == value
    at = np.flatnonzero(filled)
    values[at] = np.nan
    return Numbers(
        values=values,
        is_unreadable=np.array([value is None for value in found], np.bool_),
        n_fills=int(at.size),
        fills=tuple(dict.fromkeys(cells[int(i)] for i in at)),
    )
