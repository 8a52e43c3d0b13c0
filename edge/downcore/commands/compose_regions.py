"""The regions of one image: what each is made of, their few classes, and the table of them."""

import csv
import io
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from downcore.composing.config import CompositionConfig
from downcore.composing.region_composition import Areas, PartComposition, compose_parts
from downcore.publish.composition_payload import share_of
from downcore.strata.depth import LineScale
from downcore.strata.regions.colour_classes import ColourClasses, colour_classes
from downcore.strata.regions.section_table import RegionTable
from downcore.strata.unmixing.composition import Composition
from downcore.strata.unmixing.observations import Observations

COLUMNS = (
    "label", "depth (cm)", "class", "top (cm)", "bottom (cm)", "across (cm)", "area (mm2)",
    "linear red", "linear green", "linear blue", "length (mm)", "longer axis (mm)",
    "shorter axis (mm)", "orientation (deg)", "eccentricity", "solidity", "perimeter (mm)",
    "sphericity", "roundness", "is cut", "table", "status", "reason", "by the prior",
)  # fmt: skip
"""Columns of the table of regions before those of the groups; one line for each region."""

LEAST_IN_JSON_MM2 = 100.0
"""Area of the smallest region in the JSON: a square centimetre. The CSV has every region."""

_UM2_PER_MM2 = 1e6
_UM_PER_MM = 1e3
_DIGITS = 5

Cells: TypeAlias = list[tuple[Any, ...]]
"""Lines of a table."""


@dataclass(frozen=True, slots=True, eq=False)
class ComposedRegions:
    """The regions of an image with their classes and what they are made of."""

    table: RegionTable
    classes: ColourClasses
    of_regions: tuple[PartComposition, ...]
    """Of each region, in the order of the table."""
    of_classes: tuple[PartComposition, ...]
    """Of each class, from the darkest to the lightest."""

    @property
    def class_of_label(self) -> NDArray[np.int32]:
        """Class by number of region, shape (highest label + 1,); 0 for no region."""
        return np.concatenate([np.zeros(1, np.int32), self.classes.of_region])


def compose_regions(
    table: RegionTable,
    seen: Observations,
    composition_config: CompositionConfig,
    n_classes: int | None = None,
) -> ComposedRegions:
    """
    Return what regions and classes of them are made of.

    Parameters
    ----------
    table : RegionTable
        Of a section.
    seen : Observations
        All slices of the section, from the top.
    composition_config : CompositionConfig
        How slices are composed.
    n_classes : int, optional
        How many classes; chosen by the data unless given.

    Raises
    ------
    ValueError
        If ``n_classes`` is out of range.
    """
    colour = table.shapes.linear_rgb
    classes = colour_classes(colour, table.shapes.area_um2, n_classes)
    regions = Areas(colour, table.in_slices)
    by_class = table.in_slices.copy()
    by_class[:, 0] = classes.of_region[table.in_slices[:, 0]] - 1
    return ComposedRegions(
        table=table,
        classes=classes,
        of_regions=compose_parts(regions, seen, composition_config),
        of_classes=compose_parts(Areas(classes.linear_rgb, by_class), seen, composition_config),
    )


def csv_of_regions(found: ComposedRegions, scale: LineScale) -> str:
    """Return the table of regions: where, how large, of which form and colour, made of what."""
    groups = list(
        dict.fromkeys(
            share.group
            for one in found.of_regions
            for share in one.composition.resolved_groups
            if share.fraction is not None
        )
    )
    ends = [f"{group}{end}" for group in groups for end in ("", " lower 90 %", " upper 90 %")]
    lines = zip(_places_and_shapes(found, scale), found.of_regions, strict=True)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *ends])
    writer.writerows((*cells, *_group_cells(one, groups)) for cells, one in lines)
    return out.getvalue()


def _places_and_shapes(found: ComposedRegions, scale: LineScale) -> Cells:
    table, shapes = found.table, found.table.shapes
    pitch_cm = float(1 / scale.px_per_cm)
    columns: tuple[NDArray[Any], ...] = (
        shapes.label,
        (shapes.line + 0.5) * pitch_cm,
        found.classes.of_region,
        table.top_line * pitch_cm,
        table.bottom_line * pitch_cm,
        (shapes.column + 0.5) * pitch_cm,
        shapes.area_um2 / _UM2_PER_MM2,
        *shapes.linear_rgb.T,
        table.length_um / _UM_PER_MM,
        shapes.major_um / _UM_PER_MM,
        shapes.minor_um / _UM_PER_MM,
        shapes.orientation_deg,
        shapes.eccentricity,
        table.solidity,
        shapes.perimeter_um / _UM_PER_MM,
        shapes.sphericity,
        shapes.roundness,
        shapes.is_cut.astype(int),
    )
    rounded = [np.round(one, _DIGITS) if one.dtype.kind == "f" else one for one in columns]
    return list(zip(*(one.tolist() for one in rounded), strict=True))


def _group_cells(one: PartComposition, groups: list[str]) -> list[object]:
    """Return the table, status, reason and fractions of a region; empty where there is none."""
    shares = {share.group: share for share in one.composition.resolved_groups}
    first = one.composition.groups[0]
    blind = ", ".join(share.group for share in shares.values() if share.is_prior_driven)
    reason = "" if first.fraction is not None else first.reason
    cells: list[object] = [one.table, first.status.value, reason, blind]
    for group in groups:
        share = shares.get(group)
        numbers = (share.fraction, share.lower, share.upper) if share else (None, None, None)
        cells += ["" if x is None else round(x, _DIGITS) for x in numbers]
    return cells


def json_of_regions(found: ComposedRegions, scale: LineScale) -> dict[str, Any]:
    """Return the classes, and the regions of :data:`LEAST_IN_JSON_MM2` and more."""
    table, shapes, classes = found.table, found.table.shapes, found.classes
    area_mm2 = shapes.area_um2 / _UM2_PER_MM2
    return {
        "classes": [
            {
                "class": i + 1,
                "share": float(classes.share[i]),
                "linear_rgb": classes.linear_rgb[i].tolist(),
                "n_regions": int(np.count_nonzero(classes.of_region == i + 1)),
                **_json_of(one),
            }
            for i, one in enumerate(found.of_classes)
        ],
        "n_regions": len(table),
        "regions": [
            {
                "label": int(shapes.label[i]),
                "class": int(classes.of_region[i]),
                "top_um": scale.depth_um(int(table.top_line[i])),
                "bottom_um": scale.depth_um(int(table.bottom_line[i])),
                "area_mm2": float(area_mm2[i]),
                "linear_rgb": shapes.linear_rgb[i].tolist(),
                **_json_of(found.of_regions[i]),
            }
            for i in np.flatnonzero(area_mm2 >= LEAST_IN_JSON_MM2).tolist()
        ],
    }


def _json_of(one: PartComposition) -> dict[str, Any]:
    composition: Composition = one.composition
    return {
        "table": one.table,
        "porosity": composition.porosity,
        "groups": [share_of(share) for share in composition.groups],
        "sum": composition.total,
        "told": [share.group for share in composition.resolved_groups],
        "joined": [share_of(share) for share in composition.joined],
    }
