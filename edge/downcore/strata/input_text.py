"""Text from an input file: parsing its numbers and names, and showing it in a message."""

import math
import re
from fractions import Fraction

MAX_DIGITS = 12
"""Digits of a whole number, and before a point."""

MAX_DECIMALS = 20
"""Digits after a point."""

MAX_NAME_CHARACTERS = 80
"""Longest name of a core or section."""

MAX_SHOWN = 60
"""Characters of an input's text in a message."""

_DIGITS = rf"[0-9]{{1,{MAX_DIGITS}}}"
_WHOLE = re.compile(_DIGITS)
_DECIMALS = rf"[0-9]{{1,{MAX_DECIMALS}}}"
_EXACT = re.compile(rf"{_DIGITS}(?:[.,]{_DECIMALS})?")
_RATIO = re.compile(rf"({_DIGITS}(?:\.{_DECIMALS})?)(?:/({_DIGITS}))?")
_FLOAT = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")


def whole_number(text: str) -> int | None:
    """Return a whole number of 0 or more in ASCII digits; None if it is anything else."""
    return int(text) if _WHOLE.fullmatch(text) else None


def exact_number(text: str) -> Fraction | None:
    """
    Return a decimal number of 0 or more, exactly; a comma may be its point.

    None if it is anything else, or has more than 12 digits before the point or 20 after.
    """
    return Fraction(text.replace(",", ".")) if _EXACT.fullmatch(text) else None


def exact_ratio(text: str) -> Fraction | None:
    """
    Return a decimal number of 0 or more, or a ratio such as ``1000/3``, exactly.

    None if it is anything else. There is no exponent: ``1e999999999`` would take minutes to
    write out.
    """
    found = _RATIO.fullmatch(text)
    if found is None:
        return None
    divisor = int(found[2] or "1")
    return Fraction(found[1]) / divisor if divisor else None


def finite_number(text: str) -> float | None:
    """Return a decimal number, perhaps with an exponent; None if it is no finite one."""
    value = float(text) if _FLOAT.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def name_text(text: str) -> str | None:
    """Return a name without blanks around it; None if it is empty, long or not printable."""
    name = text.strip()
    return name if name.isprintable() and 0 < len(name) <= MAX_NAME_CHARACTERS else None


def shown(found: object) -> str:
    """Return what was found as a message shows it: quoted, escaped and shortened."""
    if isinstance(found, str):
        text = repr(found[:MAX_SHOWN])
        return text if len(found) <= MAX_SHOWN else f"{text[:-1]}...{text[-1]}"
    try:
        text = repr(found)
    except (ValueError, RecursionError):
        # Python cannot print numbers of thousands of digits or lists nested too deeply.
        return f"a {type(found).__name__} that is too long to show"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
