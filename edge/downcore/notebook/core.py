"""A core of the record, read from a notebook: its sections, their depths, and one log of all."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from downcore.commands.core_log import read_core_log
from downcore.commands.core_log_columns import CORE_LOG_COLUMNS, core_log_rows
from downcore.commands.core_lookup import CoreIndex
from downcore.notebook.database import ask
from downcore.notebook.tables import frame_of
from downcore.store.stored_cores import StoredCore
from downcore.strata.core_depths import CoreDepths, DepthScale
from downcore.strata.core_log import CoreLog
from downcore.strata.errors import SectionError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoreDepthLog:
    """The depth log of a core, or of the cores of a hole, across its sections."""

    log: CoreLog
    """Rows and gaps, from the top down."""

    def __repr__(self) -> str:
        n_rows = sum(len(piece.rows) for piece in self.log.pieces)
        return (
            f"<{type(self).__name__} {self.log.name} by depth in {self.log.scale}: "
            f"{n_rows} slices of {len(self.log.pieces)} sections, {len(self.log.gaps)} gaps>"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the depths, a sentence each: overlaps, sections left out."""
        return self.log.notes

    def to_pandas(self) -> "pd.DataFrame":
        """
        Return the log as a DataFrame: a row for each slice, property and bundle, and for each gap.

        The columns are those of ``downcore log CORE --depth core --csv``. ``section`` is empty in
        the row of a gap, whose values are NaN, so that a curve is broken there.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed; says with which command it can be.
        """
        return frame_of(CORE_LOG_COLUMNS, core_log_rows(self.log))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoreView:
    """A core, or the cores of a hole, as the record had them when they were asked for."""

    name: str
    """As it was asked for."""
    depths: tuple[CoreDepths, ...]
    """Where the sections lie, for each core by depth."""
    sections: tuple[str, ...]
    """Names of the sections in the record."""
    _db: Path

    def __repr__(self) -> str:
        cores = ", ".join(str(one.core) for one in self.depths)
        return f"<{type(self).__name__} {cores}: {len(self.sections)} sections>"

    def log(self, depth: str = "core") -> CoreDepthLog:
        """
        Return the depth log across the sections.

        Parameters
        ----------
        depth : str
            ``section``, ``core``, ``hole`` or ``composite``: by which depth it is ordered.

        Raises
        ------
        SectionError
            If nothing says this depth, or there is none of this name.
        StoreError
            If the record cannot be read any more.
        """
        if depth not in set(DepthScale):
            known = ", ".join(DepthScale)
            raise SectionError(f"expected one of {known} for depth, got {depth!r}")
        scale = DepthScale(depth)
        return CoreDepthLog(ask(self._db, lambda reader: read_core_log(reader, self.name, scale)))


def core_view(db: Path, name: str) -> CoreView:
    """
    Return a core, or the cores of a hole.

    Raises
    ------
    UnknownSectionError
        If the record has none of this name, or several; names them.
    StoreError
        If the record cannot be read.
    """
    cores: list[StoredCore] = ask(db, lambda reader: CoreIndex.of(reader).find(name))
    sections = [one.stored.scan.section_id for core in cores for one in core.scans]
    return CoreView(name, tuple(core.depths for core in cores), tuple(sections), db)


def core_names(db: Path) -> tuple[str, ...]:
    """
    Return the names of the cores of a record, in order.

    Raises
    ------
    StoreError
        If the record cannot be read.
    """
    return tuple(map(str, ask(db, lambda reader: CoreIndex.of(reader).names)))
