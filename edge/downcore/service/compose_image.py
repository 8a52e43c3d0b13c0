"""``downcore compose``: what one finished image is made of, without a store."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from downcore.composing import ComposingRecipe, SectionComposer
from downcore.composing.label_png import labels_of
from downcore.pipeline import SectionPipeline
from downcore.plate import PlateSection, PlateSlice, draw_plate
from downcore.ports import Predictor, ScanLines
from downcore.publish.composition_payload import row_of
from downcore.service.batch import candidate_of
from downcore.service.calibrating import read_measured
from downcore.service.composing_recipe import calibrated_recipe, measured_estimates, recipe_of
from downcore.service.opening import open_predictors
from downcore.service.station import reading_of, rules_of
from downcore.settings import Settings
from downcore.sources._reconcile import printable
from downcore.strata.composed import ComposedSlice, LabelTile
from downcore.strata.depthlog import HAS_VALUE
from downcore.strata.errors import GrowingError, HostileFileError, SettingsError
from downcore.strata.measured import MeasuredRows
from downcore.strata.record import SliceRow

CAVEAT = "composition of a table of end members, not a measurement"
PICTURE_ROWS_PER_CM = 12


@dataclass(frozen=True, slots=True)
class ComposeOutputs:
    """Files to write; ``None`` for none."""

    png: Path | None
    json: Path | None


@dataclass(frozen=True, slots=True)
class GivenRows:
    """Files of rows that somebody measured on the section; ``None`` for none."""

    measured: Path | None = None
    """Density, vp and ms, which stand before what networks say."""
    known: Path | None = None
    """Minerals by weight, from which the section is calibrated."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What was found of an image."""

    rows: tuple[SliceRow, ...]
    composed: tuple[ComposedSlice, ...]
    picture: NDArray[np.uint8]
    recipe: ComposingRecipe


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """With what an image is read."""

    recipe: ComposingRecipe
    predictors: tuple[Predictor, ...]
    measured: MeasuredRows | None
    known: MeasuredRows | None


def compose_image(
    image: Path,
    settings: Settings,
    outputs: ComposeOutputs,
    *,
    given: GivenRows,
    on_slices: Callable[[str, int, int | None], None],
) -> str:
    """
    Compose a finished image and write what was found; return it in a sentence.

    Parameters
    ----------
    image : Path
        Any image that a format reads.
    settings : Settings
        Scale, orientation, bundles, tables.
    outputs : ComposeOutputs
        What to write.
    given : GivenRows
        What somebody measured on the section.
    on_slices : callable
        Told of the progress.

    Raises
    ------
    SegmentError
        If the image cannot be read, is not complete, or its scale is unknown.
    SettingsError, BundleError, EndMemberError, MeasuredRowsError
        If an output, a bundle, a table or rows cannot be used.
    """
    _check_outputs(image, outputs)
    measured = None if given.measured is None else read_measured(given.measured)
    found = candidate_of(image)
    if isinstance(found, str):
        raise HostileFileError(f"{printable(image)}: {found}")
    predictors = open_predictors(settings)[:1]
    recipe = recipe_of(settings, predictors)
    if recipe is None:
        raise SettingsError("composition.enabled: expected true to compose an image, got false")
    minerals = recipe.tables[0].calibration.model.library.minerals
    known = None if given.known is None else read_measured(given.known, minerals)
    with contextlib.closing(found.format.open(found.paths, reading_of(settings))) as lines:
        parts = _Parts(recipe, predictors, measured, known)
        made = _read(lines, settings, parts, partial(on_slices, image.name))
        told = _told(image, lines, made)
    if outputs.json is not None:
        _write(outputs.json, json.dumps(told, indent=1, allow_nan=False).encode())
    if outputs.png is not None:
        _draw(outputs.png, image, made)
    return _sentence(image, made)


def _read(
    lines: ScanLines,
    settings: Settings,
    parts: _Parts,
    on_slices: Callable[[int, int | None], None],
) -> _Found:
    n_lines, is_complete = lines.refresh(is_still=True)
    if not is_complete:
        raise GrowingError(
            f"expected a complete image, got {n_lines} of {lines.n_lines_expected} lines"
        )
    measured = measured_estimates(parts.measured)
    composer = SectionComposer(parts.recipe, lines.scale, measured=measured)
    pipeline = SectionPipeline(
        lines.scale, parts.predictors, rules_of(settings), on_masked=composer.look_at
    )
    rows: list[SliceRow] = []
    pictures: list[NDArray[np.uint8]] = []
    scale = lines.scale
    while (first := pipeline.next_line) < n_lines:
        stop = min(scale.first_line_of_slice(scale.slice_of_line(first) + 1), n_lines)
        segment = lines.read(first, stop - first)
        pictures.append(_small(segment.lines, float(scale.px_per_cm)))
        if ready := pipeline.push(segment):
            rows += ready
            on_slices(len(rows), scale.n_slices(n_lines))
    rows += pipeline.finish()
    composer.add_rows(rows)
    recipe = parts.recipe
    if parts.known is not None:
        recipe = calibrated_recipe(recipe, rows, measured, parts.known, scale)
        composer.use(recipe)
    composed = composer.finish()
    on_slices(len(rows), len(rows))
    return _Found(tuple(rows), tuple(composed), np.concatenate(pictures), recipe)


def _small(lines: NDArray[Any], px_per_cm: float) -> NDArray[np.uint8]:
    """Return a slice's lines as a thumbnail of 8 bit."""
    share = min(1.0, PICTURE_ROWS_PER_CM / px_per_cm)
    width = max(1, round(lines.shape[1] * share))
    height = max(1, round(lines.shape[0] * share))
    small = np.asarray(cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA))
    if small.dtype == np.uint16:
        small = small.astype(np.uint16) >> 8
    return small.astype(np.uint8)


def _told(image: Path, lines: ScanLines, made: _Found) -> dict[str, Any]:
    return {
        "image": image.name,
        "px_per_cm": lines.description.px_per_cm,
        "px_per_cm_from": lines.description.px_per_cm_from,
        "caveat": CAVEAT,
        "composer_id": made.recipe.composer_id,
        "composer": json.loads(made.recipe.description),
        "slices": [{**row_of(one), "labels": None} for one in made.composed],
    }


def _draw(out: Path, image: Path, made: _Found) -> None:
    slices = tuple(
        PlateSlice(
            top_um=row.core_slice.top_um,
            bottom_um=row.core_slice.bottom_um,
            class_fractions=row.core_slice.class_fractions,
            estimates=row.estimates,
            composition=one.composition.told,
        )
        for row, one in zip(made.rows, made.composed, strict=True)
    )
    section = PlateSection(
        title=image.name,
        scan=f"of {image.name}",
        bundle=made.recipe.bundle_id,
        caveat=CAVEAT,
        slices=slices,
        picture=made.picture,
        labels=label_strip([one.labels for one in made.composed]),
        table=", ".join(dict.fromkeys(one.table for one in made.composed)),
    )
    try:
        draw_plate(section, out)
    except OSError as error:
        raise SettingsError(f"cannot write {printable(out)}: {error.strerror}") from None


def label_strip(tiles: list[LabelTile | None]) -> NDArray[np.int32] | None:
    """Return the labels of consecutive slices as one picture; ``None`` where one has none."""
    known = [labels_of(one) for one in tiles if one is not None]
    if not known or len(known) < len(tiles):
        return None
    return np.concatenate(known)


def _sentence(image: Path, made: _Found) -> str:
    tables = ", ".join(dict.fromkeys(one.table for one in made.composed))
    n_known = sum(one.composition.total is not None for one in made.composed)
    shares = [f"{name} {100 * np.median(values):.0f} %" for name, values in _by_group(made).items()]
    told = f"; medians: {', '.join(shares)}" if shares else ""
    silent = Counter(
        one.composition.groups[0].status.value
        for one in made.composed
        if one.composition.groups[0].status not in HAS_VALUE
    )
    counts = [f"{number} {status}" for status, number in sorted(silent.items())]
    why = f"; {', '.join(counts)}" if counts else ""
    n = len(made.composed)
    return f"{printable(image)}: {n_known} of {n} slices composed with {tables}{told}{why}"


def _by_group(made: _Found) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in made.composed:
        for share in one.composition.groups:
            if share.fraction is not None:
                found.setdefault(share.group, []).append(share.fraction)
    return found


def _check_outputs(image: Path, outputs: ComposeOutputs) -> None:
    for out in (outputs.png, outputs.json):
        if out is None:
            continue
        if out.exists() and image.exists() and out.samefile(image):
            raise SettingsError(f"expected another file than the image, got {printable(out)}")
        if not out.absolute().parent.is_dir():
            raise SettingsError(
                f"expected a folder that exists for {printable(out)}; make it first"
            )
    if outputs.png is not None and outputs.png.suffix.lower() != ".png":
        raise SettingsError(f"expected a .png for --out, got {printable(outputs.png)}")


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"cannot write {printable(out)}: {error.strerror}") from None
