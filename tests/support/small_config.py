"""A way of composing for small scans: two tables, superpixels in short stretches, merging."""

from functools import cache

from downcore.composing import CompositionConfig
from downcore.composing.config import TableInUse
from downcore.endmember_tables.files import find_table
from downcore.strata.endmembers.library import Library
from downcore.strata.regions.merging import MergeRefiner
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.superpixels.stream import SuperpixelStream
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.physics import Mixing


@cache
def small_config(*tables: str, bundle_ids: tuple[str, ...] = ("b1",)) -> CompositionConfig:
    """Return a recipe of the named tables, ``carbonate`` and ``marine-colour`` unless told."""
    return CompositionConfig(
        tables=tuple(table_in_use(name) for name in tables or ("carbonate", "marine-colour")),
        bundle_ids=bundle_ids,
        superpixels=SuperpixelSettings(stretch_cells=5),
        superpixel_backend="cpu",
        cut=SuperpixelStream,
        refiner=MergeRefiner(),
    )


def table_in_use(name: str) -> TableInUse:
    """Return a table that comes with the device, as it is used without calibration."""
    found = find_table(name)
    mixing = Mixing(vp_rule=found.table.vp_rule)
    calibration = uncalibrated(Library.of(found.table), mixing)
    return TableInUse(found.table.name, found.sha256, calibration)
