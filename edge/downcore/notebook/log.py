"""The record of a station, read from a notebook: sections by name, each with its scans."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from downcore.commands.beside_rows import beside_of
from downcore.commands.section_lookup import chosen_scan
from downcore.notebook.core import CoreView, core_names, core_view
from downcore.notebook.database import COPY_AGAIN, ask
from downcore.notebook.scan_list import ScanList, scan_list
from downcore.notebook.section_log import SectionComposition, SectionLog
from downcore.store import Reader
from downcore.strata.depthlog import SliceRow
from downcore.strata.record import ScanState
from downcore.strata.scan_corrections import Correction

_UNFINISHED = frozenset({ScanState.GROWING, ScanState.SETTLING, ScanState.FINAL})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StoredSection(SectionLog):
    """
    The depth log of one section as the record had it when it was asked.

    Examples
    --------
    >>> section = downcore.open("downcore.db")["GC01_01"]
    >>> section
    <StoredSection GC01_01: 4 slices, density, ms, vp>
    """

    scans: ScanList
    """Every scan of the section in the order they were met, superseded ones included."""
    _db: Path

    @property
    def composition(self) -> SectionComposition:
        """
        What the section is made of, from the record.

        Raises
        ------
        StoreError
            If the record is of an older version, without compositions.

        Examples
        --------
        >>> frame = downcore.open("downcore.db")["GC01_01"].composition.to_pandas()
        >>> frame["group"].nunique() > 3
        True
        """
        found = ask(self._db, lambda reader: tuple(reader.composition_log(self.scan_id)))
        return SectionComposition(self.section, self.scan_id, found)


class Log(Mapping[str, StoredSection]):
    """
    The record of a station, or of ``downcore process``: a mapping of section names to sections.

    Nothing is kept open: each question is asked of the database anew, so that the answer is
    the newest, and the same object may be asked for days while a daemon writes.

    Examples
    --------
    >>> log = downcore.open("downcore.db")
    >>> log
    <Log downcore.db>
    >>> list(log), "GC01_01" in log
    (['GC01_01'], True)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<Log {self.path}>"

    def __iter__(self) -> Iterator[str]:
        return iter([one.section for one in self.sections() if one.state != ScanState.EXCLUDED])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, section: str) -> StoredSection:
        return self.section(section)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def sections(self) -> ScanList:
        """
        Return the newest scan of every section, in the order the sections were met.

        Raises
        ------
        StoreError
            If the record cannot be read any more.

        Examples
        --------
        >>> downcore.open("downcore.db").sections()[0].section
        'GC01_01'
        """
        return scan_list(ask(self.path, Reader.sections))

    def corrections(self, section: str | None = None) -> tuple[Correction, ...]:
        """
        Return what people corrected, the oldest first: of one section or of all.

        Examples
        --------
        >>> downcore.open("downcore.db").corrections()
        ()
        """
        return tuple(ask(self.path, lambda reader: reader.corrections(section)))

    def cores(self) -> tuple[str, ...]:
        """
        Return the names of the cores, in order.

        Raises
        ------
        StoreError
            If the record cannot be read any more.

        Examples
        --------
        >>> downcore.open("downcore.db").cores()
        ('GC01',)
        """
        return core_names(self.path)

    def core(self, name: str) -> CoreView:
        """
        Return a core across its sections, such as ``887A-1H``, or a hole, such as ``887A``.

        Where its sections lie is said by sidecars and by ``downcore depths``.

        Raises
        ------
        UnknownSectionError
            A ``KeyError``: if there is no such core, or several; names them.
        StoreError
            If the record cannot be read any more.

        Examples
        --------
        >>> downcore.open("downcore.db").core("GC01")
        <CoreView GC01: 1 sections>
        """
        return core_view(self.path, name)

    def section(self, section: str, *, scan: str | None = None) -> StoredSection:
        """
        Return the depth log of a section; ``log[section]`` is the same without a choice of scan.

        Parameters
        ----------
        section : str
            Name of the section.
        scan : str, optional
            Identity of one of its scans, or the first digits of it; the newest unless given.

        Raises
        ------
        UnknownSectionError
            A ``KeyError``: if the record has no such section or scan; names the nearest.
        SectionError
            If section or scan is a copy, and another one has the rows, or if the section is left
            out and no scan of it was named.
        StoreError
            If the record cannot be read any more.

        Examples
        --------
        >>> log = downcore.open("downcore.db")
        >>> newest = log["GC01_01"]
        >>> [one.state for one in newest.scans]
        ['done']
        >>> log.section("GC01_01", scan=newest.scans[0].scan_id[:8]).scan_id == newest.scan_id
        True
        >>> log["GC01_1"]
        Traceback (most recent call last):
        ...
        downcore.strata.errors.UnknownSectionError: expected a section of the store, got 'GC01_1'; \
did you mean 'GC01_01'? known: GC01_01
        """

        def read(reader: Reader) -> StoredSection:
            chosen = chosen_scan(reader, section, scan)
            scan_id = chosen.scan.scan_id
            rows: tuple[SliceRow, ...] = tuple(one.row for one in reader.scan_log(scan_id))
            return StoredSection(
                section,
                scan_id,
                rows,
                beside_of(reader, section, rows, chosen.status.state),
                scan_list(reader.scans(section)),
                self.path,
            )

        return ask(self.path, read)


def open(path: str | Path) -> Log:  # noqa: A001 - downcore.open, in full
    """
    Open the record of a station, or of ``downcore process``, for reading; nothing is changed.

    A daemon may go on writing meanwhile; it is not kept waiting. A database that no program has
    open is read in a folder that cannot be written, too.

    Parameters
    ----------
    path : str or Path
        The SQLite file that ``[store] path`` of the settings names.

    Returns
    -------
    Log

    Warns
    -----
    UserWarning
        If it looks like a copy that was made while a daemon wrote, and may lack the newest rows.

    Raises
    ------
    StoreError
        If there is no database, or none that this version can read; says what to do.

    Examples
    --------
    >>> log = downcore.open("downcore.db")
    >>> log["GC01_01"].to_pandas()["property"].unique().tolist()
    ['density', 'ms', 'vp']
    """
    log = Log(Path(path).expanduser())
    if _looks_copied(log):
        warnings.warn(
            f"{log.path} has an unfinished scan, and neither a -wal nor a .lock file lies beside "
            "it: it was probably copied while a daemon wrote, and its newest rows are missing; "
            f"{COPY_AGAIN}",
            stacklevel=2,
        )
    return log


def _looks_copied(log: Log) -> bool:
    is_unfinished = any(one.state in _UNFINISHED for one in log.sections())
    beside = [log.path.with_name(log.path.name + ending) for ending in ("-wal", ".lock")]
    return is_unfinished and not any(one.exists() for one in beside)
