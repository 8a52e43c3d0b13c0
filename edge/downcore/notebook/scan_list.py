"""The scans of a record, listed in a notebook."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from downcore.notebook.tables import needed
from downcore.store.stored_values import StoredScan
from downcore.strata.depth import SLICE_UM

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_ID = 8
"""Digits of an identity that are shown; any that are unique may be given."""

_SHOWN = ("section", "scan", "state", "cm", "format", "px/cm")
_NUMBERS = frozenset({"cm", "px/cm"})


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """
    One scan of the record and how far it has come.

    Examples
    --------
    >>> first = downcore.open("downcore.db").sections()[0]
    >>> first.section, first.state, first.n_slices, first.px_per_cm
    ('GC01_01', 'done', 4, 200.0)
    """

    section: str
    scan_id: str
    """Identity by content, 32 hexadecimal digits."""
    state: str
    """``seen``, ``growing``, ``settling``, ``final``, ``done``, ``quarantined``, ``superseded``,
    ``missing`` or ``excluded``."""
    reason: str
    """Why it is so, where there is something to say."""
    n_slices: int
    """Centimetres in the record."""
    format: str
    """Name of the scanner format."""
    px_per_cm: float
    """Scan lines per centimetre of core."""
    section_top_cm: float | None
    """Depth of the section's top in the core, as its sidecar says; ``None`` where it does not.
    :meth:`Log.core` knows what was imported and typed, too."""
    path: str
    """Where the scan was found."""
    updated_utc: str
    superseded_by: str | None
    """The scan whose rows stand instead; ``None`` for one that stands."""
    duplicate_of: str | None
    """The scan of the same content that has the rows; ``None`` for one with rows of its own."""


class ScanList(tuple[ScanSummary, ...]):
    """
    Scans, shown as a table; otherwise a tuple of :class:`ScanSummary`.

    Examples
    --------
    >>> downcore.open("downcore.db").sections()
    section  scan      state  cm  format      px/cm
    GC01_01  ...       done    4  plain_tiff    200
    >>> [one.section for one in downcore.open("downcore.db").sections()]
    ['GC01_01']
    """

    __slots__ = ()

    def __repr__(self) -> str:
        rows = [_SHOWN, *map(_shown, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
                for name, cell, width in zip(_SHOWN, row, widths, strict=True)
            ).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        head, *rows = (
            "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
            for tag, row in [("th", _SHOWN), *(("td", _shown(one)) for one in self)]
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_pandas(self) -> "pd.DataFrame":
        """
        Return the scans as a DataFrame, a row for each, with the fields of :class:`ScanSummary`.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed; says with which command it can be.

        Examples
        --------
        >>> downcore.open("downcore.db").sections().to_pandas()["n_slices"].tolist()
        [4]
        """
        names = ScanSummary.__slots__
        pandas = needed("pandas")
        return pandas.DataFrame({name: [getattr(one, name) for one in self] for name in names})


def scan_list(scans: Iterable[StoredScan]) -> ScanList:
    """Return stored scans as they are listed."""
    return ScanList(
        ScanSummary(
            section=one.scan.section_id,
            scan_id=one.scan.scan_id,
            state=one.status.state.value,
            reason=one.status.reason,
            n_slices=one.status.n_slices,
            format=one.scan.format,
            px_per_cm=float(one.scan.px_per_cm),
            section_top_cm=(
                None if one.scan.section_top_um is None else one.scan.section_top_um / SLICE_UM
            ),
            path=one.scan.path,
            updated_utc=one.status.updated_utc,
            superseded_by=one.status.superseded_by,
            duplicate_of=one.status.duplicate_of,
        )
        for one in scans
    )


def _shown(one: ScanSummary) -> tuple[str, ...]:
    state = f"{one.state}: {one.reason}" if one.reason else one.state
    shown_id = one.scan_id[:_SHOWN_ID]
    return (one.section, shown_id, state, str(one.n_slices), one.format, f"{one.px_per_cm:g}")
