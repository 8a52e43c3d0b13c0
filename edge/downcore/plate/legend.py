"""The legends below the columns, a line for each: groups, left stripe, values, mask."""

from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.composition import legend_of_groups
from downcore.plate.segmentation import legend_of_classes, n_classes
from downcore.plate.style import (
    CLASS_COLOURS,
    CLASS_NAMES,
    FORCED_HATCH,
    INK,
    LEFT,
    MARKERS,
    STATUS_COLOURS,
)
from downcore.plate.values import Plate
from downcore.strata.depthlog import HAS_VALUE, Status, why_forced
from downcore.strata.mask.classes import MaskClass

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

FOOT = 0.028
"""Height of the lowest line, as a share of the sheet."""
STEP = 0.026
"""Height of a line, as a share of the sheet."""
_MAX_CHARACTERS = 150
"""Longest line of legend that fits a sheet with composition."""
_GAP_CHARACTERS = 7
"""Characters that the patch and the gap of an entry take."""


def legend_rows(plate: Plate) -> "list[tuple[str, list[Artist]]]":
    """Return the lines of the legend from the top down: what each explains, and its entries."""
    statuses = {e.status for part in plate.slices for e in part.estimates}
    is_forced = any(why_forced(e) for part in plate.slices for e in part.estimates)
    lines: list[list[Artist]] = []
    if plate.has_composition:
        lines = _in_lines(legend_of_groups(plate))
    rows = [("" if i else "Solids", line) for i, line in enumerate(lines)]
    if n_classes(plate):
        rows.append(("Segmentation", legend_of_classes(plate)))
    if statuses:
        rows.append(("Left stripe", _stripe_entries(statuses, is_forced=is_forced)))
    if statuses & HAS_VALUE:
        rows.append(("Values", _value_entries(statuses & HAS_VALUE, is_forced=is_forced)))
    return [*rows, ("Mask", _mask_entries(plate))]


def _stripe_entries(statuses: set[Status], *, is_forced: bool) -> "list[Artist]":
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    entries: list[Artist] = [
        Patch(facecolor=STATUS_COLOURS[status], label=status.value)
        for status in Status
        if status in statuses
    ]
    if is_forced:
        entries.append(
            Patch(
                facecolor=STATUS_COLOURS[Status.PREDICTED],
                edgecolor="white",
                linewidth=0,
                hatch=FORCED_HATCH,
                label="predicted, forced: scan too coarse",
            )
        )
    return entries


def _value_entries(statuses: set[Status], *, is_forced: bool) -> "list[Artist]":
    from matplotlib.lines import Line2D  # noqa: PLC0415 - an extra, loaded by the caller
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    shown = [(status, status.value, False) for status in Status if status in statuses]
    if is_forced:
        shown.append((Status.PREDICTED, "forced: hollow", True))
    entries: list[Artist] = [
        Line2D(
            [], [],
            color=STATUS_COLOURS[status],
            linewidth=0.9,
            marker=MARKERS[status],
            markersize=3.6,
            markerfacecolor="white" if is_hollow or status is Status.FILLED else None,
            markeredgewidth=0.6,
            label=label,
        )
        for status, label, is_hollow in shown
    ]  # fmt: skip
    band = STATUS_COLOURS[next(status for status in Status if status in statuses)]
    return [*entries, Patch(facecolor=band, alpha=0.2, label="90 % interval")]


def _mask_entries(plate: Plate) -> "list[Artist]":
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    highest = np.array([part.class_fractions for part in plate.slices]).max(axis=0)
    return [
        Patch(
            facecolor=CLASS_COLOURS[mask_class],
            edgecolor="#888888",
            linewidth=0.5,
            label=CLASS_NAMES[mask_class],
        )
        for mask_class in MaskClass
        if highest[mask_class] > 0
    ]


def _in_lines(entries: "list[Patch]") -> "list[list[Artist]]":
    """Return entries in lines that fit the sheet."""
    lines: list[list[Artist]] = [[]]
    for entry in entries:
        length = sum(len(str(e.get_label())) + _GAP_CHARACTERS for e in (*lines[-1], entry))
        if lines[-1] and length > _MAX_CHARACTERS:
            lines.append([])
        lines[-1].append(entry)
    return lines


def draw_legends(figure: "Figure", plate: Plate) -> None:
    """Draw the lines of the legend at the foot of the sheet."""
    for i, (title, entries) in enumerate(reversed(legend_rows(plate))):
        height = FOOT + i * STEP
        figure.text(LEFT, height, title, size=8, weight="bold", color=INK, va="center")
        legend = figure.legend(
            handles=entries,
            loc="center left",
            bbox_to_anchor=(0.165, height),
            ncols=len(entries),
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
