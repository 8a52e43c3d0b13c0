"""Finished bundles: the values the device would write for every slice and for control crops."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downcore.inference import Mode, open_guarded
from downcore.ports import Predictor
from downcore.strata.bundle import Manifest
from downcore.strata.depth import LineScale
from downcore.strata.depthlog import Estimate, Status
from downcore.strata.estimates import NoValue, TilePrediction, estimates_of, reason_to_abstain
from downcore.strata.footprint import FOOTPRINTS, at_logger_support
from downcore.strata.properties import PROPERTIES
from downcore.strata.slices import measure_slice
from downcore.strata.tiles import cut_tiles
from downcore_training.bench.core import BenchCore
from downcore_training.bench.crops import KINDS, crop_of
from downcore_training.bench.predictions import CoreAnswers, Prediction
from downcore_training.bench.protocols import UNSEEN
from downcore_training.bench.window_bundles import answer_section, seen_sections

Values = NDArray[np.float64]
Tick = Callable[[], None]


class ClosingPredictor(Predictor, Protocol):
    """A running predictor that can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


Start = Callable[[Path], ClosingPredictor]

TILES_PER_SLICE = 3
"""Tiles per slice, as many as the networks train on; the device may take 8."""

MIN_FORCED_PX_PER_CM = 5.0
"""Lowest resolution at which a bundle is run even where the device would abstain, px/cm."""

SIMPLICITY = {"boosted-colour": 4, "resnet-18": 5, "hrnet-deeplabv3plus": 6}
"""Place of bundles in the order from simple to not, by network; others come last."""

LAST = 9


@dataclass(slots=True, eq=False)
class _Column:
    """Predictions of one bundle for one core, filled as they arrive."""

    predicted: Values
    lower: Values
    upper: Values
    forced: Values
    reasons: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class BundleAnswers:
    """Predictions of a bundle for all cores, and for the crops of the negative controls."""

    prediction: Prediction
    controls: dict[str, tuple[Values, ...]]
    """Predictions by kind of crop and core, shape (n, 3), NaN for no crop; empty with a window."""


@dataclass(slots=True, eq=False)
class _Job:
    """A slice submitted to a predictor."""

    kind: str
    core: int
    slice: int
    weights: NDArray[np.float32]
    why: NoValue | None


@dataclass(slots=True, eq=False)
class _Running:
    predictor: ClosingPredictor
    name: str
    columns: list[_Column]
    controls: dict[str, tuple[Values, ...]]

    @property
    def has_window(self) -> bool:
        """Whether the bundle sees a slice's neighbours too."""
        return self.predictor.manifest.window is not None


def run_bundles(
    folders: Sequence[Path],
    names: Sequence[str],
    cores: Sequence[BenchCore],
    *,
    control_cores: int,
    tick: Tick,
    start: Start | None = None,
) -> list[BundleAnswers]:
    """
    Return the predictions of each bundle for every core; nothing is fitted to them.

    Masks, tiles, windows, the rules for a value and the intervals are the device's own. The
    prediction for a tile is brought to what the logger averages over; one for the rows of a window
    is already what the logger reads. The interval is the device's, which is meant for the
    logger's reading. Crops are shown to bundles of tiles only, since a crop has no neighbours.

    Parameters
    ----------
    folders : sequence of Path
        Bundles.
    names : sequence of str
        Name of each in the rows.
    cores : sequence of BenchCore
    control_cores : int
        Cores whose crops of background and card are predicted as well.
    tick : callable
        Called after every core.
    start : callable, optional
        Starts the bundle in a folder; OpenVINO by default.

    Raises
    ------
    BundleError
        If a bundle cannot be used on this machine.
    """
    start = start or _openvino
    running = [
        _started(start(folder), name, cores) for folder, name in zip(folders, names, strict=True)
    ]
    of_tiles = [bundle for bundle in running if not bundle.has_window]
    of_windows = [bundle for bundle in running if bundle.has_window]
    for k, core in enumerate(cores):
        if of_tiles:
            _submit_core(core, k, of_tiles, with_controls=k < control_cores)
        for bundle in of_tiles:
            _take(bundle, wait=True)
        if of_windows:
            _answer_core(core, k, of_windows)
        if core.image is not None:
            core.image.close()
        tick()
    found = [_answers(bundle, cores) for bundle in running]
    for bundle in running:
        bundle.predictor.close()
    return found


def _openvino(folder: Path) -> ClosingPredictor:
    return open_guarded(folder, mode=Mode.BACKLOG)


def _started(predictor: ClosingPredictor, name: str, cores: Sequence[BenchCore]) -> _Running:
    shape = [core.labels.shape for core in cores]
    controls = {
        kind: tuple(np.full(shape_of_core, np.nan) for shape_of_core in shape) for kind in KINDS
    }
    return _Running(predictor, name, [_blank(len(core)) for core in cores], controls)


def _blank(n: int) -> _Column:
    predicted, lower, upper, forced = (np.full((n, len(PROPERTIES)), np.nan) for _ in range(4))
    return _Column(predicted, lower, upper, forced, [""] * n)


def _submit_core(
    core: BenchCore, k: int, running: Sequence[_Running], *, with_controls: bool
) -> None:
    for i in range(len(core)):
        cut = core.image.lines_and_classes(i) if core.image is not None else None
        if cut is None or core.px_per_cm is None:
            for bundle in running:
                bundle.columns[k].reasons[i] = "no image of the slice"
            continue
        lines, classes = cut
        _submit(_Slice("sediment", k, i, lines, classes, core.px_per_cm), running)
        for kind in KINDS if with_controls else ():
            crop = crop_of(kind, lines, classes, i)
            if crop is not None:
                _submit(_Slice(kind, k, i, *crop, core.px_per_cm), running)
        for bundle in running:
            _take(bundle, wait=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    kind: str
    core: int
    index: int
    lines: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    px_per_cm: float


def _submit(job_slice: _Slice, running: Sequence[_Running]) -> None:
    tiles = cut_tiles(
        job_slice.lines, job_slice.classes, job_slice.px_per_cm, max_tiles=TILES_PER_SLICE
    )
    scale = LineScale.of(round(max(job_slice.px_per_cm, 1.0), 6))
    measured = measure_slice(job_slice.lines, job_slice.classes, scale, index=0, first_line=0)
    for which in running:
        why = reason_to_abstain(
            which.predictor.manifest,
            n_tiles=len(tiles.pixels),
            valid_fraction=measured.valid_fraction,
            source_px_per_cm=job_slice.px_per_cm,
        )
        if not len(tiles.pixels) or job_slice.px_per_cm < MIN_FORCED_PX_PER_CM:
            if job_slice.kind == "sediment" and why is not None:
                which.columns[job_slice.core].reasons[job_slice.index] = _kind_of(why)
            continue
        job = _Job(job_slice.kind, job_slice.core, job_slice.index, tiles.sediment_fraction, why)
        which.predictor.submit(job, tiles.pixels)


def _take(bundle: _Running, *, wait: bool) -> None:
    for job, prediction in bundle.predictor.collect(wait=wait):
        weights = job.weights.astype(np.float64)
        mean = _in_order(bundle.predictor.manifest, weights @ prediction.mean / weights.sum())
        if job.kind != "sediment":
            bundle.controls[job.kind][job.core][job.slice] = mean
            continue
        column = bundle.columns[job.core]
        column.forced[job.slice] = mean
        if job.why is not None:
            column.reasons[job.slice] = _kind_of(job.why)
            continue
        _keep(column, job, prediction, bundle.predictor.manifest)


def _keep(column: _Column, job: _Job, prediction: TilePrediction, manifest: Manifest) -> None:
    _keep_estimates(column, job.slice, estimates_of(prediction, job.weights, manifest))


def _answer_core(core: BenchCore, k: int, running: Sequence[_Running]) -> None:
    """Answer a core by bundles with a window, section by section."""
    for bundle in running:
        bundle.columns[k].reasons[:] = ["no image of the slice"] * len(core)
    for section in seen_sections(core):
        for bundle in running:
            column, manifest = bundle.columns[k], bundle.predictor.manifest
            for row in answer_section(bundle.predictor, section, core.px_per_cm or 0.0):
                column.reasons[row.place] = ""
                if row.mean is not None:
                    column.forced[row.place] = _in_order(manifest, row.mean)
                _keep_estimates(column, row.place, row.estimates)


def _keep_estimates(column: _Column, place: int, estimates: Sequence[Estimate]) -> None:
    for estimate in estimates:
        i = [prop.name for prop in PROPERTIES].index(estimate.property)
        if estimate.value is None or estimate.lower is None or estimate.upper is None:
            column.reasons[place] = _kind_of(NoValue(estimate.status, estimate.reason))
            continue
        is_log = PROPERTIES[i].is_log_scaled
        ends = (estimate.value, estimate.lower, estimate.upper)
        values = [math.log10(x) if is_log else x for x in ends]
        column.predicted[place, i], column.lower[place, i], column.upper[place, i] = values


def _answers(bundle: _Running, cores: Sequence[BenchCore]) -> BundleAnswers:
    manifest = bundle.predictor.manifest
    centre = np.full(len(PROPERTIES), np.nan)
    for scaling in manifest.outputs:
        centre[[p.name for p in PROPERTIES].index(scaling.property)] = scaling.centre
    answers: list[CoreAnswers] = []
    reasons: Counter[str] = Counter()
    for core, column in zip(cores, bundle.columns, strict=True):
        asked = np.isfinite(core.labels) & core.has_colour[:, None]
        silent = asked.any(axis=1) & ~np.isfinite(column.predicted).any(axis=1)
        reasons.update(column.reasons[i] or "no value" for i in np.flatnonzero(silent))
        answers.append(
            CoreAnswers(
                predicted=_as_read(column.predicted, core, bundle),
                lower=column.lower,
                upper=column.upper,
                asked=asked,
                training_mean=np.broadcast_to(centre, core.labels.shape),
                plain=None if bundle.has_window else column.predicted,
                forced=_as_read(column.forced, core, bundle),
            )
        )
    prediction = Prediction(
        bundle.name,
        f"bundle {manifest.title}, {manifest.precision}",
        UNSEEN,
        SIMPLICITY.get(manifest.network, LAST),
        is_candidate=True,
        cores=tuple(answers),
        n_folds=0,
        reasons=dict(reasons),
    )
    return BundleAnswers(prediction, {} if bundle.has_window else bundle.controls)


def _as_read(values: Values, core: BenchCore, bundle: _Running) -> Values:
    """Return values as the logger would read them; those of a window are so already."""
    if bundle.has_window:
        return values
    columns = [
        at_logger_support(values[:, i], core.run, footprint)
        for i, footprint in enumerate(FOOTPRINTS)
    ]
    return np.stack(columns, axis=1)


def _in_order(manifest: Manifest, means: Values) -> Values:
    found = np.full(len(PROPERTIES), np.nan)
    names = [prop.name for prop in PROPERTIES]
    for scaling, mean in zip(manifest.outputs, means, strict=True):
        found[names.index(scaling.property)] = mean
    return found


def _kind_of(why: NoValue) -> str:
    """Return a reason without its numbers, so that equal kinds can be counted."""
    head = why.reason.split(":")[0].split(",")[0]
    if why.status is Status.MASKED:
        return "too little sediment"
    return "resolution below the bundle's" if "px/cm" in head else head
