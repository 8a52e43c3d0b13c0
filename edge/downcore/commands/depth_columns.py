"""Columns of a table of section depths: which field each is, in which unit, from which datum."""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from downcore.strata.errors import DepthLedgerError
from downcore.strata.input_text import exact_number, shown

_UM = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), Fraction(1_000_000)),
    **dict.fromkeys(("mbsf", "mblf", "mcd"), Fraction(1_000_000)),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
                    Fraction(10_000)),
    **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
                    Fraction(1_000)),
    "um": Fraction(1),
    **dict.fromkeys(("ft", "foot", "feet"), Fraction(304_800)),
    **dict.fromkeys(("in", "inch", "inches"), Fraction(25_400)),
}  # fmt: skip
_CONVERTED = frozenset({"ft", "foot", "feet", "in", "inch", "inches"})
"""Units that are worth a note when they are met."""
_BELOW_FLOOR = frozenset({"mbsf", "mblf"})
_BLANKS = frozenset({"", "-", "--", "na", "n/a", "nan", "none", "null"})


class Field(enum.Enum):
    """What a column says."""

    EXPEDITION = "expedition"
    SITE = "site"
    HOLE = "hole"
    CORE = "core"
    TYPE = "type"
    SECTION = "section"
    TOP_IN_CORE = "top_in_core"
    TOP_IN_HOLE = "top_in_hole"
    BOTTOM_IN_HOLE = "bottom_in_hole"
    GAP_ABOVE = "gap_above"
    CURATED_LENGTH = "curated_length"
    EXPANDED_LENGTH = "expanded_length"
    CORE_TOP = "core_top_in_hole"
    SHIFT = "shift"
    DEPTH = "depth below the floor"
    COMPOSITE_DEPTH = "composite depth"


TEXTS = frozenset({
    Field.EXPEDITION, Field.SITE, Field.HOLE, Field.CORE, Field.TYPE, Field.SECTION,
})  # fmt: skip
"""Fields that name a section; the others are depths and lengths."""

_FIELD_OF = {
    **dict.fromkeys(("expedition", "exp", "leg", "cruise", "project"), Field.EXPEDITION),
    "site": Field.SITE,
    **dict.fromkeys(("hole", "h"), Field.HOLE),
    **dict.fromkeys(("core", "cor", "core id"), Field.CORE),
    **dict.fromkeys(("type", "t", "core type", "coretype"), Field.TYPE),
    **dict.fromkeys(("section", "sect", "sec", "sc", "section id", "section number"),
                    Field.SECTION),
    **dict.fromkeys(("top", "section top", "top in core", "top depth in core"), Field.TOP_IN_CORE),
    **dict.fromkeys(("top in hole", "top depth csf a", "top csf a", "top depth csf"),
                    Field.TOP_IN_HOLE),
    **dict.fromkeys(("bottom in hole", "bottom depth csf a", "bottom csf a", "bottom depth csf"),
                    Field.BOTTOM_IN_HOLE),
    **dict.fromkeys(("gap above", "gap"), Field.GAP_ABOVE),
    **dict.fromkeys(("curated length", "length"), Field.CURATED_LENGTH),
    "expanded length": Field.EXPANDED_LENGTH,
    **dict.fromkeys(("core top", "core top in hole", "core top depth csf a", "core top depth csf",
                     "core top depth"), Field.CORE_TOP),
    **dict.fromkeys(("shift", "composite shift", "affine shift", "cumulative offset"), Field.SHIFT),
    **dict.fromkeys(("depth csf a", "depth csf"), Field.DEPTH),
    **dict.fromkeys(("depth ccsf a", "depth ccsf", "core top depth ccsf", "core top depth ccsf a",
                     "top depth ccsf a"), Field.COMPOSITE_DEPTH),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DepthColumn:
    """A column of which the field is known."""

    at: int
    """Which column, from 0."""
    written: str
    """Its header as it stands in the file."""
    unit: str
    """Empty for names."""

    def length_um(self, text: str, where: str) -> int | None:
        """
        Return the length in a cell, in whole micrometres; ``None`` for a blank cell.

        Raises
        ------
        DepthLedgerError
            If it holds no number.
        """
        if text.lower() in _BLANKS:
            return None
        sign = -1 if text[0] in "-\u2212" else 1
        number = exact_number(text.lstrip("+-\u2212"))
        if number is None:
            raise DepthLedgerError(
                f"{where}: expected a number of {self.unit} under {self.written!r}, "
                f"got {shown(text)}"
            )
        return sign * round(number * _UM[self.unit])


@dataclass(frozen=True, slots=True)
class DepthColumns:
    """The columns of a table, by field."""

    of: dict[Field, DepthColumn]
    notes: tuple[str, ...]
    """Columns that are not used, and units that are converted."""


def columns_of(header: Sequence[str], where: str) -> DepthColumns:
    """
    Return which columns say what.

    Raises
    ------
    DepthLedgerError
        If a depth has no unit or one that is not known, or two columns say the same.
    """
    found: dict[Field, DepthColumn] = {}
    unused: list[str] = []
    converted: list[str] = []
    for at, written in enumerate(header):
        stem, unit = _stem_and_unit(written)
        field = _FIELD_OF.get(stem)
        if field is None:
            unused += [written] if written else []
            continue
        if field not in TEXTS:
            _check_unit(written, unit, where)
            converted += [written] if unit in _CONVERTED else []
        if field is Field.TOP_IN_CORE and unit in _BELOW_FLOOR:
            field = Field.TOP_IN_HOLE
        if field in found:
            raise DepthLedgerError(
                f"{where}: expected one column for {field.value}, got {found[field].written!r} "
                f"and {written!r}; leave one of them out"
            )
        found[field] = DepthColumn(at, written, unit)
    notes = [f"columns not used: {', '.join(unused)}"] if unused else []
    notes += [f"converted from feet or inches: {', '.join(converted)}"] if converted else []
    return DepthColumns(found, tuple(notes))


def is_header(cells: Sequence[str]) -> bool:
    """Return whether a row names a core or section and a depth or length."""
    fields = {_FIELD_OF.get(_stem_and_unit(cell)[0]) for cell in cells} - {None}
    return bool(fields & {Field.CORE, Field.SECTION}) and bool(fields - TEXTS)


def _stem_and_unit(written: str) -> tuple[str, str]:
    """Return a header's words and its unit: ``Top depth CSF-A (m)`` is ``top depth csf a``, m."""
    text = written.strip().lower()
    bracketed = re.fullmatch(r"(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]", text)
    if bracketed is not None:
        return _words(bracketed[1]), bracketed[2].replace("\u00b5m", "um")
    words = _words(text)
    stem, _, last = words.rpartition(" ")
    return (stem, last) if stem and last in _UM else (words, "")


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text).strip()


def _check_unit(written: str, unit: str, where: str) -> None:
    if unit not in _UM:
        got = f"the unit {shown(unit)}" if unit else "no unit"
        raise DepthLedgerError(
            f"{where}: expected the unit in the header of {written!r}, such as top_cm or "
            f"top (m), got {got}; known: m, cm, mm, um, ft, in, mbsf, mblf"
        )
