"""Cores as the record has them: scans of their sections, and where the depth ledger puts these."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from downcore.store.stored_values import StoredScan
from downcore.strata.core_depths import CoreDepths, core_depths
from downcore.strata.depth_ledger import (
    CoreName,
    DepthSource,
    Draft,
    SectionEntry,
    Version,
    core_said,
    section_key,
)


@dataclass(frozen=True, slots=True)
class CoreSection:
    """A section of a core that the record has a scan of."""

    section: str
    """Its name in the ledger."""
    stored: StoredScan


@dataclass(frozen=True, slots=True)
class StoredCore:
    """A core of the record or of the ledger."""

    depths: CoreDepths
    scans: tuple[CoreSection, ...]
    """One for each section half, in the order they were met; none if only the ledger knows it."""
    notes: tuple[str, ...]
    """What a person should know of the sidecars of its scans."""

    @property
    def name(self) -> CoreName:
        """Its names."""
        return self.depths.core


def core_of_scan(stored: StoredScan) -> tuple[CoreName, str] | None:
    """Return the core and the section that a scan's names say; ``None`` where they say no core."""
    scan = stored.scan
    if not scan.core:
        return None
    # A core that was not cut is its own and only section.
    return CoreName(scan.expedition, scan.core), section_key(scan.section or "1")


def stored_core(
    name: CoreName, scans: Sequence[CoreSection], versions: Sequence[Version]
) -> StoredCore:
    """Return what is known of a core: by the sidecars of its scans, then by the ledger."""
    notes: list[str] = []
    sidecars = [one for scan in scans for one in _sidecar_version(name, scan, notes)]
    # A section without any depth is listed, too.
    bare = tuple(SectionEntry(name, scan.section) for scan in scans)
    listed = Version(0, "", Draft(DepthSource.SIDECAR, "", sections=bare))
    tops: dict[str, tuple[int | None, Version]] = {}
    for version in sidecars:
        (entry,) = version.draft.sections
        other = tops.setdefault(entry.section, (entry.top_um, version))
        if other[0] != entry.top_um:
            notes.append(
                f"the sidecars of section {entry.section} disagree: {other[1].draft.file_name} and "
                f"{version.draft.file_name}; the second counts"
            )
    said = core_said(name, [listed, *sidecars, *versions])
    return StoredCore(core_depths(said), tuple(scans), tuple(notes))


def _sidecar_version(name: CoreName, one: CoreSection, notes: list[str]) -> list[Version]:
    """Return what the sidecar of a scan said, as a version of the ledger."""
    top_um = one.stored.scan.section_top_um
    if top_um is None:
        return []
    beside = PurePath(one.stored.scan.path).stem
    if top_um < 0:
        notes.append(f"the sidecar of {beside} has a negative top, which does not count")
        return []
    entry = SectionEntry(name, one.section, top_um)
    draft = Draft(DepthSource.SIDECAR, "", file_name=f"of {beside}", sections=(entry,))
    return [Version(0, one.stored.status.updated_utc, draft)]
