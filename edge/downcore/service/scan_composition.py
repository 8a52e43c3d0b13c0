"""A scan's composition between the store and the composer."""

import itertools
from collections.abc import Sequence

from downcore.composing import SectionComposer
from downcore.service.composition_setup import measured_estimates
from downcore.service.station import Station
from downcore.store import OpenedScan, Reader
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale


def n_composed(station: Station, kept: OpenedScan | None) -> int:
    """Return how many slices of a scan need no composing, from its top."""
    if kept is None:
        return 0
    if station.composition_config is None:
        return kept.n_slices
    return station.store.n_slices_composed(kept.scan_id, station.composition_config.composer_id)


def composer_of(
    station: Station, scale: LineScale, scan_id: str, *, n_known: int, n_done: int
) -> SectionComposer | None:
    """
    Return a composer for a passage through a scan; ``None`` where nothing is composed.

    Parameters
    ----------
    station : Station
        With what.
    scale : LineScale
        Of the scan.
    scan_id : str
        Which scan.
    n_known : int
        Slices from the top whose values count and are in the store: the passage need not give
        their rows again.
    n_done : int
        Slices from the top whose composition is kept.
    """
    if station.composition_config is None:
        return None
    composer = SectionComposer(
        station.composition_config,
        scale,
        measured=measured_estimates(station.measured),
        n_done=n_done,
        submit=station.submit_regions,
    )
    if n_known:
        with Reader.open(station.store.path) as reader:
            rows = itertools.islice(reader.scan_log(scan_id), n_known)
            composer.add_rows(one.row for one in rows)
    return composer


def commit_compositions(station: Station, scan_id: str, composed: Sequence[ComposedSlice]) -> None:
    """Keep compositions that became ready."""
    if composed:
        station.store.commit_compositions(scan_id, composed)
