"""From the settings to what a station composes with."""

import logging
from collections.abc import Iterator

from downcore.composing import ComposingRecipe
from downcore.composing.recipe import CutSuperpixels, TableInUse
from downcore.endmember_tables import find_table
from downcore.ports import RegionRefiner
from downcore.settings import CompositionSettings, Settings
from downcore.strata.bundle import Manifest
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.errors import SettingsError
from downcore.strata.intervals import MIN_RESOLUTION_SHARE
from downcore.strata.measured import MeasuredRows
from downcore.strata.properties import PROPERTIES
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.unmixing.calibrating import uncalibrated
from downcore.strata.unmixing.physics import Mixing

logger = logging.getLogger(__name__)


def recipe_of(settings: Settings, manifest: Manifest) -> ComposingRecipe | None:
    """
    Return what the settings compose with; ``None`` where they do not.

    Parameters
    ----------
    settings : Settings
        Of the device.
    manifest : Manifest
        Of the bundle whose density, vp and ms count.

    Raises
    ------
    SettingsError, EndMemberError, BundleError
        If a table or a bundle of Segment Anything cannot be used.
    """
    wanted = settings.composition
    if not wanted.enabled:
        return None
    coarse = not settings.predict.allow_low_resolution
    return ComposingRecipe(
        tables=tuple(_tables(wanted)),
        bundle_id=manifest.bundle_id,
        lowest_px_per_cm=MIN_RESOLUTION_SHARE * manifest.trained_px_per_cm[0] if coarse else 0.0,
        superpixels=SuperpixelSettings(),
        superpixel_backend=wanted.superpixels,
        cut=_cut(wanted),
        refiner=_refiner(wanted),
    )


def measured_estimates(measured: MeasuredRows | None) -> dict[int, tuple[Estimate, ...]]:
    """Return measured values by number of slice; of several in one slice, their mean."""
    found: dict[tuple[int, str], list[float]] = {}
    for row in measured.rows if measured else ():
        for known, value in zip(PROPERTIES, row.values, strict=True):
            if value is not None:
                found.setdefault((row.depth_um // SLICE_UM, known.name), []).append(value)
    by_slice: dict[int, tuple[Estimate, ...]] = {}
    for (index, name), values in found.items():
        mean = sum(values) / len(values)
        one = Estimate(name, mean, None, None, Status.MEASURED, "", "")
        by_slice[index] = (*by_slice.get(index, ()), one)
    return by_slice


def _tables(wanted: CompositionSettings) -> Iterator[TableInUse]:
    for name in wanted.tables:
        found = find_table(name)
        mixing = Mixing(vp_rule=found.table.vp_rule)
        calibration = uncalibrated(Library.of(found.table), mixing)
        yield TableInUse(found.table.name, found.sha256, calibration)


def _cut(wanted: CompositionSettings) -> CutSuperpixels:
    # The compiler of the kernels takes a second to load, which nobody pays who composes nothing.
    from downcore.strata.superpixels.stream import SuperpixelStream  # noqa: PLC0415 - see above

    if wanted.superpixels == "cpu":
        return SuperpixelStream
    raise SettingsError("composition.superpixels: openvino is not there yet; use cpu")


def _refiner(wanted: CompositionSettings) -> RegionRefiner:
    from downcore.strata.regions.merging import MergeRefiner, RegionSettings  # noqa: PLC0415 - see above

    merging = MergeRefiner(RegionSettings())
    if wanted.regions == "merge":
        return merging
    raise SettingsError("composition.regions: segment-anything is not there yet; use merge")
