"""Sections as the store holds them: colour profiles, measured values, and what runs now."""

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from downcore.learning.site_sections import SiteSection
from downcore.store import Reader
from downcore.store.stored_values import StoredScan
from downcore.strata.depth import SLICE_UM
from downcore.strata.measured_slices import by_slice
from downcore.strata.properties import PROPERTIES, Property, property_named
from downcore.strata.slice_profile import SliceProfile
from downcore.strata.window_profile import N_COLUMNS


def stored_sections(
    reader: Reader, cores: Sequence[str], running_ids: Sequence[str]
) -> tuple[list[SiteSection], list[str], bool]:
    """
    Return the sections of the store that have a colour profile, in the order they were met.

    Parameters
    ----------
    reader : Reader
        Of the store.
    cores : sequence of str
        Names of cores or patterns such as ``887A-*``; empty for all.
    running_ids : sequence of str
        Bundles that answer now; of several the first that gives a value counts.

    Returns
    -------
    sections : list of SiteSection
    without : list of str
        Sections whose scan was read by a version that kept no profile.
    has_board : bool
        Whether a white board was seen in every section.
    """
    sections, without, boards = [], [], []
    for stored in reader.sections():
        if cores and not any(fnmatchcase(stored.scan.core, one) for one in cores):
            continue
        profiles = reader.colour_profiles(stored.scan.scan_id)
        if not profiles:
            without.append(stored.scan.section_id)
            continue
        sections.append(_section(reader, stored, profiles, running_ids))
        boards.append(any(np.isfinite(one.board).all() for one in profiles))
    return sections, without, bool(boards) and all(boards)


def _section(
    reader: Reader,
    stored: StoredScan,
    profiles: Sequence[SliceProfile],
    running_ids: Sequence[str],
) -> SiteSection:
    n = profiles[-1].index + 1
    profile, weight = np.zeros((n, N_COLUMNS)), np.zeros(n)
    for one in profiles:
        profile[one.index], weight[one.index] = one.columns, one.weight
    labels, running = (np.full((n, len(PROPERTIES)), np.nan) for _ in range(2))
    for (index, name), slice_ in by_slice(reader.measured_of(stored.scan.section_id)).items():
        prop = property_named(name)
        is_sound = not slice_.flags and prop.lowest <= slice_.value <= prop.highest
        if index < n and is_sound:
            labels[index, PROPERTIES.index(prop)] = _scaled(slice_.value, prop)
    for row in reader.scan_log(stored.scan.scan_id):
        for bundle_id in reversed(running_ids):
            for estimate in row.row.estimates:
                if estimate.bundle_id == bundle_id and estimate.value is not None:
                    prop = property_named(estimate.property)
                    value = _scaled(max(estimate.value, prop.lowest), prop)
                    running[row.row.core_slice.index, PROPERTIES.index(prop)] = value
    top_cm = (stored.scan.section_top_um or 0) / SLICE_UM
    return SiteSection(
        name=stored.scan.section_id,
        profile=profile,
        weight=weight,
        depth_cm=np.asarray(top_cm + np.arange(n) + 0.5, np.float64),
        labels=labels,
        running=running,
        px_per_cm=float(stored.scan.px_per_cm),
    )


def _scaled(value: float, prop: Property) -> float:
    return math.log10(value) if prop.is_log_scaled else value
