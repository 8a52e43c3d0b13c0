"""The cores of slice tables that have images, as training reads them."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downcore.file_names import printable
from downcore.sources import format_of, head_of
from downcore.strata.depth import LineScale
from downcore.strata.errors import SegmentError
from downcore.strata.properties import PROPERTIES
from downcore_training.datasets.matched_core import MatchedCore, MatchedSection
from downcore_training.datasets.matching_rules import MatchingRules
from downcore_training.datasets.placing import PlacedSection
from downcore_training.datasets.section_image import SectionImage, Top
from downcore_training.datasets.slice_tables.columns import sensor_of
from downcore_training.datasets.slice_tables.credible import believed
from downcore_training.datasets.slice_tables.labels import chosen_columns
from downcore_training.datasets.slice_tables.table import (
    MAX_DEPTH_CM,
    Table,
    Values,
    by_core,
    depths_cm,
    image_named,
    is_depth_in_section,
    numbers,
    read_table,
    site_of,
    tables_below,
)

_MIN_ROWS = 2
"""Fewest rows of an image from which its scale follows."""
_MAX_OFF_CM = 0.5
"""Furthest that a row may lie from the line on which the rows of its image lie."""


@dataclass(frozen=True, slots=True)
class TableCores:
    """The cores with images of a folder's slice tables."""

    cores: tuple[MatchedCore, ...]
    notes: tuple[str, ...]
    """What was left out, and why."""


@dataclass(frozen=True, slots=True)
class _Strip:
    """The rows of one image."""

    path: Path
    name: str
    """Of the image, without its ending; where several are called so, with its folder's."""
    section: str
    rows: NDArray[np.int64]
    """Index of each row in its core's."""
    depth_cm: Values
    """Top of each row."""
    first_px: Values
    """Position in the image of each row's top."""
    is_along_rows: bool
    """Whether the core runs down the image, and not along it."""


def table_cores(folder: Path, rules: MatchingRules) -> TableCores:
    """
    Return the cores of the slice tables below ``folder`` that have images.

    The labels are those of the bench: the same columns, units and bounds. A slice of an image has
    the label of the row whose centimetre holds its centre. Scale and place of an image follow from
    the pixel rows in the table.
    """
    cores: list[MatchedCore] = []
    notes: list[str] = []
    for path in tables_below(folder):
        table = read_table(path)
        if isinstance(table, str):
            notes.append(f"{path.name}: {table}")
            continue
        site = site_of(table, folder)
        for name, mine in by_core(table).items():
            if any(name == core.name for core in cores):
                notes.append(f"{path.name}: core {name} stands in an earlier table, left out")
                continue
            core, why = _core_of(mine, name, rules.sites.get(name.lower(), site), rules)
            if core is not None:
                cores.append(core)
            notes += [f"{path.name}: core {name} {text}" for text in why]
    cores.sort(key=lambda core: (core.site, core.name))
    return TableCores(tuple(cores), tuple(notes))


def _core_of(
    table: Table, name: str, site: str, rules: MatchingRules
) -> tuple[MatchedCore | None, tuple[str, ...]]:
    """Return a core, or None and why not."""
    strips = list(_strips_of(table, rules))
    if not strips:
        return None, ("has no image, so that nothing can be trained on it",)
    chosen = chosen_columns(table.rows, table.columns)
    kept = believed(name, chosen.values, len(table.rows))
    warnings = [*(f"{name}: {note}" for note in chosen.notes), *kept.notes]
    placed: list[tuple[_Strip, PlacedSection]] = []
    for strip in strips:
        try:
            placed.append((strip, _placed(strip, name, len(placed) + 1)))
        except SegmentError as error:
            warnings.append(f"{printable(strip.path.name)} is left out: {error}")
    if not placed:
        return None, (f"has no image that can be used: {'; '.join(warnings[:3])}",)
    if is_depth_in_section([strip.depth_cm for strip, _ in placed]):
        warnings.append(f"{name}: depth is that in the section; sections are joined in their order")
        placed = _joined(placed)
    places = tuple(place for _, place in placed)
    labels_of = [_labels(strip, place, kept.labels) for strip, place in placed]
    n_slices = [len(labels) for labels in labels_of]
    section = np.repeat(np.arange(len(places)), n_slices).astype(np.int64)
    slice_index = np.concatenate([np.arange(n) for n in n_slices]).astype(np.int64)
    return MatchedCore(
        name=name,
        site=site,
        sections=tuple(
            MatchedSection(
                name=place.image.name,
                number=place.number,
                image=place.image.paths[0],
                top_cm=place.top_cm,
                px_per_cm=float(place.image.px_per_cm),
                n_slices=n,
            )
            for place, n in zip(places, n_slices, strict=True)
        ),
        section=section,
        slice_index=slice_index,
        depth_cm=np.array([place.top_cm for place in places], np.float64)[section]
        + (slice_index + 0.5),
        run=section.copy(),
        labels=np.concatenate(labels_of),
        ms_kind=sensor_of(chosen.names.get("ms", "")) or "unknown",
        logs=((printable(table.path.name), table.sha256),),
        warnings=tuple(warnings),
        placed=places,
    ), ()


def _strips_of(table: Table, rules: MatchingRules) -> Iterator[_Strip]:
    """Yield the rows of each image that is there, in the order of the table."""
    columns = table.columns
    if not (columns.image and columns.first_px and columns.depth):
        return
    depth, first_px = depths_cm(table.rows, columns.depth), numbers(table.rows, columns.first_px)
    known = np.isfinite(depth) & np.isfinite(first_px) & (np.abs(depth) <= MAX_DEPTH_CM)
    rows_of: dict[str, list[int]] = {}
    for i in np.flatnonzero(known):
        rows_of.setdefault(table.rows[i][columns.image].strip(), []).append(int(i))
    folder = table.path.parent.resolve()
    paths = {name: path for name in rows_of if (path := image_named(folder, name)) is not None}
    stems = Counter(path.stem for path in paths.values())
    for name, path in paths.items():
        rows = rows_of[name]
        if rules.of_section(path.stem).skip:
            continue
        section = table.rows[rows[0]][columns.section].strip() if columns.section else ""
        along = columns.is_along_rows
        stem = path.stem if stems[path.stem] == 1 else f"{path.parent.name}/{path.stem}"
        yield _Strip(path, stem, section, np.array(rows), depth[rows], first_px[rows], along)


def _placed(strip: _Strip, core: str, number: int) -> PlacedSection:
    """Return the place of an image; its first line is taken for the section's top."""
    if len(strip.rows) < _MIN_ROWS or np.ptp(strip.depth_cm) == 0.0:
        raise SegmentError("expected two depths or more in it, from which its scale follows")
    slope, at_zero = np.polyfit(strip.depth_cm, strip.first_px, 1)
    px_per_cm = Fraction(round(abs(float(slope)), 3)).limit_denominator(1_000)
    off_px = np.abs(slope * strip.depth_cm + at_zero - strip.first_px).max()
    if slope == 0.0 or off_px > max(_MAX_OFF_CM * abs(slope), 2.0):
        raise SegmentError(
            f"expected pixels in proportion to depth, got a row {off_px:.0f} px off; was it joined "
            f"from parts?"
        )
    if strip.is_along_rows and slope < 0.0:
        raise SegmentError("expected its pixel rows to count from the core's top, not its bottom")
    top: Top = "up" if strip.is_along_rows else "left" if slope > 0.0 else "right"
    image = _image_of(strip, core, px_per_cm, top)
    first_px = image.n_lines if slope < 0.0 else 0.0
    return PlacedSection(
        image=image,
        number=number,
        log_section=image.section,
        image_top_cm=0.0,
        top_cm=round(float((first_px - at_zero) / slope), 2),
        length_cm=image.image_cm,
    )


def _image_of(strip: _Strip, core: str, px_per_cm: Fraction, top: Top) -> SectionImage:
    fmt = format_of(strip.path, head_of(strip.path))
    if fmt is None:
        raise SegmentError("expected an image that a scanner format reads")
    image = SectionImage(
        name=printable(strip.name),
        paths=(strip.path,),
        format_name=fmt.name,
        px_per_cm=px_per_cm,
        n_lines=0,
        expedition="",
        core=core,
        section=strip.section or "1",
        length_cm=None,
        top_cm=None,
        warnings=(),
        top=top,
    )
    with contextlib.closing(image.open()) as scan:
        n_lines, is_complete = scan.refresh(is_still=True)
    if not is_complete or n_lines == 0:
        raise SegmentError(f"expected a complete image, got {n_lines} lines")
    return replace(image, n_lines=n_lines)


def _joined(placed: list[tuple[_Strip, PlacedSection]]) -> list[tuple[_Strip, PlacedSection]]:
    """Return the images with depths in the core, each section where the one above it ends."""
    out, end_cm = [], 0.0
    for strip, place in placed:
        shifted = replace(strip, depth_cm=np.asarray(strip.depth_cm + end_cm, np.float64))
        out.append((shifted, replace(place, top_cm=place.top_cm + end_cm)))
        end_cm = float(shifted.depth_cm.max()) + 1.0
    return out


def _labels(strip: _Strip, place: PlacedSection, labels: Values) -> Values:
    """Return the label of each slice of an image: that of the row that holds its centre."""
    n = LineScale(place.image.px_per_cm).n_slices(place.image.n_lines)
    out = np.full((n, len(PROPERTIES)), np.nan)
    # The fit of the first line is no more exact than a tenth of a millimetre.
    index = np.ceil(np.round(strip.depth_cm - place.top_cm, 2) - 0.5).astype(np.int64)
    inside = (index >= 0) & (index < n)
    out[index[inside]] = labels[strip.rows[inside]]
    return out
