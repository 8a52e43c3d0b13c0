"""Cores of the record: which sections make a core, and where the depth ledger says they lie."""

import re
from collections.abc import Iterable, Sequence
from typing import Self

from downcore.commands.section_lookup import nearest
from downcore.store import Reader
from downcore.store.stored_cores import CoreSection, StoredCore, core_of_scan, stored_core
from downcore.store.stored_values import StoredScan
from downcore.strata.depth_ledger import CoreName, Draft, Version
from downcore.strata.errors import UnknownSectionError


class CoreIndex:
    """
    The cores that the record and the ledger name; what is known of one is put together when asked.

    Parameters
    ----------
    stored : sequence of StoredScan
        The scan that stands of every section.
    versions : sequence of Version
        The oldest first. What the sidecars of the scans said comes before them.
    """

    def __init__(self, stored: Sequence[StoredScan], versions: Sequence[Version]) -> None:
        self.scans = tuple(stored)
        self._versions = tuple(versions)
        self._by_id = _cores_by_section_id(versions)
        self._sections: dict[CoreName, list[CoreSection]] = {}
        for scan in stored:
            place = self.place_of(scan)
            if place is not None:
                self._sections.setdefault(place[0], []).append(CoreSection(place[1], scan))
        self.names = tuple(sorted({*self._sections, *_named_by(versions)}))
        """Of every core, in order."""

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """Return the cores of a record."""
        return cls(reader.sections(), reader.depth_versions())

    def place_of(self, stored: StoredScan) -> tuple[CoreName, str] | None:
        """Return which section of which core a scan shows; ``None`` where nothing says a core."""
        return core_of_scan(stored) or self._by_id.get(stored.scan.section_id)

    def core(self, name: CoreName) -> StoredCore:
        """Return what is known of a core; nothing of one that is not there."""
        return stored_core(name, self._sections.get(name, []), self._versions)

    def history(self, name: CoreName) -> tuple[Version, ...]:
        """Return the versions that say something of a core, the oldest first."""
        return tuple(version for version in self._versions if name in _named_by([version]))

    def with_drafts(self, drafts: Iterable[Draft], made_utc: str) -> "CoreIndex":
        """Return what the record would know if drafts were added."""
        added = [Version(-1, made_utc, draft) for draft in drafts]
        return CoreIndex(self.scans, [*self._versions, *added])

    def find(self, name: str) -> list[StoredCore]:
        """
        Return the core of a name, or the cores of a hole, by depth.

        Parameters
        ----------
        name : str
            ``887A-1H``, also with the expedition before it, or the hole ``887A``; however the
            parts are joined, and whatever its case.

        Raises
        ------
        UnknownSectionError
            If there is none, or there are several; names them.
        """
        asked = _folded(name)
        found = [one for one in self.names if asked in _foldings(one)]
        if not found:
            of_hole = re.compile(re.escape(asked) + r"-[0-9]{1,4}[a-z]")
            found = [one for one in self.names if any(map(of_hole.fullmatch, _foldings(one)))]
            if found and len({one.expedition for one in found}) == 1:
                return sorted(map(self.core, found), key=_by_depth)
        if len(found) == 1:
            return [self.core(found[0])]
        known = list(map(str, self.names))
        if found:
            raise UnknownSectionError(
                f"expected one core, got {name!r}, which several are called: "
                f"{', '.join(map(str, found))}; give one of these"
            )
        raise UnknownSectionError(
            f"expected a core of the store, got {name!r}; {self._as_section(name)}"
            f"{nearest(name, known)}known: {', '.join(known) or 'none'}"
        )

    def has(self, name: str) -> bool:
        """Return whether a name is that of one core, or of a hole."""
        try:
            return bool(self.find(name))
        except UnknownSectionError:
            return False

    def _as_section(self, name: str) -> str:
        of = next((one for one in self.scans if one.scan.section_id == name), None)
        place = None if of is None else core_of_scan(of)
        return "" if place is None else f"that is a section of core {place[0]}; "


def _folded(name: str) -> str:
    return re.sub(r"[-_ ]+", "-", name.strip()).casefold()


def _foldings(name: CoreName) -> tuple[str, str]:
    return _folded(str(name)), _folded(name.core)


def _by_depth(core: StoredCore) -> tuple[bool, int, list[tuple[int, str]]]:
    top_um = core.depths.top_um
    parts = re.findall(r"[0-9]+|[^0-9]+", core.name.core)
    numbers = [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]
    return top_um is None, top_um or 0, numbers


def _cores_by_section_id(versions: Iterable[Version]) -> dict[str, tuple[CoreName, str]]:
    """Return where the ledger puts sections that it calls by their whole name; the newest last."""
    return {
        entry.section: (entry.core, entry.section)
        for version in versions
        for entry in version.draft.sections
    }


def _named_by(versions: Iterable[Version]) -> set[CoreName]:
    return {entry.core for version in versions for entry in version.draft.entries}
