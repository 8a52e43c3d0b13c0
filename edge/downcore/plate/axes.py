"""What the columns of a plate have in common: the depth axis and the head."""

import math
from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.style import INK, QUIET
from downcore.plate.values import Plate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_STEPS = 16
"""Steps between labelled depths, about, where the numbers begin again at each section."""


def depth_axis(axes: "Axes", plate: Plate, *, has_labels: bool) -> None:
    """Run the depth down the axes, in centimetres; only the first column has numbers."""
    top_cm, bottom_cm = plate.span_cm
    axes.set_ylim(bottom_cm, top_cm)
    axes.minorticks_on()
    if len(plate.sections) > 1:
        _mark_sections(axes, plate)
    axes.tick_params(axis="y", which="major", labelsize=8, colors=INK, length=4)
    axes.tick_params(axis="y", which="minor", length=2)
    if has_labels:
        of_sections = f"Depth in {'each ' * (len(plate.sections) > 1)}section"
        name = plate.depth_name if plate.is_depth_in_core else of_sections
        axes.set_ylabel(f"{name} (cm)", size=9, color=INK)
        axes.tick_params(axis="x", which="both", length=0)
    else:
        axes.tick_params(axis="y", which="both", labelleft=False, left=False)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)
        spine.set_color("#555555")


def _mark_sections(axes: "Axes", plate: Plate) -> None:
    """Draw where sections meet; number each from its own top unless depths are the core's."""
    edges = {edge for section in plate.sections for edge in section.span_cm}
    for edge in edges - set(plate.span_cm):
        axes.axhline(edge, color=INK, linewidth=0.9, zorder=6)
    if not plate.is_depth_in_core:
        marks = _depths_of_sections(plate)
        axes.set_yticks([place for place, _ in marks], [f"{depth:g}" for _, depth in marks])
        axes.set_yticks([], minor=True)


def _depths_of_sections(plate: Plate) -> list[tuple[float, float]]:
    """Return where depths are labelled on the plate, with the depth below the section's top."""
    top_cm, bottom_cm = plate.span_cm
    step = _round_step((bottom_cm - top_cm) / _N_STEPS)
    marks: list[tuple[float, float]] = []
    for section in plate.sections:
        start, end = section.span_cm
        # The last number leaves room for the 0 of the next section.
        depths = np.arange(0.0, max(end - start - step / 3, step / 9), step).tolist()
        marks += [(start + depth, depth) for depth in depths]
    return marks


def _round_step(length: float) -> float:
    """Return the least of 1, 2 and 5, times a power of ten, that is not below ``length``."""
    power: float = 10.0 ** math.floor(math.log10(length))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= length * (1 - 1e-9))


def head(axes: "Axes", title: str, unit: str) -> None:
    """Head a column with what it shows and in which unit."""
    axes.set_title(title, size=9, weight="bold", color=INK, pad=34)
    # In points, so that it clears the numbers of the axis however low the column is.
    axes.annotate(
        unit, (0.5, 1.0), xytext=(0, 18), xycoords="axes fraction", textcoords="offset points",
        ha="center", va="bottom", size=8, color=QUIET,
    )  # fmt: skip
