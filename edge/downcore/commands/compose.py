"""``downcore compose``: what one finished image is made of, without a store."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.compose_regions import ComposedRegions, compose_regions
from downcore.commands.image_files import open_complete, readable_scan
from downcore.composing import CompositionConfig, SectionComposer
from downcore.composing.section_regions import RegionThreads
from downcore.pipeline import SectionPipeline, segments_by_slice
from downcore.plate import thumbnail
from downcore.ports import Predictor, ScanDescription, ScanLines, SlicePipeline
from downcore.service.composition_setup import composition_config_of, measured_estimates
from downcore.service.measured_series import read_measured
from downcore.service.station_setup import open_predictors, scan_settings
from downcore.settings import Settings
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import SLICE_UM, LineScale
from downcore.strata.depthlog import Estimate, SliceRow
from downcore.strata.errors import MeasuredRowsError, SettingsError
from downcore.strata.measured import MeasuredRows
from downcore.strata.properties import PROPERTIES
from downcore.strata.unmixing.known_rows import known_slices
from downcore.strata.unmixing.mixing_calibration import calibrate_mixing
from downcore.strata.unmixing.observations import observe

OnSlices = Callable[[str, int, int | None], None]
"""Called with the image, slices done, and slices expected if known."""


@dataclass(frozen=True, slots=True)
class ComposeInputs:
    """Files that are read, and what is asked of them."""

    image: Path
    """Any image that a format reads."""
    measured: Path | None = None
    """Rows of density, vp and ms, which stand before what networks say; ``None`` for none."""
    known: Path | None = None
    """Rows of minerals by weight, from which the section is calibrated; ``None`` for none."""
    n_classes: int | None = None
    """Classes of regions; ``None`` for as many as their colours need."""


@dataclass(frozen=True, slots=True, eq=False)
class ComposedImage:
    """What was found of an image."""

    image: Path
    paths: tuple[Path, ...]
    """Every file of its scan."""
    scale: LineScale
    description: ScanDescription
    composition_config: CompositionConfig
    training_data: str
    """What the bundle whose values count was trained on; empty without one."""
    rows: tuple[SliceRow, ...]
    composed: tuple[ComposedSlice, ...]
    picture: NDArray[np.uint8]
    """Thumbnail, sRGB."""
    regions: ComposedRegions


def compose_image(
    inputs: ComposeInputs,
    settings: Settings,
    *,
    check: Callable[[tuple[Path, ...]], None],
    on_slices: OnSlices,
) -> ComposedImage:
    """
    Compose a finished image.

    Parameters
    ----------
    inputs : ComposeInputs
        The image and what somebody measured on the section.
    settings : Settings
        Scale, orientation, bundles, tables; of the bundles the first one's values count.
    check : callable
        Called with the files of the scan before anything is read, to object.
    on_slices : callable
        Called with the progress.

    Raises
    ------
    SegmentError
        If the image cannot be read, is not complete, or its scale is unknown.
    SettingsError, BundleError, EndMemberError, MeasuredRowsError
        If a bundle, a table or rows cannot be used.
    """
    # Loads the compiler of the kernels, which the superpixels need as well.
    from downcore.strata.regions.section_table import (  # noqa: PLC0415 - see above
        RegionTableBuilder,
    )

    measured = None if inputs.measured is None else _read_credible(inputs.measured)
    scan_files = readable_scan(inputs.image)
    check(scan_files.paths)
    predictors = open_predictors(settings)
    config = _config_of(settings, predictors, measured)
    minerals = config.tables[0].calibration.model.library.minerals
    known = None if inputs.known is None else read_measured(inputs.known, minerals)
    estimates = measured_estimates(measured)
    scans = scan_settings(settings)
    with (
        ThreadPoolExecutor(max_workers=1) as superpixels,
        ThreadPoolExecutor(max_workers=1) as regions,
        open_complete(scan_files, scans.reading) as (lines, n_lines),
    ):
        scale = lines.scale
        table = RegionTableBuilder(scale)
        threads = RegionThreads(superpixels.submit, regions.submit)
        composer = SectionComposer(
            config, scale, measured=estimates, on_regions=table.add, threads=threads
        )
        pipeline = SectionPipeline(scale, predictors, scans.rules, on_masked=composer.add_lines)
        advance = partial(on_slices, inputs.image.name)
        rows, picture = _read(lines, n_lines, pipeline, advance)
        composer.add_rows(rows)
        if known is not None:
            config = calibrated_config(config, rows, estimates, known)
            composer.use(config)
        composed = composer.finish()
        seen = observe(rows, config.bundle_ids, estimates)
        advance(len(rows), len(rows))
        return ComposedImage(
            image=inputs.image,
            paths=scan_files.paths,
            scale=scale,
            description=lines.description,
            composition_config=config,
            training_data=predictors[0].manifest.training_data if predictors else "",
            rows=tuple(rows),
            composed=tuple(composed),
            picture=picture,
            regions=compose_regions(table.table(), seen, config, inputs.n_classes),
        )


def _config_of(
    settings: Settings, predictors: Sequence[Predictor], measured: MeasuredRows | None
) -> CompositionConfig:
    config = composition_config_of(settings, predictors)
    if config is None:
        raise SettingsError("composition.enabled: expected true to compose an image, got false")
    return config if measured is None else replace(config, measured_sha256=measured.sha256)


def _read(
    lines: ScanLines,
    n_lines: int,
    pipeline: SlicePipeline,
    advance: Callable[[int, int | None], None],
) -> tuple[list[SliceRow], NDArray[np.uint8]]:
    """Return the rows of a complete scan, and its thumbnail."""
    rows: list[SliceRow] = []
    pictures: list[NDArray[np.uint8]] = []
    for segment in segments_by_slice(lines, n_lines):
        pictures.append(thumbnail(segment.lines, n_lines))
        if ready := pipeline.push(segment):
            rows += ready
            advance(len(rows), lines.scale.n_slices(n_lines))
    rows += pipeline.finish()
    return rows, np.concatenate(pictures)


def _read_credible(path: Path) -> MeasuredRows:
    """Read measured rows; refuse values that no core can have."""
    measured = read_measured(path)
    for row in measured.rows:
        for known, value in zip(PROPERTIES, row.values, strict=True):
            if value is not None and not known.lowest <= value <= known.highest:
                raise MeasuredRowsError(
                    f"{path}: row at {row.depth_um / SLICE_UM:g} cm: expected {known.name} of "
                    f"{known.lowest:g} to {known.highest:g} {known.unit}, got {value:g}; leave "
                    "the cell empty"
                )
    return measured


def calibrated_config(
    composition_config: CompositionConfig,
    rows: Sequence[SliceRow],
    measured: Mapping[int, tuple[Estimate, ...]],
    known: MeasuredRows,
) -> CompositionConfig:
    """
    Return a configuration whose first table is calibrated on slices of known composition.

    Raises
    ------
    MeasuredRowsError
        If too few of them were observed, or a row cannot be used.
    """
    table, *others = composition_config.tables
    model = table.calibration.model
    observed = observe(rows, composition_config.bundle_ids, measured)
    slices = known_slices(known, model.library, len(rows))
    try:
        calibration = calibrate_mixing(
            observed, slices, model.library, model.mixing, solver=model.solver
        )
    except ValueError as error:
        raise MeasuredRowsError(f"known composition: {error}") from None
    used = replace(table, calibration=calibration, known_sha256=known.sha256)
    return replace(composition_config, tables=(used, *others))
