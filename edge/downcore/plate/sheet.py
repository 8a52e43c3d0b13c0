"""The sheet of a plate: title, columns from the image to the composition, legends."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from downcore.extras import install_command
from downcore.plate.axes import depth_axis, head
from downcore.plate.composition import draw_composition, legend_of_groups
from downcore.plate.labels import draw_labels
from downcore.plate.style import CLASS_COLOURS, CLASS_NAMES, INK, QUIET, STATUS_COLOURS, WARNING
from downcore.plate.track import draw_track
from downcore.plate.values import UM_PER_CM, PlateSection
from downcore.strata.depthlog import HAS_VALUE, Status, why_forced
from downcore.strata.errors import DowncoreError
from downcore.strata.mask.classes import MaskClass
from downcore.strata.properties import PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

_DPI = 200
_SHEET_IN = 8.27
"""Width of a sheet without composition, inches."""
_LEFT = 0.085
_LEGEND_FOOT = 0.09
"""Height of the lines for values and mask below the columns, as a share of the sheet."""
_LEGEND_STEP = 0.026
"""Height of a line of legend, as a share of the sheet."""
_LEGEND_CHARACTERS = 150
"""Longest line of legend that fits a sheet with composition."""
_LEGEND_GAP = 7
"""Characters that the patch and the gap of an entry take."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the sheet."""

    draw: "Callable[[Axes, PlateSection], None]"
    width: float
    """Share of the sheet's width, in the units of the other columns."""
    extra_in: float = 0.0
    """By how much the sheet is wider for it, inches."""


def _columns_of(section: PlateSection) -> list[_Column]:
    columns = [_Column(_draw_picture, 1.15)]
    if section.labels is not None:
        columns.append(_Column(draw_labels, 1.15, 1.2))
    columns.append(_Column(_draw_classes, 0.42))
    columns += [_Column(partial(draw_track, prop=prop), 1.75) for prop in PROPERTIES]
    if section.has_composition:
        columns.append(_Column(draw_composition, 1.75, 1.8))
    return columns


def draw_plate(section: PlateSection, out: Path) -> Path:
    """
    Draw a section and its depth log as a PNG, depth down.

    Parameters
    ----------
    section : PlateSection
        What to draw.
    out : Path
        The PNG to write; its folder exists.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    DowncoreError
        If matplotlib is not installed.
    """
    figure = _figure_of(section)
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": "downcore"})
    return out


def _figure_of(section: PlateSection) -> "Figure":
    try:
        # The daemon never draws, so that matplotlib is an extra and loaded only here.
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DowncoreError(
            "expected matplotlib to draw a plate, got none; install it with: "
            f"{install_command('matplotlib')}"
        ) from error
    columns = _columns_of(section)
    figure = Figure(figsize=(_SHEET_IN + sum(one.extra_in for one in columns), 10.6))
    FigureCanvasAgg(figure)  # Agg draws without a screen and without pyplot's global state.
    grid = figure.add_gridspec(
        nrows=1,
        ncols=len(columns),
        width_ratios=[one.width for one in columns],
        left=_LEFT,
        right=0.975,
        top=0.838,
        bottom=_LEGEND_FOOT + _LEGEND_STEP * len(_legend_lines(section)),
        wspace=0.13,
    )
    _draw_title(figure, section)
    for i, one in enumerate(columns):
        one.draw(figure.add_subplot(grid[0, i]), section)
    _draw_legends(figure, section)
    return figure


def _draw_title(figure: "Figure", section: PlateSection) -> None:
    left = _LEFT
    # Names are shown as they are: a dollar sign in one is no formula.
    figure.text(
        left,
        0.975,
        section.title,
        size=15,
        weight="bold",
        color=INK,
        va="top",
        parse_math=False,
    )
    origin = f"scan {section.scan}"
    if section.bundle:
        origin += f"   ·   bundle {section.bundle}"
    if section.table:
        origin += f"   ·   end members {section.table}"
    figure.text(left, 0.945, origin, size=8, color=QUIET, va="top", parse_math=False)
    figure.text(left, 0.928, _tally(section), size=8, color=QUIET, va="top")
    if section.caveat:
        figure.text(left, 0.911, section.caveat, size=8.5, color=WARNING, va="top", weight="bold")


def _tally(section: PlateSection) -> str:
    """Say how many slices have which status; a range where the properties differ."""
    top_cm, bottom_cm = section.span_cm
    words = []
    for status in Status:
        counts = [
            sum(one is not None and one.status is status for one in section.estimates(prop))
            for prop in PROPERTIES
        ]
        if max(counts) > 0:
            low, high = min(counts), max(counts)
            words.append(f"{low if low == high else f'{low} to {high}'} {status.value}")
    told = ", ".join(words) or "no values"
    slices = "1 slice" if len(section.slices) == 1 else f"{len(section.slices)} slices"
    whole_cm, sliced_cm = bottom_cm - top_cm, section.n_cm_with_slices
    length = f"{whole_cm:g}" if sliced_cm >= whole_cm else f"{sliced_cm:g} of {whole_cm:g}"
    return "; ".join([f"{length} cm, {slices}: {told}", *_why_forced(section)])


def _why_forced(section: PlateSection) -> list[str]:
    said = {why_forced(one) for part in section.slices for one in part.estimates}
    return sorted(said - {""})


def _draw_picture(axes: "Axes", section: PlateSection) -> None:
    top_cm, bottom_cm = section.span_cm
    if section.picture is not None:
        axes.imshow(
            section.picture,
            extent=(0.0, 1.0, bottom_cm, top_cm),
            aspect="auto",
            interpolation="antialiased",
        )
    else:
        axes.text(
            0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", size=8, color=QUIET
        )
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, section, has_labels=True)
    head(axes, "Image", "")


def _draw_classes(axes: "Axes", section: PlateSection) -> None:
    """Draw what each slice's pixels are, as shares that fill the strip from left to right."""
    tops = np.array([one.top_um for one in section.slices]) / UM_PER_CM
    heights = np.array([one.bottom_um for one in section.slices]) / UM_PER_CM - tops
    fractions = np.array([one.class_fractions for one in section.slices])
    left = np.zeros(len(section.slices))
    for mask_class in MaskClass:
        share = fractions[:, mask_class]
        axes.barh(
            tops,
            share,
            height=heights,
            left=left,
            align="edge",
            color=CLASS_COLOURS[mask_class],
            linewidth=0,
        )
        left = left + share
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    depth_axis(axes, section, has_labels=False)
    head(axes, "Mask", "")


def _draw_legends(figure: "Figure", section: PlateSection) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    seen = {one.status for part in section.slices for one in part.estimates}
    statuses = [
        Patch(facecolor=STATUS_COLOURS[one], label=one.value) for one in Status if one in seen
    ]
    if _why_forced(section):
        edge = STATUS_COLOURS[Status.PREDICTED]
        hollow = Patch(facecolor="white", edgecolor=edge, label="forced: hollow, scan too coarse")
        statuses.append(hollow)
    if seen & HAS_VALUE:
        band = Patch(facecolor=STATUS_COLOURS[Status.PREDICTED], alpha=0.2, label="90 % interval")
        statuses.append(band)
    shares = np.array([one.class_fractions for one in section.slices]).max(axis=0)
    classes = [
        Patch(
            facecolor=CLASS_COLOURS[one],
            edgecolor="#888888",
            linewidth=0.5,
            label=CLASS_NAMES[one],
        )
        for one in MaskClass
        if shares[one] > 0
    ]
    # From the bottom upwards, so that the first line of groups, which has the title, comes last.
    lines = [*enumerate(_legend_lines(section))]
    rows = [("Mask", classes), ("Values", statuses)]
    rows += [("" if i else "Solids", line) for i, line in reversed(lines)]
    for i, (title, handles) in enumerate(rows):
        _draw_legend(figure, title, handles, (i + 1) * _LEGEND_STEP)


def _legend_lines(section: PlateSection) -> "list[list[Patch]]":
    """Return the entries of the groups in lines that fit the sheet."""
    if not section.has_composition:
        return []
    lines: list[list[Patch]] = [[]]
    for one in legend_of_groups(section):
        length = sum(len(str(other.get_label())) + _LEGEND_GAP for other in (*lines[-1], one))
        if lines[-1] and length > _LEGEND_CHARACTERS:
            lines.append([])
        lines[-1].append(one)
    return lines


def _draw_legend(figure: "Figure", title: str, handles: "list[Patch]", height: float) -> None:
    figure.text(_LEFT, height, title, size=8, weight="bold", color=INK, va="center")
    legend = figure.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(0.145, height),
        ncols=len(handles) or 1,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handlelength=1.1,
        handleheight=1.0,
        columnspacing=1.4,
        handletextpad=0.5,
        borderaxespad=0.0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
