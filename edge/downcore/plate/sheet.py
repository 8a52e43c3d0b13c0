"""The sheet of a plate: title, columns from the image to the composition, legends."""

import textwrap
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from downcore.plate.composition import draw_composition
from downcore.plate.flags import draw_flags, draw_measured
from downcore.plate.legend import FOOT, STEP, draw_legends, legend_rows
from downcore.plate.regions import draw_regions
from downcore.plate.section_columns import draw_image, draw_mask
from downcore.plate.segmentation import draw_segmentation
from downcore.plate.style import INK, LEFT, QUIET, WARNING
from downcore.plate.track import draw_track
from downcore.plate.values import UM_PER_CM, Plate
from downcore.strata.depthlog import Status, why_forced
from downcore.strata.properties import PROPERTIES, Property

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_IN = 10.6
_WIDTH_IN = 8.27
"""Width of a sheet without regions and composition, inches."""
_CHARACTERS_PER_IN = 15
"""Of the small lines below the title."""
_TITLE_LINE = 0.017
"""Height of such a line, as a share of the sheet."""
_HEADS = 0.073
"""Height of the heads of the columns, as a share of the sheet."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the sheet."""

    draw: "Callable[[Axes, Plate], None]"
    width: float
    """Share of the sheet's width, in the units of the other columns."""
    extra_in: float = 0.0
    """By how much the sheet is wider for it, inches."""


def _columns_of(plate: Plate) -> list[_Column]:
    columns = [_Column(draw_image, 1.15)]
    if any(s.labels is not None and s.picture is not None for s in plate.sections):
        columns.append(_Column(draw_regions, 1.15, 1.2))
    if any(s.classes is not None for s in plate.sections):
        columns.append(_Column(draw_segmentation, 1.15, 1.2))
    columns.append(_Column(draw_mask, 0.42))
    for prop in PROPERTIES:
        columns.append(_Column(partial(_draw_property, prop=prop), 1.75))
        if prop.name in plate.flagged:
            columns.append(_Column(partial(draw_flags, prop=prop), 1.3, 1.3))
    if plate.has_composition:
        columns.append(_Column(draw_composition, 1.75, 1.8))
    return columns


def _draw_property(axes: "Axes", plate: Plate, prop: Property) -> None:
    draw_track(axes, plate, prop)
    draw_measured(axes, plate, prop)


def figure_of(plate: Plate) -> "Figure":
    """
    Return the figure of a plate.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    # The daemon never draws, so that matplotlib is an extra and loaded only here.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    columns = _columns_of(plate)
    width_in = _WIDTH_IN + sum(column.extra_in for column in columns)
    figure = Figure(figsize=(width_in, _HEIGHT_IN))
    FigureCanvasAgg(figure)  # Agg draws without a screen and without pyplot's global state.
    below_title = _draw_title(figure, plate, int(width_in * _CHARACTERS_PER_IN))
    grid = figure.add_gridspec(
        nrows=1,
        ncols=len(columns),
        width_ratios=[column.width for column in columns],
        left=LEFT,
        right=0.975,
        top=below_title - _HEADS,
        bottom=FOOT + STEP * (len(legend_rows(plate)) + 0.4),
        wspace=0.16,
    )
    for i, column in enumerate(columns):
        column.draw(figure.add_subplot(grid[0, i]), plate)
    draw_legends(figure, plate)
    return figure


def _draw_title(figure: "Figure", plate: Plate, n_characters: int) -> float:
    """Draw what the plate shows and how far to trust it; return where the next line would be."""
    title = textwrap.wrap(plate.title, n_characters // 2)
    height = 0.975
    # Names are shown as they are: a dollar sign in one is no formula.
    for line in title:
        figure.text(
            LEFT, height, line, size=15, weight="bold", color=INK, va="top", parse_math=False
        )
        height -= 0.03
    origin = f"scan {plate.scan}" if plate.scan else ""
    origin += f"   ·   bundle {plate.bundle}" if plate.bundle else ""
    origin += f"   ·   end members {plate.table}" if plate.table else ""
    for text, colour, weight in (
        (origin, QUIET, "normal"),
        *((text, QUIET, "normal") for text in plate.silent),
        (tally(plate), QUIET, "normal"),
        (plate.note, INK, "normal"),
        (plate.caveat, WARNING, "bold"),
    ):
        for line in textwrap.wrap(text, n_characters, replace_whitespace=False):
            figure.text(
                LEFT, height, line, size=8, weight=weight, color=colour, va="top", parse_math=False
            )
            height -= _TITLE_LINE
    return height


def tally(plate: Plate) -> str:
    """Say how many slices have which status; a range where the properties differ."""
    words = []
    for status in Status:
        counts = [
            sum(e is not None and e.status is status for e in plate.estimates(prop))
            for prop in PROPERTIES
        ]
        if max(counts) > 0:
            low, high = min(counts), max(counts)
            words.append(f"{low if low == high else f'{low} to {high}'} {status.value}")
    statuses = ", ".join(words) or "no values"
    slices = plate.slices
    n_slices = "1 slice" if len(slices) == 1 else f"{len(slices)} slices"
    whole_cm = _rounded_cm(sum(s.bottom_um - s.top_um for s in plate.sections))
    sliced_cm = _rounded_cm(sum(part.bottom_um - part.top_um for part in slices))
    length = f"{whole_cm:g}" if sliced_cm >= whole_cm else f"{sliced_cm:g} of {whole_cm:g}"
    reasons = sorted({why_forced(e) for part in slices for e in part.estimates} - {""})
    return "; ".join([f"{length} cm, {n_slices}: {statuses}", *reasons])


def _rounded_cm(length_um: int) -> float:
    return round(length_um / UM_PER_CM, 1)
