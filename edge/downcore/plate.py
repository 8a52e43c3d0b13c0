"""A plate: the picture of one section with its depth log beside it, as a core book prints it."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downcore.strata.depthlog import HAS_VALUE, Estimate, Status
from downcore.strata.errors import DowncoreError
from downcore.strata.mask_classes import MaskClass
from downcore.strata.properties import PROPERTIES, Property

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENERATOR_CAVEAT = "generator-trained network: not a measurement"
"""Caveat for a real core whose values come from a network that saw generated cores only."""

SIMULATED_CAVEAT = f"simulated core, {GENERATOR_CAVEAT}"
"""Caveat for a core that the simulator made."""

STATUS_COLOURS = {
    Status.MEASURED: "#1b1b1b",
    Status.PREDICTED: "#0072b2",
    Status.FILLED: "#e69f00",
    Status.MASKED: "#9a9a9a",
    Status.ABSTAINED: "#cc79a7",
}
"""From Okabe and Ito (2008), told apart with any kind of colour vision."""

CLASS_COLOURS = {
    MaskClass.SEDIMENT: "#a08158",
    MaskClass.TRAY: "#c3ccd2",
    MaskClass.VOID: "#262626",
    MaskClass.FOAM: "#f0e442",
    MaskClass.TAG: "#56b4e9",
    MaskClass.GLARE: "#ffffff",
    MaskClass.OUTSIDE: "#e9e9e9",
}

_CLASS_NAMES = {
    MaskClass.SEDIMENT: "sediment",
    MaskClass.TRAY: "tray, liner",
    MaskClass.VOID: "void, crack",
    MaskClass.FOAM: "foam",
    MaskClass.TAG: "tag, card, ruler",
    MaskClass.GLARE: "glare",
    MaskClass.OUTSIDE: "outside",
}
_TITLES = {"density": "Density", "vp": "P-wave velocity", "ms": "Magnetic susceptibility"}
_UNITS = {"g/cm3": "g/cm³", "m/s": "m/s", "1e-5 SI": "10⁻⁵ SI"}
_MARKERS = {Status.MEASURED: "D", Status.PREDICTED: "o", Status.FILLED: "s"}
_INK = "#222222"
_QUIET = "#6b6b6b"
_WARNING = "#a63603"
_UM_PER_CM = 10_000
_RAIL_WIDTH = 0.035
"""Width of the status rail at a track's left edge, as a fraction of the track."""
_REASON_MIN_SHARE = 0.06
"""A run without values names its reason if it is at least this share of the section."""
_DPI = 200


@dataclass(frozen=True, slots=True)
class PlateSlice:
    """One centimetre of the plate."""

    top_um: int
    bottom_um: int
    class_fractions: tuple[float, ...]
    """Share of pixels in each :class:`MaskClass`, in its order; sums to 1."""
    estimates: tuple[Estimate, ...]
    """At most one for each property; a property without one is left blank."""


@dataclass(frozen=True, slots=True, eq=False)
class PlateSection:
    """All that a plate shows of one scan."""

    title: str
    """Name of the section, as a person says it."""
    scan: str
    """Identity of the scan."""
    bundle: str
    """Name and identity of the bundle that made the values; empty when there is none."""
    caveat: str
    """What a reader must know before using a number; empty when there is nothing to say."""
    slices: tuple[PlateSlice, ...]
    """From the top down; at least one."""
    picture: NDArray[np.uint8] | None
    """Thumbnail, shape (n_rows, n_across, 3), sRGB, from the first slice's top to the last's
    bottom; ``None`` when there is none."""

    def __post_init__(self) -> None:
        if not self.slices:
            raise ValueError(f"expected at least one slice of {self.title}, got none")


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
            "expected matplotlib to draw a plate, got none; pip install 'downcore[demo]'"
        ) from error
    figure = Figure(figsize=(8.27, 10.6), facecolor="white")
    FigureCanvasAgg(figure)  # Agg draws without a screen and without pyplot's global state.
    grid = figure.add_gridspec(
        nrows=1,
        ncols=2 + len(PROPERTIES),
        width_ratios=[1.15, 0.42, *[1.75] * len(PROPERTIES)],
        left=0.085,
        right=0.975,
        top=0.845,
        bottom=0.09,
        wspace=0.13,
    )
    axes: list[Axes] = [figure.add_subplot(grid[0, column]) for column in range(2 + len(PROPERTIES))]
    _draw_title(figure, section)
    _draw_picture(axes[0], section)
    _draw_classes(axes[1], section)
    for one, prop in zip(axes[2:], PROPERTIES, strict=True):
        _draw_track(one, section, prop)
    _draw_legends(figure, section)
    return figure


def _draw_title(figure: "Figure", section: PlateSection) -> None:
    left = 0.085
    figure.text(left, 0.975, section.title, size=15, weight="bold", color=_INK, va="top")
    origin = f"scan {section.scan}"
    if section.bundle:
        origin += f"   ·   bundle {section.bundle}"
    figure.text(left, 0.945, origin, size=8, color=_QUIET, va="top")
    figure.text(left, 0.928, _tally(section), size=8, color=_QUIET, va="top")
    if section.caveat:
        figure.text(
            left, 0.911, section.caveat, size=8.5, color=_WARNING, va="top", weight="bold"
        )


def _tally(section: PlateSection) -> str:
    """Say how much of the section has which status, property by property where they differ."""
    length_cm = (section.slices[-1].bottom_um - section.slices[0].top_um) / _UM_PER_CM
    counts = {
        prop.name: _counts(one.status for one in _estimates(section, prop) if one is not None)
        for prop in PROPERTIES
    }
    distinct = set(counts.values())
    if len(distinct) == 1:
        told = distinct.pop()
    else:
        told = "; ".join(f"{name} {count}" for name, count in counts.items())
    return f"{length_cm:g} cm in {len(section.slices)} slices: {told}"


def _counts(statuses: Iterable[Status]) -> str:
    seen = list(statuses)
    words = [f"{seen.count(one)} {one.value}" for one in Status if one in seen]
    return ", ".join(words) or "no values"


def _draw_picture(axes: "Axes", section: PlateSection) -> None:
    top_cm, bottom_cm = _span_cm(section)
    if section.picture is not None:
        axes.imshow(
            section.picture,
            extent=(0.0, 1.0, bottom_cm, top_cm),
            aspect="auto",
            interpolation="antialiased",
        )
    else:
        axes.text(
            0.5, 0.5, "no picture", transform=axes.transAxes, ha="center", size=8, color=_QUIET
        )
    axes.set_xticks([])
    axes.set_xlim(0.0, 1.0)
    _depth_axis(axes, section, has_labels=True)
    _head(axes, "Image", "")


def _draw_classes(axes: "Axes", section: PlateSection) -> None:
    """Draw what each slice's pixels are, as shares that fill the strip from left to right."""
    tops, heights = _tops_and_heights_cm(section)
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
    _depth_axis(axes, section, has_labels=False)
    _head(axes, "Mask", "")


def _draw_track(axes: "Axes", section: PlateSection, prop: Property) -> None:
    estimates = _estimates(section, prop)
    if prop.is_log_scaled:
        axes.set_xscale("log")
    axes.set_xlim(*_limits(estimates, prop))
    _depth_axis(axes, section, has_labels=False)
    axes.grid(visible=True, which="major", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    for run in _runs(section, estimates):
        _draw_run(axes, section, run)
    axes.tick_params(axis="x", labelsize=7.5, colors=_INK, length=3, top=True, labeltop=True)
    axes.tick_params(axis="x", which="minor", top=True, length=1.5, labelsize=0, labeltop=False)
    axes.tick_params(axis="x", bottom=False, which="both", labelbottom=False)
    _head(axes, _TITLES.get(prop.name, prop.name), _UNITS.get(prop.unit, prop.unit))


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring slices of one status."""

    status: Status
    edges_cm: tuple[float, ...]
    """Top of each slice and bottom of the last."""
    estimates: tuple[Estimate, ...]


def _runs(section: PlateSection, estimates: Sequence[Estimate | None]) -> Iterator[_Run]:
    pairs = zip(section.slices, estimates, strict=True)
    for status, group in itertools.groupby(pairs, lambda p: p[1].status if p[1] else None):
        members = list(group)
        if status is not None:
            tops = [one.top_um / _UM_PER_CM for one, _ in members]
            yield _Run(
                status=status,
                edges_cm=(*tops, members[-1][0].bottom_um / _UM_PER_CM),
                estimates=tuple(estimate for _, estimate in members if estimate),
            )


def _draw_run(axes: "Axes", section: PlateSection, run: _Run) -> None:
    colour = STATUS_COLOURS[run.status]
    top, bottom = run.edges_cm[0], run.edges_cm[-1]
    axes.axhspan(top, bottom, xmin=0.0, xmax=_RAIL_WIDTH, color=colour, linewidth=0, zorder=4)
    if run.status in HAS_VALUE:
        _draw_values(axes, run)
        return
    axes.axhspan(top, bottom, color=colour, alpha=0.16, linewidth=0, zorder=1)
    top_cm, bottom_cm = _span_cm(section)
    if (bottom - top) / (bottom_cm - top_cm) >= _REASON_MIN_SHARE:
        axes.text(
            0.5 + _RAIL_WIDTH / 2,
            (top + bottom) / 2,
            _folded(f"{run.status.value}: {run.estimates[0].reason}"),
            transform=axes.get_yaxis_transform(),
            ha="center",
            va="center",
            size=7,
            color=_INK,
            zorder=5,
        )


def _draw_values(axes: "Axes", run: _Run) -> None:
    """Draw the 90 % interval of each slice as a band, and its value in the slice's middle."""
    colour = STATUS_COLOURS[run.status]
    edges = np.array(run.edges_cm)
    middles = (edges[:-1] + edges[1:]) / 2
    values = np.array([_number(one.value) for one in run.estimates])
    lower = np.array([_number(one.lower) for one in run.estimates])
    upper = np.array([_number(one.upper) for one in run.estimates])
    depths = np.repeat(edges, 2)[1:-1]
    axes.fill_betweenx(
        depths, np.repeat(lower, 2), np.repeat(upper, 2), color=colour, alpha=0.2, linewidth=0
    )
    axes.plot(values, middles, color=colour, linewidth=0.9, zorder=3)
    size = float(np.clip(260.0 / max(len(middles), 1), 1.2, 3.6))
    axes.plot(
        values,
        middles,
        linestyle="none",
        marker=_MARKERS[run.status],
        markersize=size,
        markerfacecolor="white" if run.status is Status.FILLED else colour,
        markeredgecolor=colour,
        markeredgewidth=0.6,
        zorder=3,
    )


def _draw_legends(figure: "Figure", section: PlateSection) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, loaded by the caller

    seen = {one.status for part in section.slices for one in part.estimates}
    statuses = [
        Patch(facecolor=STATUS_COLOURS[one], label=one.value) for one in Status if one in seen
    ]
    statuses.append(Patch(facecolor=STATUS_COLOURS[Status.PREDICTED], alpha=0.2, label="90 % interval"))
    shares = np.array([one.class_fractions for one in section.slices]).max(axis=0)
    classes = [
        Patch(facecolor=CLASS_COLOURS[one], edgecolor="#888888", linewidth=0.5, label=_CLASS_NAMES[one])
        for one in MaskClass
        if shares[one] > 0
    ]
    for handles, title, height in ((statuses, "Values", 0.056), (classes, "Mask", 0.028)):
        figure.text(0.085, height, title, size=8, weight="bold", color=_INK, va="center")
        figure.legend(
            handles=handles,
            loc="center left",
            bbox_to_anchor=(0.135, height),
            ncols=len(handles) or 1,
            frameon=False,
            fontsize=8,
            labelcolor=_INK,
            handlelength=1.1,
            handleheight=1.0,
            columnspacing=1.4,
            handletextpad=0.5,
            borderaxespad=0.0,
        )


def _depth_axis(axes: "Axes", section: PlateSection, *, has_labels: bool) -> None:
    top_cm, bottom_cm = _span_cm(section)
    axes.set_ylim(bottom_cm, top_cm)
    axes.minorticks_on()
    axes.tick_params(axis="y", which="major", labelsize=8, colors=_INK, length=4)
    axes.tick_params(axis="y", which="minor", length=2)
    if has_labels:
        axes.set_ylabel("Depth in section (cm)", size=9, color=_INK)
        axes.tick_params(axis="x", which="both", length=0)
    else:
        axes.tick_params(axis="y", which="both", labelleft=False)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)
        spine.set_color("#555555")


def _head(axes: "Axes", title: str, unit: str) -> None:
    axes.set_title(title, size=9, weight="bold", color=_INK, pad=31)
    axes.text(
        0.5, 1.0, unit, transform=axes.transAxes, ha="center", va="bottom", size=8, color=_QUIET
    ).set_y(1.024)


def _limits(estimates: Sequence[Estimate | None], prop: Property) -> tuple[float, float]:
    """Return an axis range that holds every interval, with some air."""
    numbers = [
        x for one in estimates if one for x in (one.value, one.lower, one.upper) if x is not None
    ]
    if prop.is_log_scaled:
        logs = [np.log10(x) for x in numbers if x > 0] or [np.log10(prop.lowest), np.log10(prop.highest)]
        air = 0.08 * (max(logs) - min(logs)) or 0.3
        return 10 ** (min(logs) - 1.5 * air), 10 ** (max(logs) + air)
    ends = numbers or [prop.lowest, prop.highest]
    air = 0.08 * (max(ends) - min(ends)) or 0.05 * abs(ends[0])
    return min(ends) - 1.5 * air, max(ends) + air


def _estimates(section: PlateSection, prop: Property) -> list[Estimate | None]:
    return [
        next((one for one in part.estimates if one.property == prop.name), None)
        for part in section.slices
    ]


def _span_cm(section: PlateSection) -> tuple[float, float]:
    return section.slices[0].top_um / _UM_PER_CM, section.slices[-1].bottom_um / _UM_PER_CM


def _tops_and_heights_cm(section: PlateSection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tops = np.array([one.top_um for one in section.slices]) / _UM_PER_CM
    bottoms = np.array([one.bottom_um for one in section.slices]) / _UM_PER_CM
    return tops, bottoms - tops


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _folded(text: str, width: int = 26) -> str:
    import textwrap  # noqa: PLC0415 - placeholder

    return "\n".join(textwrap.wrap(text, width))
