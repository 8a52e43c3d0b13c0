"""From the settings to what a station composes with."""

import logging
from collections.abc import Sequence
from functools import partial

from downcore.composing import CompositionConfig
from downcore.composing.config import CutSuperpixels, TableInUse
from downcore.endmember_tables.files import find_table
from downcore.ports import Predictor, RegionRefiner
from downcore.settings import Settings
from downcore.settings.sections import CompositionSettings
from downcore.strata.depth import SLICE_UM
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.endmembers.library import Library
from downcore.strata.errors import SettingsError
from downcore.strata.measured import MeasuredRows
from downcore.strata.properties import PROPERTIES
from downcore.strata.superpixels.settings import SuperpixelSettings
from downcore.strata.unmixing.active_set import MixtureSolver, solve_mixtures
from downcore.strata.unmixing.identifiability import most_groups
from downcore.strata.unmixing.mixing_calibration import uncalibrated
from downcore.strata.unmixing.observations import ROWS
from downcore.strata.unmixing.physics import Mixing

logger = logging.getLogger(__name__)

_SOLVED_TOGETHER = 512
"""Problems and members of one inference, so that the 22 slices of a block need one."""


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
        Each judges whether a slice is like its cores. The first one's density, vp and ms count;
        without any, colour alone does.

    Raises
    ------
    SettingsError, EndMemberError, BundleError
        If a table or a bundle of Segment Anything cannot be used.
    """
    wanted = settings.composition
    if not wanted.enabled:
        return None
    refiner, version = _refiner(wanted)
    return CompositionConfig(
        tables=_tables(wanted),
        bundle_ids=tuple(predictor.manifest.bundle_id for predictor in predictors),
        superpixels=SuperpixelSettings(),
        superpixel_backend=wanted.superpixels,
        cut=_cut(wanted),
        refiner=refiner,
        refiner_version=version,
        solver=wanted.solver,
    )


def measured_estimates(measured: MeasuredRows | None) -> dict[int, tuple[Estimate, ...]]:
    """
    Return measured values by number of slice; of several in one slice, their mean.

    Values that no core can have are left out.
    """
    by_cell: dict[tuple[int, str], list[float]] = {}
    for row in measured.rows if measured else ():
        for known, value in zip(PROPERTIES, row.values, strict=True):
            if value is not None and known.lowest <= value <= known.highest:
                by_cell.setdefault((row.depth_um // SLICE_UM, known.name), []).append(value)
    by_slice: dict[int, tuple[Estimate, ...]] = {}
    for (index, name), values in by_cell.items():
        mean = sum(values) / len(values)
        estimate = Estimate(name, mean, None, None, Status.MEASURED, "", "")
        by_slice[index] = (*by_slice.get(index, ()), estimate)
    return by_slice


def _tables(wanted: CompositionSettings) -> tuple[TableInUse, ...]:
    solver = _solver(wanted)
    tables = tuple(_table(name, solver) for name in wanted.tables)
    names = [table.name for table in tables]
    if len(set(names)) != len(names):
        raise SettingsError(
            f"composition.tables: expected tables of different names, got {', '.join(names)}; "
            "change the name inside the file of one"
        )
    return tables


def _table(name: str, solver: MixtureSolver) -> TableInUse:
    found = find_table(name)
    mixing = Mixing(vp_rule=found.table.vp_rule)
    calibration = uncalibrated(Library.of(found.table), mixing, solver=solver)
    table = TableInUse(found.table.name, found.sha256, calibration)
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


def _solver(wanted: CompositionSettings) -> MixtureSolver:
    if wanted.solver == "exact":
        return solve_mixtures
    from downcore.inference.unmixing_graph import AdmmSolver  # noqa: PLC0415 - as for the superpixels

    return AdmmSolver(batch=_SOLVED_TOGETHER).solve


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
