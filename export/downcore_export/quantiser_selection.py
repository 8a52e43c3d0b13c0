"""Selection of a bundle's graph: the best quantised one, else one of 16 bit, else none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from downcore.inference.device import computes_bf16
from downcore.learning.familiarity import fit_familiar, threshold_for
from downcore.strata.errors import BundleError
from downcore_export.answers import (
    Answers,
    CompiledGraph,
    Tiles,
    all_of,
    answers_of,
    outputs_of,
    spread_over,
)
from downcore_export.conversion import as_read, as_written, convert
from downcore_export.novelty import with_novelty
from downcore_export.parity import Parity, compare
from downcore_export.quantisation import QUANTISERS
from downcore_export.quantisation_correction import (
    CORRECTION_TILES,
    corrected,
    fit_feature_correction,
    with_feature_correction,
)
from downcore_export.source import Source
from downcore_training.datasets import CoreSets, TileSet
from downcore_training.progress import Report

CALIBRATION_TILES = 300
"""Tiles, spread over all training cores, that set the ranges of 8 bit."""

CHOOSING_CORES = 12
"""Validation cores on which the quantisers compete."""

NOVELTY_TILES = 4000
"""Tiles, spread over all training cores, whose features define what is familiar."""

NOT_QUANTISED = "none"
"""Name of the method where weights of 16 bit are written."""


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """A graph as a bundle keeps it."""

    xml: bytes
    weights: bytes

    @property
    def graph(self) -> Any:
        """The graph, read back, so that the written graph is the one compared."""
        return as_read(self.xml, self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Training tiles that set the ranges of 8 bit, and the unquantised graph's outputs for them."""

    pixels: NDArray[np.uint8]
    """Shape (n, 200, 200, 3)."""
    ideal: NDArray[np.float32]
    """Shape (3, n, n_properties)."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """The novelty threshold above which a slice gets no value, and how it was set."""

    threshold: float
    n_tiles: int
    """Training tiles whose features define what is familiar."""
    test_share: float
    """Share of slices of test cores that lie above."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The graph of a bundle, and how it compares on the test cores."""

    method: str
    """Name of the quantiser, or :data:`NOT_QUANTISED`."""
    precision: str
    """As in the manifest."""
    files: Files
    compiled: CompiledGraph
    """The graph of ``files``."""
    parity: Parity
    limit: Limit
    reference: Files
    """The unquantised graph, its last output the features."""
    ideal: NDArray[np.float32]
    """The unquantised graph's outputs for the test tiles, shape (3, n, n_properties)."""
    n_calibration_tiles: int
    """On which ``method`` was calibrated; 0 where nothing is quantised."""
    calibration: Calibration | None
    """``None`` for a network without convolutions, which is never quantised."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """The unquantised graph, compiled once for all that is compared with it."""

    files: Files
    compiled: CompiledGraph
    calibration: Calibration | None


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    method: str
    precision: str
    graph: Any
    """Its last output the features."""
    compiled: CompiledGraph
    n_calibration_tiles: int


def choose(source: Source, sets: CoreSets, *, quantisers: Iterable[str], report: Report) -> Chosen:
    """
    Try every quantiser, keep the nearest on validation cores and check it on test cores.

    Where it moves values too far, weights of 16 bit take its place: computed in bfloat16 if
    this processor can show that they stay near enough, else in 32 bit.

    Parameters
    ----------
    source : Source
        The checkpoint.
    sets : CoreSets
        Training cores to calibrate on, validation cores to choose on, test cores to judge on.
    quantisers : iterable of str
        Names of :data:`downcore_export.quantisation.QUANTISERS`; none gives 16 bit. A network
        without convolutions is never quantised.
    report : Report
        Receives the progress.

    Raises
    ------
    BundleError
        If no precision stays near enough the unquantised network.
    """
    reference = _reference(source, sets)
    test = all_of(sets.test)
    report.at(0.05, "computing the test cores unquantised")
    ideal = reference.compiled.answers(test).outputs
    tried = []
    for candidate in _candidates(source, sets, reference, list(quantisers), report):
        report.at(0.7, f"learning what is familiar to the {candidate.precision} graph")
        files = _with_novelty(candidate, sets.training)
        report.at(0.8, "judging on the test cores")
        compiled = CompiledGraph(files.graph, precision=candidate.precision)
        answers = compiled.answers(test)
        parity = compare(answers.outputs, ideal, sets.test, source.scaling, source.properties)
        summary = f"{candidate.precision}, {candidate.method}, on test cores: {parity_text(parity)}"
        report.note(summary)
        tried.append(summary)
        if parity.is_good_enough:
            return Chosen(
                method=candidate.method,
                precision=candidate.precision,
                files=files,
                compiled=compiled,
                parity=parity,
                limit=_limit(compiled, sets, answers),
                reference=reference.files,
                ideal=ideal,
                n_calibration_tiles=candidate.n_calibration_tiles,
                calibration=reference.calibration,
            )
        report.note("too far from the trained network: the next precision is tried")
    raise BundleError(
        "expected one precision to stay within 0.01 of R2 and 0.1 sd (95th percentile) of the "
        f"trained network, got none, so no bundle is written: {'; '.join(tried)}"
    )


def parity_text(parity: Parity) -> str:
    """Return the deviation in words."""
    moved = ", ".join(f"{n} {x:.3f}" for n, x in parity.p95_deviation.items())
    lost = ", ".join(f"{n} {x:+.4f}" for n, x in parity.r2_loss.items())
    return f"p95 deviation {moved} sd; R2 lost {lost}"


def slice_novelty(tiles: TileSet, novelty: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean of ``novelty`` (n_tiles,) over the tiles of each slice, shape (n_slices,)."""
    sums = np.bincount(tiles.group, novelty.astype(np.float64))
    found: NDArray[np.float64] = sums / np.bincount(tiles.group)
    return found


def _reference(source: Source, sets: CoreSets) -> _Reference:
    files = Files(*as_written(convert(source.module), is_half=False))
    compiled = CompiledGraph(files.graph)
    if not any(isinstance(part, nn.Conv2d) for part in source.module.modules()):
        return _Reference(files, compiled, None)
    pixels = spread_over(sets.training, CALIBRATION_TILES)[:]
    return _Reference(files, compiled, Calibration(pixels, compiled.answers(pixels).outputs))


def _candidates(
    source: Source, sets: CoreSets, reference: _Reference, quantisers: list[str], report: Report
) -> Iterator[_Candidate]:
    """Yield graphs from the fastest to the slowest; each is only made if it is asked for."""
    graph = reference.files.graph
    if reference.calibration is None:
        # Fewer bits gain nothing here, and rounded thresholds would change the trees.
        yield _Candidate(NOT_QUANTISED, "f32", graph, reference.compiled, 0)
        return
    if quantisers:
        tried = _by_quantiser(
            source, sets, reference, reference.calibration, quantisers=quantisers, report=report
        )
        yield min(tried, key=lambda attempt: attempt[:2])[2]
    half = as_read(*as_written(graph, is_half=True))
    if computes_bf16():
        compiled = CompiledGraph(half, precision="bf16")
        yield _Candidate(NOT_QUANTISED, "bf16", half, compiled, 0)
    else:
        report.note("this processor has no bfloat16, so whether it would do cannot be shown")
    yield _Candidate(NOT_QUANTISED, "f16", half, CompiledGraph(half, precision="f16"), 0)


def _by_quantiser(
    source: Source,
    sets: CoreSets,
    reference: _Reference,
    calibration: Calibration,
    *,
    quantisers: list[str],
    report: Report,
) -> Iterator[tuple[float, str, _Candidate]]:
    """Yield the distance on validation cores, the name and the graph of each quantiser."""
    judges = sets.validation.some_cores(CHOOSING_CORES)
    unseen = all_of(judges)
    many = spread_over(sets.training, CORRECTION_TILES)
    ideal_many = reference.compiled.answers(many).outputs[0]
    ideal = reference.compiled.answers(unseen).outputs
    for i, name in enumerate(quantisers):
        report.at(0.1 + 0.6 * i / len(quantisers), f"quantising with {name}")
        graph = _quantised(source, name, calibration, many, ideal_many)
        compiled = CompiledGraph(graph)
        parity = compare(
            compiled.answers(unseen).outputs, ideal, judges, source.scaling, source.properties
        )
        report.note(f"{name} on validation cores: {parity_text(parity)}")
        candidate = _Candidate(name, "int8", graph, compiled, len(calibration.pixels))
        yield parity.distance, name, candidate


def _quantised(
    source: Source,
    name: str,
    calibration: Calibration,
    many: Tiles,
    ideal_many: NDArray[np.float32],
) -> Any:
    """Return the graph of a quantiser, corrected, as it would be read from its files."""
    raw = QUANTISERS[name](source.module, calibration.pixels)
    graph = corrected(raw, outputs_of(raw, calibration.pixels), calibration.ideal)
    answers = answers_of(graph, many)
    correction = fit_feature_correction(answers.last, answers.outputs[0], ideal_many)
    return as_read(*as_written(with_feature_correction(graph, correction), is_half=False))


def _with_novelty(candidate: _Candidate, training: TileSet) -> Files:
    some = spread_over(training, NOVELTY_TILES)
    graph = with_novelty(candidate.graph, fit_familiar(candidate.compiled.answers(some).last))
    # What is kept in 16 bit is so already; the novelty's own numbers would not fit into 16 bit.
    return Files(*as_written(graph, is_half=False))


def _limit(compiled: CompiledGraph, sets: CoreSets, test: Answers) -> Limit:
    novelty = slice_novelty(sets.validation, compiled.answers(all_of(sets.validation)).last)
    threshold = threshold_for(novelty)
    return Limit(
        threshold=threshold,
        n_tiles=min(NOVELTY_TILES, len(sets.training)),
        test_share=float((slice_novelty(sets.test, test.last) > threshold).mean()),
    )
