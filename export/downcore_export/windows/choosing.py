"""Selection of a window bundle's graph: the best quantised one, else one of 16 bit, else none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from downcore.learning.familiarity import fit_familiar
from downcore.strata.errors import BundleError
from downcore_export.answers import CompiledGraph
from downcore_export.conversion import as_read, as_written, convert
from downcore_export.novelty import with_novelty
from downcore_export.parity import MAX_P95_DEVIATION, MAX_R2_LOSS
from downcore_export.quantisation import QUANTISERS
from downcore_export.quantiser_selection import NOT_QUANTISED, Files
from downcore_export.windows.source import WindowSource
from downcore_training.progress import Report
from downcore_training.windows.figures import r2
from downcore_training.windows.window_set import WindowSet

CALIBRATION_WINDOWS = 96
"""Windows, spread over all sections, that set the ranges of 8 bit."""

WINDOW_QUANTISERS = ("nncf-symmetric", "nncf-without-bias-correction")
"""Quantisers that leave out the parts which must stay exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A graph's outputs for the rows of windows."""

    outputs: NDArray[np.float32]
    """Shape (3, n_rows, n_properties), scaled space."""
    last: NDArray[np.float32]
    """Features (n_rows, k) or novelty (n_rows,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """How far a graph is from the trained network, by property."""

    r2_loss: dict[str, float]
    p95_deviation: dict[str, float]
    """95th percentile of what a row's value moves, in spreads."""

    @property
    def is_good_enough(self) -> bool:
        """Whether every property stays within both limits."""
        return all(x <= MAX_R2_LOSS for x in self.r2_loss.values()) and all(
            x <= MAX_P95_DEVIATION for x in self.p95_deviation.values()
        )

    @property
    def distance(self) -> float:
        """The worst property's deviation."""
        return max(self.p95_deviation.values())


@dataclass(frozen=True, slots=True, eq=False)
class ChosenWindow:
    """The graph of a bundle and what it computes."""

    method: str
    precision: str
    files: Files
    compiled: CompiledGraph
    moved: Moved
    reference: Files
    n_familiar: int
    """Rows of training sections whose features say what is familiar."""
    abstained: float
    """Share of those rows above the limit."""
    n_checked: int
    n_calibrated: int
    """Windows that set the ranges of 8 bit; 0 where nothing is quantised."""


def rows_of(compiled: CompiledGraph, pixels: NDArray[np.uint8]) -> Rows:
    """Return a graph's outputs for windows, row by row."""
    answers = compiled.answers(pixels)
    n_outputs = answers.outputs.shape[-1]
    last = answers.last
    # Features have one axis more than novelty.
    width = (last.shape[-1],) if last.ndim > 2 else ()  # noqa: PLR2004 - window and row
    return Rows(answers.outputs.reshape(3, -1, n_outputs), last.reshape(-1, *width))


def choose_window(source: WindowSource, windows: WindowSet, *, report: Report) -> ChosenWindow:
    """
    Try the quantisers, keep the nearest, and add the novelty to its graph.

    Judged on the windows of the training sections, since the network that is shipped learned from
    all there are.

    Raises
    ------
    BundleError
        If no precision stays near enough the trained network.
    """
    reference = Files(*as_written(convert(source.module), is_half=False))
    compiled = CompiledGraph(reference.graph)
    pixels = windows.pixels(np.arange(len(windows)))
    report.at(0.05, f"computing {len(pixels)} windows unquantised")
    ideal = rows_of(compiled, pixels)
    labels = windows.labels[:, list(source.properties)]
    known = np.isfinite(labels).any(axis=1)
    said = []
    for method, precision, graph in _candidates(source, reference, pixels, report):
        judge = CompiledGraph(graph, precision=precision)
        got = rows_of(judge, pixels)
        moved = _moved(source, got, ideal, labels)
        report.note(f"{precision}, {method}: {_text(moved)}")
        said.append(f"{precision}, {method}: {_text(moved)}")
        if not moved.is_good_enough:
            continue
        familiar = fit_familiar(got.last[known])
        files = Files(*as_written(with_novelty(graph, familiar), is_half=False))
        final = CompiledGraph(files.graph, precision=precision)
        novelty = rows_of(final, pixels).last[known]
        return ChosenWindow(
            method=method,
            precision=precision,
            files=files,
            compiled=final,
            moved=moved,
            reference=reference,
            n_familiar=familiar.n_tiles,
            abstained=float((novelty > source.novelty_limit).mean()),
            n_checked=int(known.sum()),
            n_calibrated=min(CALIBRATION_WINDOWS, len(pixels)) if precision == "int8" else 0,
        )
    raise BundleError(
        f"expected one precision to stay within {MAX_R2_LOSS} of R2 and {MAX_P95_DEVIATION} sd of "
        f"the trained network, got none, so no bundle is written: {'; '.join(said)}"
    )


def _candidates(
    source: WindowSource, reference: Files, pixels: NDArray[np.uint8], report: Report
) -> Iterator[tuple[str, str, Any]]:
    """Yield method, precision and graph; quantised ones from the nearest on."""
    if not any(isinstance(part, nn.BatchNorm2d) for part in source.module.modules()):
        # Trees alone: fewer bits gain nothing, and rounded thresholds would change them.
        yield NOT_QUANTISED, "f32", reference.graph
        return
    count = min(CALIBRATION_WINDOWS, len(pixels))
    some = pixels[np.linspace(0, len(pixels) - 1, count).round().astype(np.int64)]
    ideal = rows_of(CompiledGraph(reference.graph), some)
    tried = []
    for i, name in enumerate(WINDOW_QUANTISERS):
        report.at(0.1 + 0.3 * i, f"quantising with {name}")
        graph = as_read(*as_written(QUANTISERS[name](source.module, some), is_half=False))
        apart = np.abs(rows_of(CompiledGraph(graph), some).outputs[0] - ideal.outputs[0])
        tried.append((float(np.percentile(apart, 95)), name, graph))
    for _, name, graph in sorted(tried, key=lambda attempt: attempt[:2]):
        yield name, "int8", graph
    yield NOT_QUANTISED, "f16", as_read(*as_written(reference.graph, is_half=True))


def _moved(source: WindowSource, got: Rows, ideal: Rows, labels: NDArray[np.float64]) -> Moved:
    loss, deviation = {}, {}
    for k, output in enumerate(source.outputs):
        known = np.isfinite(labels[:, k])
        target = (labels[known, k] - output.centre) / output.spread
        scores = [r2(target, rows.outputs[0, known, k].astype(np.float64)) for rows in (ideal, got)]
        apart = np.abs(got.outputs[0, known, k] - ideal.outputs[0, known, k])
        loss[output.property] = scores[0] - scores[1]
        deviation[output.property] = float(np.percentile(apart, 95))
    return Moved(loss, deviation)


def _text(moved: Moved) -> str:
    apart = ", ".join(f"{n} {x:.3f}" for n, x in moved.p95_deviation.items())
    lost = ", ".join(f"{n} {x:+.4f}" for n, x in moved.r2_loss.items())
    return f"p95 deviation {apart} sd; R2 lost {lost}"


def spread_over_rows(windows: WindowSet, count: int) -> Sequence[int]:
    """Return the numbers of at most ``count`` windows, spread evenly."""
    chosen = np.linspace(0, len(windows) - 1, min(count, len(windows))).round()
    return [int(i) for i in np.unique(chosen)]
