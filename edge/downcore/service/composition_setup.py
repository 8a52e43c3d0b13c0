"""From the settings to what a station composes with."""

import logging
from collections.abc import Sequence
from functools import partial

from downcore.composing import CompositionConfig
from downcore.composing.config import CutSuperpixels, TableInUse
from downcore.endmember_tables import find_table
from downcore.ports import Predictor, RegionRefiner
from downcore.settings import CompositionSettings, Settings
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.errors import SettingsError
from downcore.strata.estimates import MIN_RESOLUTION_SHARE
from downcore.strata.measured import MeasuredRows
from downcore.strata.properties import PROPERTIES
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.unmixing.identifiability import most_groups
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.observations import ROWS
from downcore.strata.unmixing.physics import Mixing

logger = logging.getLogger(__name__)


def composition_config_of(
    settings: Settings, predictors: Sequence[Predictor]
) -> CompositionConfig | None:
    """
    Return what the settings compose with; ``None`` where they do not.

    Parameters
    ----------
    settings : Settings
        Of the device.
    predictors : sequence of Predictor
        Of these the first one's density, vp and ms count; without any, colour does.

    Raises
    ------
    SettingsError, EndMemberError, BundleError
        If a table or a bundle of Segment Anything cannot be used.
    """
    wanted = settings.composition
    if not wanted.enabled:
        return None
    bundle_id, lowest = "", 0.0
    if predictors:
        manifest = predictors[0].manifest
        bundle_id = manifest.bundle_id
        lowest = MIN_RESOLUTION_SHARE * manifest.trained_px_per_cm[0]
    refiner, version = _refiner(wanted)
    return CompositionConfig(
        tables=_tables(wanted),
        bundle_id=bundle_id,
        lowest_px_per_cm=lowest,
        superpixels=SuperpixelSettings(),
        superpixel_backend=wanted.superpixels,
        cut=_cut(wanted),
        refiner=refiner,
        refiner_version=version,
    )


def check_composition(wanted: CompositionSettings) -> str:
    """
    Open what composition needs and say what that is.

    Raises
    ------
    SettingsError, EndMemberError, BundleError
        As :func:`composition_config_of`.
    """
    tables = [
        f"{one.name} ({len(one.calibration.model.library.groups)} groups)"
        for one in _tables(wanted)
    ]
    _cut(wanted)
    refiner, _ = _refiner(wanted)
    parts = f"superpixels by {wanted.superpixels}, regions by {refiner.name}"
    return f"tables {', '.join(tables)}; {parts}"


def measured_estimates(measured: MeasuredRows | None) -> dict[int, tuple[Estimate, ...]]:
    """
    Return measured values by number of slice; of several in one slice, their mean.

    Values that no core can have are left out.
    """
    found: dict[tuple[int, str], list[float]] = {}
    for row in measured.rows if measured else ():
        for known, value in zip(PROPERTIES, row.values, strict=True):
            if value is not None and known.lowest <= value <= known.highest:
                found.setdefault((row.depth_um // SLICE_UM, known.name), []).append(value)
    by_slice: dict[int, tuple[Estimate, ...]] = {}
    for (index, name), values in found.items():
        mean = sum(values) / len(values)
        one = Estimate(name, mean, None, None, Status.MEASURED, "", "")
        by_slice[index] = (*by_slice.get(index, ()), one)
    return by_slice


def _tables(wanted: CompositionSettings) -> tuple[TableInUse, ...]:
    tables = tuple(_table(name) for name in wanted.tables)
    names = [one.name for one in tables]
    if len(set(names)) != len(names):
        raise SettingsError(
            f"composition.tables: expected tables of different names, got {', '.join(names)}; "
            "change the name inside the file of one"
        )
    return tables


def _table(name: str) -> TableInUse:
    found = find_table(name)
    mixing = Mixing(vp_rule=found.table.vp_rule)
    table = TableInUse(
        found.table.name, found.sha256, uncalibrated(Library.of(found.table), mixing)
    )
    if not table.holds(ROWS):
        raise SettingsError(
            f"composition.tables: expected at most {most_groups(ROWS)} groups, which is what all "
            f"observations together hold, got {len(found.table.groups)} in {name}; join some"
        )
    return table


def _cut(wanted: CompositionSettings) -> CutSuperpixels:
    # The compiler of the kernels takes a second to load, which nobody pays who composes nothing.
    from downcore.strata.superpixels.stream import SuperpixelStream  # noqa: PLC0415 - see above

    if wanted.superpixels == "cpu":
        return SuperpixelStream
    from downcore.inference.superpixel_clustering import GraphBackend  # noqa: PLC0415 - see above

    return partial(SuperpixelStream, backend=GraphBackend())


def _refiner(wanted: CompositionSettings) -> tuple[RegionRefiner, str]:
    """Return what joins superpixels, and what tells it from others of its name."""
    from downcore.strata.regions.merging import MergeRefiner, RegionSettings  # noqa: PLC0415 - see above

    settings = RegionSettings()
    merging = MergeRefiner(settings)
    if wanted.regions == "merge":
        return merging, str(settings)
    from downcore.inference.segment_anything import open_segment_anything  # noqa: PLC0415 - see above

    refiner = open_segment_anything(wanted.segment_anything, merging)
    return refiner, f"{refiner.bundle_id} {settings}"
