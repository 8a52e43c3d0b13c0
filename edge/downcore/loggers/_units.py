"""
Units as they are written in logs, and what one of them is in our units.

The table holds the units in which core loggers and their users give four quantities; any other is
refused by its name. Facts: 1 cgs unit of volume susceptibility is 4 pi SI; a foot is 0.3048 m.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["depth", "density", "vp", "ms"]

_LETTERS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "μ": "u", "κ": "kappa", "χ": "chi", "ρ": "rho"}  # noqa: RUF001 - as they are written
)
_WORDS = (
    (r"kilogram(?:me)?s?", "kg"),
    (r"gram(?:me)?s?", "g"),
    (r"(?:metre|meter|mtr)s?", "m"),
    (r"centi(?=m)", "c"),
    (r"milli(?=m)", "m"),
    (r"micro(?=m|s)", "u"),
    (r"kilo(?=m)", "k"),
    (r"cubic([cdk]?m|ft)", r"\g<1>3"),
    (r"(?:seconds?|secs?)", "s"),
    (r"(?:feet|foot)", "ft"),
    (r"inch(?:es)?", "in"),
    (r"per", ""),
)
_CM_OF = {"cm": 1.0, "m": 100.0, "mm": 0.1, "dm": 10.0, "km": 1e5, "ft": 30.48, "in": 2.54}
_PRIMES = {"'": 30.48, "\u2032": 30.48, '"': 2.54, "''": 2.54, "\u2033": 2.54, "\u2032\u2032": 2.54}
"""Signs of feet and inches, which have no letter."""
_BELOW = re.compile(
    r"(cm|mm|dm|m|ft)(?:b(?:sf|slf|lf|ml|gl|gs|rf|ss|sl|s)|c?csf-?[a-d]?|wmsf|r?cd|"
    r"below[a-z]*|depth|downcore|csfa)"
)
_COMPOSITE = re.compile(r"(?:cm|m)(?:ccsf-?[a-d]?|r?cd)|rmcd|rm(?:cd)?")
_G_CM3_OF = {
    **dict.fromkeys(("gcc", "gmcc", "gccm", "gcm3", "gmcm3", "gcm", "gml", "mgm3"), 1.0),
    **dict.fromkeys(("tm3", "tonnem3", "tonnesm3", "tonm3", "kgl", "kgdm3"), 1.0),
    **dict.fromkeys(("kgm3", "kgm", "kg", "mgcm3", "mgcc", "mgml", "gl", "gdm3"), 1e-3),
    **dict.fromkeys(("lbft3", "lbsft3", "pcf"), 0.016018463),
}
_M_S_OF = {
    **dict.fromkeys(("ms", "ms1", "m1s", "mps", "mmms", "mmms1"), 1.0),
    **dict.fromkeys(("kms", "kms1", "kmps", "mmus", "mmus1"), 1e3),
    **dict.fromkeys(("cms", "cms1", "cmps"), 0.01),
    **dict.fromkeys(("fts", "fts1", "ftps", "fps"), 0.3048),
}
_SI = r"siunits?|si|mksunits?|mks|dimensionless|unitless"
_CGS = r"cgsunits?|cgs|emucm-?3oe|emucm-?3|emucc|goe"
_MS = re.compile(
    rf"(?P<before>{_SI}|{_CGS})?x?(?:(?P<ten>1\.?0?e|10e|10|1e|e|u|m)(?P<sign>[-+]?)0?(?P<n>\d)?)?"
    rf"(?P<after>{_SI}|{_CGS})?"
)
_INSTRUMENT = re.compile(r"(?:raw)?(?:inst[a-z]*|iu|ms2[a-z]?|counts?|meter)(?:units?)?|units?")
_BLANK = frozenset({"", "-", "na", "none"})
_NOT_A_UNIT = re.compile(
    r"(?:std|sd|sigma|err|unc|flag|qc|count|n\b|no\b|%|\+|1s|2s)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a text says of the unit of a column."""

    text: str
    """As it is written; "" where nothing is."""
    factor: float | None
    """By which values are multiplied to be in our unit; None for a unit that is not converted."""
    is_instrument: bool = False
    """Whether it says the instrument's own units of susceptibility."""
    is_composite: bool = False
    """Whether it says that depths are composite ones."""
    usual_factor: float | None = None
    """Of SI or cgs without a power of ten: what it stands for where the numbers are too large."""


NO_UNIT = Unit("", 1.0)


def spelled(text: str) -> str:
    """Return letters, digits and minus signs of a text, in lower case, words of units cut short."""
    found = unicodedata.normalize("NFKC", text).lower().translate(_LETTERS)
    found = re.sub(r"[^a-z0-9-]", "", found)
    for word, short in _WORDS:
        found = re.sub(word, short, found)
    return found


def unit_of(kind: Kind, text: str) -> Unit:
    """
    Return what a text says of the unit of a column.

    Parameters
    ----------
    kind : {"depth", "density", "vp", "ms"}
        The quantity.
    text : str
        Of a bracket, an ending of a name or a row of units, in any spelling.

    Returns
    -------
    Unit
        With no factor where the unit is not in the table; our units are cm, g/cm3, m/s, 1e-5 SI.
    """
    text = " ".join(text.split()).strip("_,;: ")
    bare = re.sub(r"^[\(\[\{<]+|[\)\]\}>]+$", "", text).strip()
    key = spelled(text)
    if kind == "depth" and bare in _PRIMES:
        return Unit(bare, _PRIMES[bare])
    if key in _BLANK:
        return NO_UNIT
    if kind == "ms":
        return _of_ms(bare, key)
    key = key.strip("-")
    if kind == "depth":
        return _of_depth(bare, key)
    table = _G_CM3_OF if kind == "density" else _M_S_OF
    return Unit(bare, table.get(key.replace("-", "")))


def _of_depth(text: str, key: str) -> Unit:
    key = re.sub(r"^in-?(?=cm|mm|m|ft)", "", key)
    below = _BELOW.fullmatch(key)
    is_composite = _COMPOSITE.fullmatch(key) is not None
    base = below[1] if below else "m" if is_composite else key
    return Unit(text, _CM_OF.get(base), is_composite=is_composite)


def _of_ms(text: str, key: str) -> Unit:
    if key == "ms":  # "Magnetic susceptibility, MS" repeats the name
        return NO_UNIT
    if _INSTRUMENT.fullmatch(key):
        return Unit(text, None, is_instrument=True)
    key = re.sub(r"^(?:vol(?:ume)?|mag(?:netic)?sus(?:ceptibility)?|kappa|k)-?", "", key)
    found = _MS.fullmatch(key.replace("six", "si").strip("-")) if key else None
    if found is None or (not found["ten"] and not found["before"] and not found["after"]):
        return Unit(text, None)
    power = _power_of(found["ten"] or "", found["n"])
    if power is None:
        return Unit(text, None)
    is_cgs = re.fullmatch(_CGS, found["before"] or found["after"] or "") is not None
    # Powers of ten are divided by, so that 1e-6 is a factor of exactly 0.1.
    factor = (10.0 ** (power + 5) if power >= -5 else 1.0 / 10.0 ** (-power - 5)) * (  # noqa: PLR2004 - 1e-5 SI
        4.0 * math.pi if is_cgs else 1.0
    )
    usual = (0.4 * math.pi if is_cgs else 1.0) if power == 0 else None
    return Unit(text, factor, usual_factor=usual)


def _power_of(ten: str, digit: str | None) -> int | None:
    """Return the power of ten; it is negative also where a name cannot hold the minus sign."""
    if ten in {"u", "m"}:
        return None if digit else {"u": -6, "m": -3}[ten]
    if digit is None:
        return None if ten else 0
    return -int(digit)


def is_unit(text: str) -> bool:
    """Return whether a text is a unit of any of the quantities, or none."""
    kinds: tuple[Kind, ...] = ("depth", "density", "vp", "ms")
    found = [unit_of(kind, text) for kind in kinds]
    return any(unit.factor is not None or unit.is_instrument for unit in found)


def unit_after(name: str, stem: str) -> str | None:
    """
    Return what follows a stem in a column's name if that is a unit, None if it is another name.

    A bracket at the end is a unit whatever it holds, so that one that nobody knows can be named;
    but for ``(sd)``, ``(n)`` and the like.
    """
    written = unicodedata.normalize("NFKC", name).lower().translate(_LETTERS)
    at, left = 0, stem
    while left and at < len(written):
        letter = written[at]
        at += 1
        if letter.isascii() and letter.isalnum():
            if letter != left[0]:
                return None
            left = left[1:]
    if left:
        return None
    rest = written[at:].strip(" _,;:")
    if rest.startswith(")"):
        rest = rest[1:].strip(" _,;:")
    if re.fullmatch(r"[\(\[\{<].*[\)\]\}>]\.?", rest):
        return None if _NOT_A_UNIT.match(rest[1:].strip()) else rest
    return rest if is_unit(rest) or is_unit(rest.strip("()[]{}")) else None
