"""``downcore compose``: what one finished image is made of, without a store."""

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.commands.process import scan_files_of
from downcore.composing import CompositionConfig, SectionComposer
from downcore.composing.region_worker import Submit
from downcore.file_names import printable
from downcore.pipeline import SectionPipeline
from downcore.plate import thumbnail
from downcore.ports import Predictor, ScanDescription, ScanLines
from downcore.service.composition_setup import (
    calibrated_config,
    composition_config_of,
    incredible,
    measured_estimates,
)
from downcore.service.corrections import read_measured
from downcore.service.opening import open_predictors
from downcore.service.station import reading_of, rules_of
from downcore.settings import Settings
from downcore.strata.composed import ComposedSlice
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate
from downcore.strata.errors import GrowingError, HostileFileError, MeasuredRowsError, SettingsError
from downcore.strata.measured import MeasuredRows
from downcore.strata.record import SliceRow
from downcore.strata.regions.region_shape import RegionShapes
from downcore.strata.regions.stream import RegionRows

OnSlices = Callable[[str, int, int | None], None]
"""Told image, slices done, and slices expected if known."""


@dataclass(frozen=True, slots=True)
class ComposeInputs:
    """Files that are read."""

    image: Path
    """Any image that a format reads."""
    measured: Path | None = None
    """Rows of density, vp and ms, which stand before what networks say; ``None`` for none."""
    known: Path | None = None
    """Rows of minerals by weight, from which the section is calibrated; ``None`` for none."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowShapes:
    """The regions of one window with where it lies."""

    first_line: int
    shapes: RegionShapes


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
    regions: tuple[WindowShapes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """With what an image is read."""

    composition_config: CompositionConfig
    predictors: tuple[Predictor, ...]
    measured: Mapping[int, tuple[Estimate, ...]]
    known: MeasuredRows | None
    submit: Submit


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
        Scale, orientation, bundles, tables; of the bundles the first counts.
    check : callable
        Told the files of the scan before anything is read, to object.
    on_slices : callable
        Told of the progress.

    Raises
    ------
    SegmentError
        If the image cannot be read, is not complete, or its scale is unknown.
    SettingsError, BundleError, EndMemberError, MeasuredRowsError
        If a bundle, a table or rows cannot be used.
    """
    measured = None if inputs.measured is None else read_measured(inputs.measured)
    if measured is not None and (wrong := incredible(measured)):
        raise MeasuredRowsError(f"{inputs.measured}: {wrong}")
    found = scan_files_of(inputs.image)
    if isinstance(found, str):
        raise HostileFileError(f"{printable(inputs.image)}: {found}")
    check(found.paths)
    predict = settings.predict.model_copy(update={"bundles": settings.predict.bundles[:1]})
    predictors = open_predictors(settings.model_copy(update={"predict": predict}))
    composition_config = composition_config_of(settings, predictors)
    if composition_config is None:
        raise SettingsError("composition.enabled: expected true to compose an image, got false")
    if measured is not None:
        composition_config = replace(composition_config, measured_sha256=measured.sha256)
    minerals = composition_config.tables[0].calibration.model.library.minerals
    known = None if inputs.known is None else read_measured(inputs.known, minerals)
    with (
        ThreadPoolExecutor(max_workers=1) as regions,
        contextlib.closing(found.format.open(found.paths, reading_of(settings))) as lines,
    ):
        parts = _Parts(
            composition_config, predictors, measured_estimates(measured), known, regions.submit
        )
        made = _read(lines, settings, parts, partial(on_slices, inputs.image.name))
    return replace(made, image=inputs.image, paths=found.paths)


def _read(
    lines: ScanLines,
    settings: Settings,
    parts: _Parts,
    on_slices: Callable[[int, int | None], None],
) -> ComposedImage:
    n_lines, is_complete = lines.refresh(is_still=True)
    if not is_complete:
        raise GrowingError(
            f"expected a complete image, got {n_lines} of {lines.n_lines_expected} lines"
        )
    scale = lines.scale
    shapes = _Shapes(scale)
    composer = SectionComposer(
        parts.composition_config,
        scale,
        measured=parts.measured,
        on_regions=shapes.add,
        submit=parts.submit,
    )
    pipeline = SectionPipeline(
        scale, parts.predictors, rules_of(settings), on_masked=composer.look_at
    )
    rows: list[SliceRow] = []
    pictures: list[NDArray[np.uint8]] = []
    while (first := pipeline.next_line) < n_lines:
        stop = min(scale.first_line_of_slice(scale.slice_of_line(first) + 1), n_lines)
        segment = lines.read(first, stop - first)
        pictures.append(thumbnail(segment.lines, n_lines))
        if ready := pipeline.push(segment):
            rows += ready
            on_slices(len(rows), scale.n_slices(n_lines))
    rows += pipeline.finish()
    composer.add_rows(rows)
    composition_config = parts.composition_config
    if parts.known is not None:
        composition_config = calibrated_config(
            composition_config, rows, parts.measured, parts.known, scale
        )
        composer.use(composition_config)
    composed = composer.finish()
    on_slices(len(rows), len(rows))
    return ComposedImage(
        image=Path(),
        paths=(),
        scale=scale,
        description=lines.description,
        composition_config=composition_config,
        training_data=parts.predictors[0].manifest.training_data if parts.predictors else "",
        rows=tuple(rows),
        composed=tuple(composed),
        picture=np.concatenate(pictures),
        regions=tuple(shapes.found),
    )


class _Shapes:
    """Collects the shapes of regions."""

    def __init__(self, scale: LineScale) -> None:
        self._scale = scale
        self.found: list[WindowShapes] = []

    def add(self, window: RegionRows) -> None:
        """Take the regions of a window."""
        # Loads the compiler of the kernels, as the superpixels have done by now.
        from downcore.strata.regions.moments import shapes_of  # noqa: PLC0415 - see above

        shapes = shapes_of(window.labels, window.lines, self._scale)
        self.found.append(WindowShapes(window.first_line, shapes))
