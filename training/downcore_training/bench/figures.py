"""Pictures of a report: predicted against logged, down each core, and the leakage gap."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from downcore.strata.properties import PROPERTIES, Property
from downcore_training.bench.core import BenchCore
from downcore_training.bench.predictions import CoreAnswers, Prediction
from downcore_training.bench.protocols import BY_CORE, UNSEEN
from downcore_training.bench.rows import Row
from downcore_training.bench.scoring import in_units
from downcore_training.bench.verdict import Gap

Values = NDArray[np.float64]

TITLES = {"density": "Density", "vp": "P-wave velocity", "ms": "Magnetic susceptibility"}
UNITS = {"g/cm3": "g/cm³", "m/s": "m/s", "1e-5 SI": "10⁻⁵ SI"}
LOGGED, PREDICTED = "#1b1b1b", "#0072b2"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#f0e442")
"""Okabe and Ito (2008); distinct for every kind of colour vision."""

MARKERS = "osD^v<>P"
MAX_CORES = 12
"""Cores that are drawn down their depth."""

_DPI = 130


def draw_scatter(prediction: Prediction, cores: Sequence[BenchCore], path: Path) -> bool:
    """Draw predicted against logged values of every property; return whether there was any."""
    shown = [i for i in range(len(PROPERTIES)) if _any(prediction, i)]
    if not shown:
        return False
    figure, axes = _canvas(4.2 * len(shown), 4.4, 1, len(shown))
    for ax, i in zip(axes, shown, strict=True):
        prop = PROPERTIES[i]
        every: list[Values] = []
        pairs = zip(cores, prediction.cores, strict=True)
        for k, (core, answer) in enumerate(pairs):
            mine = answer.asked[:, i] & np.isfinite(answer.predicted[:, i])
            if not mine.any():
                continue
            x, y = (in_units(v[mine, i], prop) for v in (core.labels, answer.predicted))
            few = len(cores) <= len(MARKERS)
            ax.scatter(
                x,
                y,
                s=9,
                alpha=0.45,
                linewidths=0,
                color=COLOURS[k % len(COLOURS)] if few else PREDICTED,
                marker=MARKERS[k % len(MARKERS)] if few else "o",
                label=core.name if few else None,
            )
            every += [x, y]
        low, high = _span(np.concatenate(every))
        ax.plot([low, high], [low, high], color=LOGGED, linewidth=0.8)
        if prop.is_log_scaled:
            ax.set_xscale("log")
            ax.set_yscale("log")
            _plain_numbers(ax.xaxis)
            _plain_numbers(ax.yaxis)
        ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.set_xlabel(f"logged, {UNITS[prop.unit]}")
        ax.set_ylabel(f"predicted, {UNITS[prop.unit]}")
        ax.set_title(TITLES[prop.name])
        if 1 < len(cores) <= len(MARKERS):
            ax.legend(fontsize=7, frameon=False, markerscale=1.6)
    _finish(figure, f"{prediction.network}, {prediction.protocol}", path)
    return True


def draw_downcore(prediction: Prediction, core: BenchCore, k: int, path: Path) -> bool:
    """Draw one core's logs and predictions down its depth; return whether there was any."""
    answer = prediction.cores[k]
    shown = [i for i in range(len(PROPERTIES)) if np.isfinite(answer.predicted[:, i]).any()]
    shown = [i for i in shown if np.isfinite(core.labels[:, i]).any()]
    if not shown:
        return False
    figure, axes = _canvas(2.9 * len(shown) + 0.6, 7.2, 1, len(shown))
    for ax, i in zip(axes, shown, strict=True):
        _track(ax, core, answer, i)
        ax.invert_yaxis()
        if ax is not axes[0]:
            ax.set_yticklabels([])
    axes[0].set_ylabel("depth, cm")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=8, frameon=False)
    _finish(figure, f"{core.name}: {prediction.network}, {prediction.protocol}", path, bottom=0.05)
    return True


def draw_leakage(gaps: Sequence[Gap], rows: Sequence[Row], path: Path) -> bool:
    """Draw R2 with random slices beside R2 by core; return whether there was any."""
    names = [prop.name for prop in PROPERTIES if any(g.target == prop.name for g in gaps)]
    if not names:
        return False
    figure, axes = _canvas(4.0 * len(names), 3.6, 1, len(names))
    for ax, name in zip(axes, names, strict=True):
        mine = [gap for gap in gaps if gap.target == name]
        place = np.arange(len(mine), dtype=np.float64)
        bars = (
            ("random slices", "#e69f00", "//", -0.2, [g.random for g in mine]),
            ("whole cores held out", PREDICTED, "", 0.2, [g.by_core for g in mine]),
        )
        for label, colour, hatch, offset, values in bars:
            shown = np.clip(values, -1.0, 1.0)
            ax.bar(place + offset, shown, 0.38, label=label, color=colour, hatch=hatch,
                   edgecolor="white")  # fmt: skip
            for x, y, value in zip(place + offset, shown, values, strict=True):
                ax.annotate(f"{value:.2f}", (x, y), ha="center", fontsize=7,
                            va="bottom" if y >= 0 else "top")  # fmt: skip
        ax.axhline(0.0, color=LOGGED, linewidth=0.8)
        ax.set_xticks(place, [gap.network for gap in mine], rotation=20, ha="right")
        ax.set(ylim=(-1.15, 1.1), ylabel="R²" if ax is axes[0] else "", title=TITLES[name])
    axes[0].legend(fontsize=8, frameon=False, loc="lower left")
    _finish(figure, "leakage gap; bars end at -1", path)
    return bool(rows)


def chosen_predictions(rows: Sequence[Row]) -> list[Prediction]:
    """Return the models to draw: those scored by core that use the slice, the best two first."""
    held_out = [
        row for row in rows
        if row.protocol in {BY_CORE.name, UNSEEN} and row.prediction.is_candidate
        and row.network not in {"train-mean", "depth-only"}
    ]  # fmt: skip
    best: dict[int, tuple[float, Prediction]] = {}
    for row in held_out:
        key = id(row.prediction)
        value = row.r2 if row.r2 is not None else float("-inf")
        before = best.get(key)
        if before is None or value > before[0]:
            best[key] = (value, row.prediction)
    ordered = sorted(best.values(), key=lambda scored: -scored[0])
    return [prediction for value, prediction in ordered if value > float("-inf")]


def _track(ax: Any, core: BenchCore, answer: CoreAnswers, i: int) -> None:
    prop = PROPERTIES[i]
    depth = core.depth_cm + 0.5
    predicted, lower, upper = (
        _broken(in_units(v[:, i], prop), core.run)
        for v in (answer.predicted, answer.lower, answer.upper)
    )
    logged = _broken(in_units(core.labels[:, i], prop), core.run)
    at = _broken(depth, core.run)
    ax.fill_betweenx(
        at, lower, upper, color=PREDICTED, alpha=0.22, linewidth=0, label="90 % interval"
    )
    ax.plot(predicted, at, color=PREDICTED, linewidth=1.1, label="predicted")
    ax.plot(logged, at, color=LOGGED, linewidth=0.9, label="logged")
    if prop.is_log_scaled:
        ax.set_xscale("log")
        _plain_numbers(ax.xaxis)
    low, high = _sight(prop, logged, predicted)
    ax.set(xlim=(low, high), ylim=(float(depth.min()), float(depth.max())))
    ax.set_xlabel(f"{TITLES[prop.name]}, {UNITS[prop.unit]}")


def _plain_numbers(axis: Any) -> None:
    """Label a log axis at 1, 2 and 5, so that no two labels meet."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _broken(values: Values, run: NDArray[np.int64]) -> Values:
    """Return values with a NaN between unbroken stretches, so that no line crosses a gap."""
    cuts = np.flatnonzero(np.diff(run)) + 1
    return np.asarray(np.insert(values, cuts, np.nan))


def _sight(prop: Property, logged: Values, predicted: Values) -> tuple[float, float]:
    """Return the range that holds log and prediction; a wider interval runs out of it."""
    low, high = _span(np.concatenate([logged, predicted]))
    if prop.is_log_scaled:
        return low / 1.5, high * 1.5
    return low - 0.15 * (high - low), high + 0.15 * (high - low)


def _span(values: Values) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low * 0.9 - 1e-9, high * 1.1 + 1e-9)


def _any(prediction: Prediction, i: int) -> bool:
    return any(
        (answers.asked[:, i] & np.isfinite(answers.predicted[:, i])).sum() > 1
        for answers in prediction.cores
    )


def _canvas(width: float, height: float, n_rows: int, n_columns: int) -> tuple[Figure, list[Any]]:
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(max(width, 4.5), height), dpi=_DPI)
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
    found: list[Any] = list(axes.ravel())
    for ax in found:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return figure, found


def _finish(figure: Figure, title: str, path: Path, *, bottom: float = 0.0) -> None:
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0.0, bottom, 1.0, 1.0))
    figure.savefig(path)
