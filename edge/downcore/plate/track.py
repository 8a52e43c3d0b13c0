"""One property down the section: values, 90 % intervals, and the status of each slice."""

import itertools
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from downcore.plate.axes import depth_axis, head
from downcore.plate.style import FORCED_HATCH, INK, MARKERS, STATUS_COLOURS, TITLES, UNITS
from downcore.plate.values import UM_PER_CM, Plate, PlateSection
from downcore.strata.depthlog import HAS_VALUE, Estimate, Status, why_forced
from downcore.strata.properties import Property

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRIPE_WIDTH = 0.035
"""Width of the status stripe at a track's left edge, as a fraction of the track."""
_LINE_SHARE = 0.016
"""Height of a line of text, as a share of the track; a run names its reason where there is room."""
_NUMBER = re.compile(r"(?<!\w)\d+(?:\.\d+)?(?!\w)")
_WIDE_RATIO = 200.0
"""A log axis that spans more than this ratio is labelled at decades only."""


def draw_track(axes: "Axes", plate: Plate, prop: Property) -> None:
    """Draw one property, depth down, with a stripe of status colours at its left edge."""
    estimates = plate.estimates(prop)
    low, high = _limits(estimates, prop)
    if prop.is_log_scaled:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    depth_axis(axes, plate, has_labels=False)
    if prop.is_log_scaled:
        _log_ticks(axes, is_wide=high / low > _WIDE_RATIO)
    axes.grid(visible=True, which="major", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    for section in plate.sections:
        for run in _runs(section, section.estimates(prop)):
            _draw_run(axes, plate, run)
    axes.tick_params(axis="x", labelsize=7.5, colors=INK, length=3, top=True, labeltop=True)
    axes.tick_params(axis="x", which="minor", top=True, length=1.5, labelsize=0, labeltop=False)
    axes.tick_params(axis="x", bottom=False, which="both", labelbottom=False)
    head(axes, TITLES.get(prop.name, prop.name), UNITS.get(prop.unit, prop.unit))


def _log_ticks(axes: "Axes", *, is_wide: bool) -> None:
    """Label a log axis with plain numbers: decades, or 1, 2, 5 where there are few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - extra

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if is_wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring slices of one status, for like reasons where they have no value."""

    status: Status
    reason: str
    """Empty where they have values."""
    is_forced: bool
    edges_cm: tuple[float, ...]
    """Top of each slice and bottom of the last."""
    estimates: tuple[Estimate, ...]


def _runs(section: PlateSection, estimates: Sequence[Estimate | None]) -> Iterator[_Run]:
    pieces = itertools.accumulate(
        (part.top_um != above.bottom_um for above, part in itertools.pairwise(section.slices)),
        initial=0,
    )
    trios = zip(section.slices, estimates, pieces, strict=True)
    # A depth without slices between two of them ends a run.
    for (kind, _), group in itertools.groupby(trios, lambda trio: (_kind(trio[1]), trio[2])):
        members = list(group)
        if kind is not None:
            status, _, is_forced = kind
            tops = [part.top_um / UM_PER_CM for part, _, _ in members]
            own = tuple(estimate for _, estimate, _ in members if estimate)
            yield _Run(
                status=status,
                reason="" if status in HAS_VALUE else _in_common([e.reason for e in own]),
                is_forced=is_forced,
                edges_cm=(*tops, members[-1][0].bottom_um / UM_PER_CM),
                estimates=own,
            )


def _kind(estimate: Estimate | None) -> tuple[Status, str, bool] | None:
    if estimate is None:
        return None
    words = "" if estimate.status in HAS_VALUE else _NUMBER.sub("", estimate.reason)
    return estimate.status, words, bool(why_forced(estimate))


def _in_common(reasons: Sequence[str]) -> str:
    """Return reasons that differ in their numbers as one, with the range of each number."""
    ranges = iter(
        found[0] if len(set(found)) == 1 else f"{min(found, key=float)} to {max(found, key=float)}"
        for found in zip(*map(_NUMBER.findall, reasons), strict=True)
    )
    return _NUMBER.sub(lambda _: next(ranges), reasons[0])


def _draw_run(axes: "Axes", plate: Plate, run: _Run) -> None:
    colour = STATUS_COLOURS[run.status]
    top, bottom = run.edges_cm[0], run.edges_cm[-1]
    axes.axhspan(
        top,
        bottom,
        xmin=0.0,
        xmax=_STRIPE_WIDTH,
        facecolor=colour,
        edgecolor="white",
        hatch=FORCED_HATCH if run.is_forced else None,
        linewidth=0,
        zorder=4,
    )
    if run.status in HAS_VALUE:
        _draw_values(axes, run, n_slices=len(plate.slices))
        return
    axes.axhspan(top, bottom, color=colour, alpha=0.16, linewidth=0, zorder=1)
    top_cm, bottom_cm = plate.span_cm
    lines = textwrap.wrap(f"{run.status.value}: {run.reason}", width=28)
    if (bottom - top) / (bottom_cm - top_cm) >= _LINE_SHARE * (len(lines) + 0.3):
        axes.text(
            0.5 + _STRIPE_WIDTH / 2,
            (top + bottom) / 2,
            "\n".join(lines),
            transform=axes.get_yaxis_transform(),
            ha="center",
            va="center",
            size=7,
            color=INK,
            zorder=5,
            parse_math=False,
        )


def _draw_values(axes: "Axes", run: _Run, *, n_slices: int) -> None:
    """Draw the 90 % interval of each slice as a band, and its value in the slice's middle."""
    colour = STATUS_COLOURS[run.status]
    edges = np.array(run.edges_cm)
    middles = (edges[:-1] + edges[1:]) / 2
    values = np.array([_number(estimate.value) for estimate in run.estimates])
    lower = np.array([_number(estimate.lower) for estimate in run.estimates])
    upper = np.array([_number(estimate.upper) for estimate in run.estimates])
    depths = np.repeat(edges, 2)[1:-1]
    axes.fill_betweenx(
        depths, np.repeat(lower, 2), np.repeat(upper, 2), color=colour, alpha=0.2, linewidth=0
    )
    axes.plot(values, middles, color=colour, linewidth=0.9, zorder=3)
    size = float(np.clip(360.0 / n_slices, 1.2, 3.6))
    axes.plot(
        values,
        middles,
        linestyle="none",
        marker=MARKERS[run.status],
        markersize=size,
        markerfacecolor="white" if run.status is Status.FILLED or run.is_forced else colour,
        markeredgecolor=colour,
        markeredgewidth=0.6,
        zorder=3,
    )


def _limits(estimates: Sequence[Estimate | None], prop: Property) -> tuple[float, float]:
    """Return an axis range that holds every interval, with some air."""
    numbers = [x for e in estimates if e for x in (e.value, e.lower, e.upper) if x is not None]
    if prop.is_log_scaled:
        ends = [x for x in numbers if x > 0] or [prop.lowest, prop.highest]
        logs = [math.log10(x) for x in ends]
        air = 0.08 * (max(logs) - min(logs)) or 0.3
        return 10 ** (min(logs) - 1.5 * air), 10 ** (max(logs) + air)
    ends = numbers or [prop.lowest, prop.highest]
    air = 0.08 * (max(ends) - min(ends)) or 0.05 * abs(ends[0])
    return min(ends) - 1.5 * air, max(ends) + air


def _number(value: float | None) -> float:
    return np.nan if value is None else value
