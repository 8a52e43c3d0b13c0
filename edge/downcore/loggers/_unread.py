"""Columns that may hold a property of which no column is known: named, and not read."""

import re

from downcore.loggers._layout import FIELDS, Header, Layout
from downcore.loggers._table import column_of, plain

_MAY_BE = {
    "density": re.compile(r"den(?:s|\d|$)|dichte|^gra|^wbd|^rho"),
    "vp": re.compile(r"veloc|vel(?:\d|$)|^vp|^pw|^pvel|sonic"),
    "ms": re.compile(r"sus|^ms(?!cl)|kappa|^k(?:lf|hf|vol)?$|^chi"),
}
_NO_VALUE = re.compile(r"amp|tim|tt|err|std|sd$|flag|cor$|note|qual|file|date|unit|dist|thick")
_MAX_SHOWN = 4


def unread_columns(header: Header, layout: Layout) -> list[str]:
    """Return a note for each property that has no column though the name of another is like it."""
    used = {column_of(header.written, layout.columns.of(field))[0] for field in FIELDS}
    others = [name for i, name in enumerate(header.written) if name and i not in used]
    notes = []
    for kind, may_be in _MAY_BE.items():
        stems = layout.columns.of(kind)
        if not stems or column_of(header.written, stems)[0] is not None:
            continue
        like = [
            name
            for name in others
            if may_be.search(plain(name)) and not _NO_VALUE.search(plain(name))
        ]
        if like:
            shown = ", ".join(repr(name[:40]) for name in like[:_MAX_SHOWN])
            notes.append(
                f"{kind}: none is read; {shown} may be it, but the name is not known; "
                f"call it {stems[0]!r}"
            )
    return notes
