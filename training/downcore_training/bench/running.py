"""A run of the bench: every baseline under every protocol, or finished bundles; then controls."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from downcore import __version__
from downcore.strata.properties import PROPERTIES
from downcore_training.bench.baselines import baselines
from downcore_training.bench.bundles import run_bundles
from downcore_training.bench.controls import (
    MAX_CORES,
    Control,
    controls_of_baseline,
    controls_of_bundle,
)
from downcore_training.bench.core import BenchCore, BenchSet
from downcore_training.bench.fitting import Round, run_baseline
from downcore_training.bench.noise import SOURCE
from downcore_training.bench.predictions import CoreAnswers, Prediction
from downcore_training.bench.protocols import (
    BY_CORE,
    BY_CORE_IN_SITE,
    BY_SITE,
    PROTOCOLS,
    UNSEEN,
    Protocol,
)
from downcore_training.bench.rows import CALIBRATED, Row, calibrated_rows_of, rows_of
from downcore_training.bench.sensors import SensorView, further_views, main_view
from downcore_training.bench.verdict import Gap, audit_of, gaps_of, verdict_of
from downcore_training.progress import Report

CONTROLLED = "boosted-profile"
"""The baseline used for the controls: the strongest fitted one."""

MIN_TELLING = 20
"""Number of slices below which a note warns of weak scores."""

CEILING = "visible-part"

VISIBLE = "visible-share"
"""Protocol of the row with the visible share of a property."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run."""

    bundles: tuple[Path, ...] = ()
    with_baselines: bool = True
    """Whether anything is trained."""
    seed: int = 0
    draws: int = 1_000
    """Of the bootstrap; 0 for none."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run found."""

    data: BenchSet
    """With the labels that the main figures are of."""
    order: Order
    rows: tuple[Row, ...]
    controls: tuple[Control, ...]
    gaps: tuple[Gap, ...]
    verdict: tuple[str, ...]
    audit: tuple[str, ...]
    notes: tuple[str, ...]
    """What was left out of the data and what could not be computed, and why."""

    def for_json(self) -> dict[str, Any]:
        """Return the result as strict JSON has it."""
        return {
            "rows": [row.for_json() for row in self.rows],
            "leakage": [
                {
                    "network": gap.network,
                    "property": gap.target,
                    "r2_random_slices": gap.random,
                    "r2_leave_one_core_out": gap.by_core,
                    "gap": gap.gap,
                }
                for gap in self.gaps
            ],
            "controls": [control.for_json() for control in self.controls],
            "verdict": list(self.verdict),
            "audit": list(self.audit),
            "notes": list(self.notes),
            "data": {
                "folder": self.data.folder.resolve().name,
                "cores": [_told_core(core) for core in self.data.cores],
            },
            "noise_is": SOURCE,
            "seed": self.order.seed,
            "bootstrap": self.order.draws,
            "downcore": __version__,
        }


@dataclass(slots=True)
class _Steps:
    """Counts steps for the bar."""

    report: Report
    total: int
    done: int = 0
    text: str = field(default="")

    def tick(self) -> None:
        self.done += 1
        self.report.at(min(self.done / max(self.total, 1), 1.0), self.text)


def run_bench(data: BenchSet, order: Order, *, report: Report) -> Result:
    """
    Run the bench.

    Parameters
    ----------
    data : BenchSet
        At least one core.
    order : Order
        With bundles, or with baselines, or both.
    report : Report
        Receives the progress.

    Raises
    ------
    BundleError
        If a bundle cannot be used.
    """
    main = main_view(data.cores)
    cores = main.cores
    steps = _Steps(report, _n_steps(order, cores))
    predictions: list[Prediction] = []
    controls: list[Control] = []
    notes = [*data.notes, *main.notes, *_missing(cores)]
    if order.with_baselines:
        predictions += _all_baselines(cores, order, steps, notes)
        steps.text = "controls"
        strongest = next(baseline for baseline in baselines() if baseline.name == CONTROLLED)
        controls += controls_of_baseline(strongest, cores, order.seed)
        steps.tick()
    else:
        predictions += _oracles(cores, order)
    bundled: list[Prediction] = []
    if order.bundles:
        steps.text = "bundles"
        names = _names_of(order.bundles)
        for found in run_bundles(
            order.bundles, names, cores, control_cores=MAX_CORES, tick=steps.tick
        ):
            bundled.append(found.prediction)
            if not found.controls:
                notes.append(
                    f"{found.prediction.network} sees windows: crops of background and card are "
                    "not shown to it, since a crop has no neighbours"
                )
            controls += controls_of_bundle(found.prediction, found.controls, cores, seed=order.seed)
    predictions += bundled
    if any(core.visible is not None for core in cores):
        predictions.append(_ceiling(cores))
    steps.text = "scores"
    rows = _rows(predictions, cores, order)
    for view in further_views(data.cores, main):
        notes += view.notes
        if view.cores:
            rows += _further_rows(view, bundled, order, steps, notes)
    main_rows = [row for row in rows if row.is_main and not row.protocol.endswith(CALIBRATED)]
    notes += [*_few(main_rows), *_silent(predictions)]
    return Result(
        replace(data, cores=cores),
        order,
        tuple(rows),
        tuple(controls),
        tuple(gaps_of(main_rows)),
        tuple(verdict_of(main_rows)),
        tuple(audit_of(main_rows)),
        tuple(notes),
    )


def _rows(predictions: Sequence[Prediction], cores: Sequence[BenchCore], order: Order) -> list[Row]:
    how = {"draws": order.draws, "seed": order.seed}
    rows = [row for prediction in predictions for row in rows_of(prediction, cores, **how)]
    return rows + [
        row for prediction in predictions for row in calibrated_rows_of(prediction, cores, **how)
    ]


def _further_rows(
    view: SensorView,
    bundled: Sequence[Prediction],
    order: Order,
    steps: _Steps,
    notes: list[str],
) -> list[Row]:
    """Return the rows of a property as logged by another sensor, in the cores that have it."""
    has = [bool(np.isfinite(core.labels).any()) for core in view.cores]
    cores = [core for core, own in zip(view.cores, has, strict=True) if own]
    predictions = _all_baselines(cores, order, steps, notes) if order.with_baselines else []
    predictions += [_asked_again(prediction, view.cores, has) for prediction in bundled]
    return [replace(row, is_main=False) for row in _rows(predictions, cores, order)]


def _asked_again(
    prediction: Prediction, cores: Sequence[BenchCore], has: Sequence[bool]
) -> Prediction:
    """Return a bundle's prediction for other labels of some of the cores."""
    answers = [
        replace(predicted, asked=np.isfinite(core.labels) & core.has_colour[:, None])
        for core, predicted, own in zip(cores, prediction.cores, has, strict=True)
        if own
    ]
    return replace(prediction, cores=tuple(answers), reasons={})


def _all_baselines(
    cores: Sequence[BenchCore], order: Order, steps: _Steps, notes: list[str]
) -> list[Prediction]:
    found: list[Prediction] = []
    for protocol in PROTOCOLS:
        n_folds = len(protocol.folds(cores, order.seed))
        if not n_folds:
            if protocol is not BY_CORE_IN_SITE:
                notes.append(f"{protocol.name} cannot be computed: it needs {protocol.needs}")
            continue
        if protocol is BY_CORE_IN_SITE and not _has_two_sites(cores):
            continue
        made: list[Prediction] = []
        if protocol is BY_SITE and len({core.site for core in cores}) == len(cores):
            # Every site has one core, so that both protocols are the same.
            same = [prediction for prediction in found if prediction.protocol == BY_CORE.name]
            found += [replace(prediction, protocol=BY_SITE.name) for prediction in same]
            continue
        for baseline in baselines():
            steps.text = f"{protocol.name}: {baseline.name}"
            how = Round(order.seed, tick=steps.tick)
            made += run_baseline(baseline, cores, protocol, how=how).values()
        notes += _unanswered(protocol, made, cores)
        found += made
    return found


def _has_two_sites(cores: Sequence[BenchCore]) -> bool:
    """Return whether any property was logged at several sites, by the sensor in view."""
    return any(
        len({core.site for core in cores if np.isfinite(core.labels[:, i]).any()}) > 1
        for i in range(len(PROPERTIES))
    )


def _unanswered(
    protocol: Protocol, made: Sequence[Prediction], cores: Sequence[BenchCore]
) -> list[str]:
    """Note logged properties without a test slice under a protocol."""
    found = []
    for i, prop in enumerate(PROPERTIES):
        logged = [c for c in cores if (np.isfinite(c.labels[:, i]) & c.has_colour).any()]
        if not logged or any(part.asked[:, i].any() for p in made for part in p.cores):
            continue
        names, sites = ", ".join(c.name for c in logged), sorted({c.site for c in logged})
        what = f"{prop.name} ({logged[0].sensors[i]})" if logged[0].sensors[i] else prop.name
        why = f"only {names} {'has' if len(logged) == 1 else 'have'} it"
        if protocol is BY_SITE and len(sites) == 1:
            why = f"it was logged at one site only, {sites[0]} ({names})"
        found.append(
            f"{what} under {protocol.name} cannot be computed: {why}, "
            "and nothing is left to learn from"
        )
    return found


def _oracles(cores: Sequence[BenchCore], order: Order) -> list[Prediction]:
    """Return the baselines without fitting, for comparison with the bundles."""
    found = []
    for baseline in baselines():
        if not baseline.needs_core_labels:
            continue
        fitted = baseline.fit(cores, order.seed)
        answers = tuple(_answers(core, fitted.predict(core)) for core in cores)
        found.append(
            Prediction(
                baseline.name,
                baseline.title,
                UNSEEN,
                baseline.simplicity,
                is_candidate=False,
                cores=answers,
                n_folds=0,
            )
        )
    return found


def _ceiling(cores: Sequence[BenchCore]) -> Prediction:
    """Return the best possible prediction from pixels, as the generator knows it."""
    nothing = [np.full(core.labels.shape, np.nan) for core in cores]
    answers = tuple(
        _answers(core, none if core.visible is None else core.visible)
        for core, none in zip(cores, nothing, strict=True)
    )
    title = "what the generator made visible"
    return Prediction(CEILING, title, VISIBLE, 0, is_candidate=False, cores=answers, n_folds=0)


def _answers(core: BenchCore, predicted: np.ndarray[Any, np.dtype[np.float64]]) -> CoreAnswers:
    nothing = np.full(core.labels.shape, np.nan)
    asked = np.isfinite(core.labels) & core.has_colour[:, None]
    return CoreAnswers(predicted, nothing, nothing, asked, nothing)


def _missing(cores: Sequence[BenchCore]) -> list[str]:
    """Note what all cores lack."""
    notes = []
    for i, prop in enumerate(PROPERTIES):
        have = [core.name for core in cores if np.isfinite(core.labels[:, i]).any()]
        if not have:
            notes.append(f"{prop.name} cannot be scored: no core has it")
    colourless = [core.name for core in cores if not core.has_colour.any()]
    if colourless:
        notes.append(f"{', '.join(colourless)}: no colour of any slice, so none is asked about")
    if len(cores) == 1:
        notes.append(f"only one core, {cores[0].name}: nothing here tells of a new core")
    bare = [core.name for core in cores if core.image is None]
    if bare:
        notes.append(f"{', '.join(bare)}: no image, so bundles abstain and no crop can be cut")
    return notes


def _silent(predictions: Sequence[Prediction]) -> list[str]:
    """Note why models abstained, and how often."""
    return [
        f"{prediction.network} abstained from {n} slices: {reason}"
        for prediction in predictions
        for reason, n in sorted(prediction.reasons.items())
    ]


def _few(rows: Sequence[Row]) -> list[str]:
    """Note scores on too few slices."""
    found = {
        (row.target.name, row.protocol): row.figures.n_slices
        for row in rows
        if 0 < row.figures.n_slices < MIN_TELLING
    }
    return [
        f"{name} under {protocol}: {n} slices only, its figures say little"
        for (name, protocol), n in found.items()
    ]


def _names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each bundle: its network, with its folder where two share one."""
    # OpenVINO is loaded only where a bundle is run.
    from downcore.inference import load_bundle  # noqa: PLC0415

    networks = [load_bundle(folder).manifest.network for folder in folders]
    return [
        name if networks.count(name) == 1 else f"{name} ({folder.resolve().name})"
        for name, folder in zip(networks, folders, strict=True)
    ]


def _told_core(core: BenchCore) -> dict[str, Any]:
    return {
        "core": core.name,
        "site": core.site,
        "n_slices": len(core),
        "n_with_colour": int(core.has_colour.sum()),
        "px_per_cm": core.px_per_cm,
        "sensors": dict(zip((p.name for p in PROPERTIES), core.sensors, strict=True)),
        **{
            f"n_{prop.name}": int(np.isfinite(core.labels[:, i]).sum())
            for i, prop in enumerate(PROPERTIES)
        },
    }


def _n_steps(order: Order, cores: Sequence[BenchCore]) -> int:
    n = len(cores) if order.bundles else 0
    if order.with_baselines:
        n_folds = sum(len(protocol.folds(cores, order.seed)) for protocol in PROTOCOLS)
        n += 1 + len(baselines()) * n_folds
    return n
