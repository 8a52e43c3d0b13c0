"""Flags of the second opinion with their evidence: both logs, the residual, its band."""

from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.axes import depth_axis, head
from downcore.plate.style import FLAG_COLOURS, INK, QUIET, UNITS
from downcore.plate.values import UM_PER_CM, Plate, PlateEvidence, PlateSection
from downcore.strata.properties import Property

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AIR = 0.08
_CHARACTERS = 26


def draw_measured(axes: "Axes", plate: Plate, prop: Property) -> None:
    """Draw the measured log over the predicted one, in a track that is drawn already."""
    for section in plate.sections:
        for one in _evidence(section, prop):
            known = np.isfinite(one.measured)
            if not known.any():
                continue
            depth_cm = one.depth_um[known] / UM_PER_CM
            axes.plot(
                one.measured[known], depth_cm, color=INK, linewidth=0.6, marker="D", markersize=1.4,
                linestyle=":", zorder=4,
            )  # fmt: skip
            low, high = axes.get_xlim()
            # One reading far off must not make a line of all others.
            ends = np.percentile(one.measured[known], [1, 99])
            if not prop.is_log_scaled or ends[0] > 0.0:
                axes.set_xlim(min(low, float(ends[0])), max(high, float(ends[1])))


def draw_flags(axes: "Axes", plate: Plate, prop: Property) -> None:
    """Draw the residual of a property with its band, and the flagged centimetres."""
    for section in plate.sections:
        for one in _evidence(section, prop):
            _draw_residual(axes, one)
        _mark(axes, section, prop)
    axes.axvline(0.0, color=QUIET, linewidth=0.6, zorder=1)
    depth_axis(axes, plate, has_labels=False)
    low, high = _limits(plate, prop)
    axes.set_xlim(low, high)
    axes.tick_params(axis="x", labelsize=7, colors=INK, length=3, top=True, labeltop=True)
    axes.tick_params(axis="x", which="minor", top=False)
    axes.tick_params(axis="x", bottom=False, which="both", labelbottom=False)
    unit = "log10" if prop.is_log_scaled else UNITS.get(prop.unit, prop.unit)
    head(axes, "Predicted less\nmeasured", unit)


def _draw_residual(axes: "Axes", one: PlateEvidence) -> None:
    depth_cm = one.depth_um / UM_PER_CM
    known = np.isfinite(one.lower)
    axes.fill_betweenx(
        depth_cm[known], one.lower[known], one.upper[known], color=QUIET, alpha=0.22, linewidth=0
    )
    known = np.isfinite(one.residual)
    axes.plot(one.residual[known], depth_cm[known], color=INK, linewidth=0.8, zorder=3)


def _mark(axes: "Axes", section: PlateSection, prop: Property) -> None:
    for flag in section.flags:
        if flag.property not in {"", prop.name}:
            continue
        colour = FLAG_COLOURS[flag.is_acknowledged]
        top_cm, bottom_cm = flag.top_um / UM_PER_CM, flag.bottom_um / UM_PER_CM
        axes.axhspan(top_cm, bottom_cm, color=colour, alpha=0.18, linewidth=0, zorder=0)
        axes.text(
            0.02,
            top_cm,
            f"{flag.number} {flag.words}"[:_CHARACTERS],
            transform=axes.get_yaxis_transform(),
            size=5.5,
            color=colour,
            va="top",
            zorder=5,
            parse_math=False,
            clip_on=True,
        )


def _limits(plate: Plate, prop: Property) -> tuple[float, float]:
    numbers = np.concatenate(
        [
            np.concatenate([one.residual, one.lower, one.upper])
            for section in plate.sections
            for one in _evidence(section, prop)
        ]
        or [np.zeros(1)]
    )
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return -1.0, 1.0
    low, high = (float(x) for x in np.percentile(numbers, [0.5, 99.5]))
    air = _AIR * (high - low) or 1e-3
    return min(low - air, -air), max(high + air, air)


def _evidence(section: PlateSection, prop: Property) -> list[PlateEvidence]:
    return [one for one in section.evidence if one.property == prop.name and section.flags]
